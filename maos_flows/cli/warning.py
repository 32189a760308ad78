"""Tell on stderr what whoever opens a decision should know of its rule."""

from collections.abc import Iterable

from maos_flows.cli.output import say
from maos_flows.request import DecisionRequest


def warn_of_rules(requests: Iterable[DecisionRequest]) -> None:
    """Print the warnings of the rules of some requests, each once."""
    from maos_flows.cli.loading import known_policies
    from maos_flows.request import warnings_of

    policies = known_policies()
    for request in requests:
        where = f"{request.title}: " if request.title else ""
        for text in warnings_of(request, policies.find(request.algorithm)):
            say(f"warning: {where}{text}")

"""Tell on stderr what whoever opens a decision should know: of its rule, and of a model that is paid for beside it."""

from collections.abc import Iterable

from maos_flows.cli.output import say
from maos_flows.request import DecisionRequest


def warn_of_rules(requests: Iterable[DecisionRequest]) -> None:
    """Print the warnings of the rules of some requests, each once, and which models sum their decisions up."""
    from maos_flows.cli.loading import known_policies
    from maos_flows.request import warnings_of

    policies, models = known_policies(), set()
    for request in requests:
        where = f"{request.title}: " if request.title else ""
        for text in warnings_of(request, policies.find(request.algorithm)):
            say(f"warning: {where}{text}")
        if request.oversight.summarizer is not None:
            models.add(str(request.oversight.summarizer["model"]))
    for model in sorted(models):
        say(f"note: {model} sums up what is decided, and is paid for (consensus.explain.every_decision).")

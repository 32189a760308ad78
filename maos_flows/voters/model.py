"""Voter `model`: a language model of any provider, which fills in a ballot; nothing it writes is ever interpreted."""

import importlib
from types import ModuleType

from maos_flows.model import Agent, Proposal
from maos_flows.voters.failures import LastingError
from maos_flows.voters.threads import in_daemon_thread

_ASKING = "maos_flows.voters.model_asking"
NOT_INSTALLED = "a model needs pydantic-ai and the provider's client: pip install 'maos-flows[models]'"


async def answer(agent: Agent, proposal: Proposal) -> object:
    """Ask the agent's model once, with repairs of what is no ballot, within the limits of its settings.

    Raises:
        LastingError: There is no such model or key, the provider refuses, or a limit is reached.
        PassingError: The provider failed or is busy; what it gave is no ballot.
    """
    asking = await in_daemon_thread(_load, name="load-models")  # seconds, the first time: it delays nobody
    return await asking.answer(agent, proposal)


def _load() -> ModuleType:
    try:
        return importlib.import_module(_ASKING)
    except ImportError as error:
        raise LastingError(f"{NOT_INSTALLED} ({error})") from error

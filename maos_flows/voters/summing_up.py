"""A language model's summary of a decision: asked for once, cleaned, bounded; nothing it writes is ever interpreted."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from types import ModuleType
from typing import Any

from maos_flows.model import Decision
from maos_flows.voters.cleaning import clean, one_line, scrubber
from maos_flows.voters.failures import LastingError, VoterError
from maos_flows.voters.model import NOT_INSTALLED
from maos_flows.voters.retrying import Backoff
from maos_flows.voters.threads import in_daemon_thread

MOST_CHARACTERS = 2_000
"""How much of a summary is kept: more than it is asked for."""
PATIENCE_SECONDS = 60.0
"""How long one may take where nothing is said, all attempts together."""
_WRITING = "maos_flows.voters.model_summary"


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote: one line of text, how long it took, and `usage` and `cost` as ballots state them."""

    model: str
    text: str
    seconds: float
    usage: dict[str, Any] = field(default_factory=dict, hash=False)


async def sum_up(
    decision: Decision, settings: Mapping[str, Any], *, retries: int = 2, backoff: Backoff | None = None
) -> Written:
    """Have a model sum up a decision, again after failures that may pass, within the time and money of its settings.

    Args:
        decision: What is summed up; agents' words go in as data.
        settings: Those of a model voter; of `timeout` (seconds), 60 if it is not there.
        retries: How often it is asked again at most.
        backoff: How long to wait between attempts.

    Raises:
        VoterError: There is no summary; says why in one line without secrets.
    """
    began, scrub = monotonic(), scrubber(settings)
    seconds = float(settings.get("timeout", PATIENCE_SECONDS))
    try:
        writing = await in_daemon_thread(_load, name="load-models")
        words, spent = await writing.write(
            decision, settings, seconds=seconds, retries=retries, backoff=backoff or Backoff()
        )
    except VoterError as failure:
        failure.args = (one_line(scrub(clean(str(failure)))),)
        raise
    text = one_line(scrub(clean(words)), most=MOST_CHARACTERS)
    if not text:
        raise LastingError(f"no summary in what the model gave ({spent})")
    model = str(settings["model"])
    return Written(model, text, monotonic() - began, spent.attributes(model))


def _load() -> ModuleType:
    try:
        return importlib.import_module(_WRITING)
    except ImportError as error:
        raise LastingError(f"{NOT_INSTALLED} ({error})") from error

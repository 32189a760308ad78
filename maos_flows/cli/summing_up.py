"""Add to what is shown of decisions what a language model wrote about them; ask one only if it is configured."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from maos_flows.cli.lookup import Found, configured_store
from maos_flows.cli.output import say
from maos_flows.config import resolve
from maos_flows.config.summing_up import summarizer_of
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import Decision

if TYPE_CHECKING:
    from maos_flows.audit.model_summaries import ModelSummary
    from maos_flows.audit.store import AuditStore


@dataclass(frozen=True, slots=True)
class SummedUp:
    """What is shown, and whether every summary that was asked for came."""

    found: Found
    is_complete: bool = True


def with_summaries(found: Found, *, anew: bool | None) -> SummedUp:
    """Add to a decision, or to each of a run, the newest summary of it.

    Args:
        found: What is shown.
        anew: True has each decision summed up again, False adds nothing, None has a decision summed up that is not yet;
            of the decisions of a run, which may be many, it adds what is there.

    Raises:
        ConfigurationError: They are to be summed up, and no model is configured to.
    """
    if anew is False:
        return SummedUp(found)
    settings = summarizer_of(resolve(os.environ).values.consensus.explain)
    if anew and settings is None:
        message = "no model is configured; `maos config set consensus.explain.model openai:gpt-6-luna` names one"
        raise ConfigurationError([Problem("--summary", message)])
    store = configured_store()
    closed = [part.decision for part in found.decisions() if part.decision is not None]
    known = store.model_summaries.latest([decision.decision_id for decision in closed])
    wanted = closed if anew else [item for item in closed if item.decision_id not in known and found.run is None]
    written = _write(store, wanted, settings) if settings is not None else {}
    return SummedUp(_added(found, {**known, **written}), is_complete=not anew or len(written) == len(wanted))


def _write(
    store: "AuditStore", decisions: Sequence[Decision], settings: Mapping[str, Any]
) -> dict[str, "ModelSummary"]:
    """Have decisions summed up one after the other; one that fails is a line on stderr."""
    from maos_flows.summing_up import write_summary
    from maos_flows.voters.failures import VoterError

    written = {}
    if decisions:
        say(f"note: {settings['model']} sums up what was decided, and is paid for; --no-summary asks no model.")
    for decision in decisions:
        try:
            written[decision.decision_id] = asyncio.run(write_summary(store, decision, settings))
        except VoterError as failure:
            say(f"maos: no summary of {decision.decision_id} by {settings['model']}: {failure}")
    return written


def _added(found: Found, summaries: Mapping[str, "ModelSummary"]) -> Found:
    parts = tuple(_added(part, summaries) for part in found.parts)
    return replace(found, parts=parts, summary=summaries.get(found.name))

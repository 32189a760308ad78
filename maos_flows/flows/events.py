"""Events: what Prefect's event feed, and so its automations, learn of a decision.

They say that something happened, with names and numbers: no text of an agent's, and of a ballot not for what it was
cast, so that nobody who is still to vote learns it here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import copy_context
from datetime import datetime
from typing import Any

from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import emit_event
from prefect.runtime import flow_run

from maos_flows.model import Absence, Ballot, Decision, Opening, Outcome, Suggestion, exact
from maos_flows.voters.base import utc_now

PREFIX = "maos.decision"
"""How the events are named, and what the ids of their resource begin with: `maos.decision.d-0123456789ab`."""

SLOW_AFTER = 0.75
"""The share of its time after which a round that still waits for agents is slow."""

_FAILED = {Outcome.NOT_REACHED, Outcome.ERROR}


def tell_opened(opening: Opening, *, is_resumed: bool) -> None:
    """Tell that a decision was opened; not again when it is taken up after agents have answered."""
    if is_resumed:
        return
    proposal = opening.proposal
    deadline = None if proposal.deadline is None else proposal.deadline.isoformat()
    _tell("opened", opening, agents=opening.electorate.size, deadline=deadline)


def tell_answer(opening: Opening, answer: Ballot | Absence) -> None:
    """Tell that an agent has answered, or that there is no more to be had from it."""
    what = "ballot" if isinstance(answer, Ballot) else answer.kind.value
    seconds = round(answer.seconds, 3)
    _tell("ballot", opening, agent=answer.agent_id, answer=what, seconds=seconds, round=answer.round)


def tell_suggestion(opening: Opening, given: Suggestion | Absence) -> None:
    """Tell that an agent has suggested an answer, or that none is to be had from it."""
    what = "suggestion" if isinstance(given, Suggestion) else given.kind.value
    _tell("suggestion", opening, agent=given.agent_id, answer=what, seconds=round(given.seconds, 3))


def tell_decided(decision: Decision) -> None:
    """Tell how a decision ended; that it failed, if it did; and of each agent in it that is at fault."""
    opening = decision.opening
    ended = {
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "choice": decision.choice,
        "strength": exact(decision.strength),
        "participants": decision.tally.participants,
        "agents": opening.electorate.size,
        "simulated": decision.is_simulated,
    }
    _tell("decided", opening, **ended)
    if decision.outcome in _FAILED:
        _tell("failed", opening, **ended)
    for fault in decision.faults:
        _tell("byzantine", opening, agent=fault.agent_id, fault=fault.kind, proof=fault.is_proof)


@asynccontextmanager
async def told_if_slow(opening: Opening) -> AsyncIterator[None]:
    """Tell, if the block takes that long, that most of a round's time is over and not all agents have answered."""
    deadline = opening.proposal.deadline
    if deadline is None:
        yield
        return
    telling = asyncio.create_task(_tell_slow(opening, deadline))
    try:
        yield
    finally:
        telling.cancel()


async def _tell_slow(opening: Opening, deadline: datetime) -> None:
    left = (deadline - utc_now()).total_seconds()
    await asyncio.sleep(max(left, 0) * SLOW_AFTER)
    tell_slow(opening)


def tell_slow(opening: Opening) -> None:
    """Tell that a decision is slow: by the usual share of its time, or by the threshold that was configured."""
    deadline = opening.proposal.deadline
    _tell("slow", opening, round=opening.proposal.round, deadline=None if deadline is None else deadline.isoformat())


def tell_alert(opening: Opening, *, about: str, told: Sequence[str], failed: Sequence[str]) -> None:
    """Tell that the contacts were alerted: what about, which were told, and which could not be."""
    _tell("alert", opening, about=about, told=list(told), failed=list(failed))


def _tell(what: str, opening: Opening, **payload: Any) -> None:
    """Send an event; Prefect does that in a thread of its own, and a server that is away holds nobody up."""
    decision_id = opening.proposal.decision_id
    run_id = flow_run.id
    related = [{"prefect.resource.id": f"prefect.flow-run.{run_id}", "prefect.resource.role": "flow-run"}]
    copy_context().run(
        _emit,
        f"{PREFIX}.{what}",
        {"prefect.resource.id": f"{PREFIX}.{decision_id}", "prefect.resource.name": decision_id},
        related if run_id else [],
        {"decision_id": decision_id, "algorithm": opening.algorithm, **payload},
    )


def _emit(name: str, resource: dict[str, str], related: list[dict[str, str]], payload: Mapping[str, Any]) -> None:
    # Within a run Prefect looks up its deployment, work queue and work pool for each event: four requests a decision.
    FlowRunContext.__var__.set(None)  # type: ignore[arg-type]
    TaskRunContext.__var__.set(None)  # type: ignore[arg-type]
    emit_event(name, resource=resource, related=related, payload=dict(payload))

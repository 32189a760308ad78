"""Collecting a round: whoever has not answered is asked, and every answer is kept the moment it arrives."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from maos_flows.agreement.authenticating import rejection_of
from maos_flows.audit.store import AuditStore
from maos_flows.flows.agreeing import signed
from maos_flows.flows.artifacts import Progress
from maos_flows.flows.asking_people import ask_person
from maos_flows.flows.drilling import Drilling
from maos_flows.flows.edges import Sealed, sealed_result, state_of, untracked
from maos_flows.flows.events import tell_answer
from maos_flows.flows.limits import place_for
from maos_flows.flows.stores import kept
from maos_flows.flows.turns import Turns
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot, Event, EventKind, Opening, Proposal
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest
from maos_flows.voters.base import ask, utc_now

Answer = Ballot | Absence
Given = TypeVar("Given")
Keep = Callable[[Answer], Awaitable[Answer]]

PROGRESS_AFTER_SECONDS = 1.0
"""A decision that is over sooner has no progress artifact: nobody would see it, and each costs two requests."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A round that is being collected.

    Attributes:
        opening: What binds it.
        answered: The answers that were on record when it was begun or taken up.
        since: The number of the event that says so.
        drilling: What is made to go wrong with it.
        is_resumed: Whether somebody had answered before.
    """

    opening: Opening
    answered: Mapping[str, Answer]
    since: int
    drilling: Drilling | None = None
    is_resumed: bool = False


Collected = tuple[Mapping[str, Answer], list[object]]
"""All answers of a round, as they are on record, and the edges from the task runs that collected them."""

Collect = Callable[[Begun, DecisionRequest, ConsensusPolicy, AuditStore], Awaitable[Collected]]
"""Asks whoever has not answered in a round."""


def begin_asking(store: AuditStore, opening: Opening, request: DecisionRequest) -> Begun:
    """Read who has answered in a round, and note that the others are asked."""
    proposal = opening.proposal
    answered = {answer.agent_id: answer for answer in store.answers(proposal.decision_id, proposal.round)}
    waiting = [agent.id for agent in request.agents if agent.id not in answered]
    kind, text = EventKind.ASKED, f"round {proposal.round}: {len(waiting)} agents asked"
    if answered:
        kind, text = EventKind.RESUMED, f"resumed; {len(waiting)} agents still to answer"
    event = store.note(proposal.decision_id, Event(utc_now(), kind, text, data={"agents": waiting}))
    return Begun(opening, answered, event.sequence, is_resumed=bool(answered))


def keep_answer(answer: Answer, *, opening: Opening, store: AuditStore, sealed: bool = False) -> Answer:
    """Record an answer; an agent whose ballot is rejected has answered all the same, and is recorded as without one."""
    given = store.record_answer(signed(answer, opening))
    rejected = rejection_of(given, opening) if isinstance(given, Ballot) else None
    if rejected is None:
        return given
    why = rejected.reason.value.replace("_", " ") if sealed else rejected.explanation
    absence = Absence(
        given.decision_id,
        given.agent_id,
        AbsenceKind.FAILED,
        f"its ballot was rejected: {why}",
        round=given.round,
        voter=given.voter,
        received_at=given.received_at,
        seconds=given.seconds,
    )
    return store.record_answer(absence)


def note_settled(store: AuditStore, proposal: Proposal) -> Event:
    """Note that a round stops waiting, because no outstanding ballot can change the outcome."""
    text = f"round {proposal.round}: no outstanding ballot can change the outcome"
    return store.note(
        proposal.decision_id, Event(utc_now(), EventKind.SETTLED_EARLY, text, data={"round": proposal.round})
    )


async def answer_of(agent: Agent, proposal: Proposal, *, retries: int, enough: asyncio.Event | None) -> Answer:
    """Ask one agent; where there may be enough ballots without its own, unless or until there are."""
    if enough is None:
        return await _asked(agent, proposal, retries)
    if enough.is_set():
        return _not_needed(agent, proposal)
    asking = asyncio.create_task(_asked(agent, proposal, retries))
    stopping = asyncio.create_task(enough.wait())
    try:
        await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return asking.result() if asking.done() else _not_needed(agent, proposal)
    finally:
        asking.cancel()
        stopping.cancel()
        await asyncio.gather(asking, stopping, return_exceptions=True)


async def _asked(agent: Agent, proposal: Proposal, retries: int) -> Answer:
    """Ask one agent: a person on record, where it waits for days if need be, any other by its voter, when it may."""
    if agent.voter == "human":
        return await ask_person(agent, proposal)
    return await in_its_place(agent, proposal, partial(ask, agent, proposal, retries=retries))


async def in_its_place(
    agent: Agent, proposal: Proposal, asking: Callable[[], Awaitable[Given | Absence]]
) -> Given | Absence:
    """Ask an agent when it may be, under the limits there are; if it never may, say so."""
    left = None if proposal.deadline is None else max(0.0, (proposal.deadline - utc_now()).total_seconds())
    try:
        async with place_for(agent, left):
            return await asking()
    except TimeoutError:
        return _absent(agent, proposal, AbsenceKind.TIMED_OUT, "no place under its concurrency limits became free")


def _not_needed(agent: Agent, proposal: Proposal) -> Absence:
    return _absent(agent, proposal, AbsenceKind.NOT_NEEDED, "the outcome could no longer change")


def _absent(agent: Agent, proposal: Proposal, kind: AbsenceKind, explanation: str) -> Absence:
    return Absence(
        proposal.decision_id,
        agent.id,
        kind,
        explanation,
        round=proposal.round,
        voter=agent.voter,
        received_at=utc_now(),
    )


@task(name="collect-ballot", task_run_name="ballot: {agent.id}", cache_policy=NO_CACHE, persist_result=False)
async def collect_and_keep(
    agent: Agent, proposal: Proposal, *, answering: Callable[[], Awaitable[Answer]], keep: Keep, sealed: bool
) -> State[Any]:
    """Ask one agent, keep its answer the moment it arrives, and name the task run's state after it.

    Who can see the state of a task run may have a ballot to cast still, so that of a sealed one says only that it is.
    """
    del agent, proposal  # what people see of it
    answer = await keep(await answering())
    if sealed and isinstance(answer, Ballot):
        return Completed(name="Ballot cast", message=_simulated(answer), data=Sealed(answer))
    return Completed(name=_state_name(answer), message=_message(answer), data=Sealed(answer))


def _state_name(answer: Answer) -> str:
    if isinstance(answer, Ballot):
        return f"Ballot: {answer.choice[:60]}"
    return f"No ballot: {answer.kind.value.replace('_', ' ')}"


def _message(answer: Answer) -> str:
    if isinstance(answer, Absence):
        return answer.explanation
    return f"{_simulated(answer)}{answer.reasoning[:200]}"


def _simulated(ballot: Ballot) -> str:
    return "simulated: " if ballot.voter == "simulated" else ""


async def collect_singly(
    begun: Begun, request: DecisionRequest, policy: ConsensusPolicy, store: AuditStore
) -> Collected:
    """Ask each agent that has not answered in a task run of its own: all at once, or in waves that may stop early."""
    opening, proposal = begun.opening, begun.opening.proposal
    answers = dict(begun.answered)

    async def keep(answer: Answer) -> Answer:
        accepted = await kept(store, partial(keep_answer, answer, opening=opening, store=store, sealed=request.sealed))
        tell_answer(opening, accepted)
        await _contradict(begun, accepted)
        return accepted

    async def collect(agent: Agent) -> Sealed[Answer]:
        await turns.of(agent.id)
        asking = collect_and_keep(
            untracked(agent),
            untracked(proposal),
            answering=untracked(_answering(begun, request, agent, turns.enough)),
            keep=untracked(keep),
            sealed=request.sealed,
            return_state=True,
        )
        collected: Sealed[Answer] = await sealed_result(await state_of(asking))
        answers[agent.id] = collected.value
        await turns.go_on()
        return collected

    on_settled = partial(kept, store, partial(note_settled, store, proposal))
    turns = Turns(request, policy, opening, answers, on_settled=on_settled)
    waiting = [agent for agent in request.agents if agent.id not in answers]
    await turns.begin()
    progress = asyncio.create_task(_show_progress(proposal.decision_id, answers, len(request.agents)))
    try:
        edges = await asyncio.gather(*(collect(agent) for agent in waiting))
    finally:
        progress.cancel()
        with suppress(asyncio.CancelledError):
            await progress
    return answers, list(edges)


def _answering(
    begun: Begun, request: DecisionRequest, agent: Agent, enough: asyncio.Event | None
) -> Callable[[], Awaitable[Answer]]:
    """Say how an agent is asked: as it is or, where there may be drills, as they allow."""
    proposal = begun.opening.proposal
    asking = partial(answer_of, agent, proposal, retries=request.retries, enough=enough)
    if begun.drilling is None:
        return asking
    return partial(begun.drilling.answer, agent, proposal, asking, enough)


async def _contradict(begun: Begun, accepted: Answer) -> None:
    if begun.drilling is not None:
        await begun.drilling.contradict(accepted)


async def _show_progress(decision_id: str, answers: Mapping[str, Answer], expected: int) -> None:
    progress = Progress(decision_id, expected)
    while True:
        await asyncio.sleep(PROGRESS_AFTER_SECONDS)
        await progress.show(len(answers))

"""The round before the vote of a question without choices: every agent is asked for a suggestion, and they are merged.

What agents suggest is kept as it comes, so a run that died asks nobody again; the vote is opened in one transaction
with the choices, which then bind it like choices that were given.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from maos_flows.audit.store import AuditStore
from maos_flows.deliberation import Deliberation
from maos_flows.flows.agreeing import bound
from maos_flows.flows.asking_people import ask_person_to_suggest, withdraw
from maos_flows.flows.chunks import ASKED_AT_ONCE, CHUNK, CHUNKS_AT_ONCE, is_large
from maos_flows.flows.collecting import Begun, begin_asking, in_its_place
from maos_flows.flows.edges import Sealed, sealed_result, state_of, unsealed, untracked
from maos_flows.flows.events import tell_suggestion
from maos_flows.flows.stores import kept
from maos_flows.flows.undecided import Ending, undecided
from maos_flows.judging import note_weights, with_learned_weights
from maos_flows.model import (
    Absence,
    AbsenceKind,
    Agent,
    Decision,
    Event,
    EventKind,
    Opening,
    Outcome,
    Proposal,
    Reason,
    Suggestion,
)
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.proposing import DETAILS, SHARE_OF_TIME, Merged, SuggestedChoice, as_details, given_to_voters, merge
from maos_flows.request import DecisionRequest, Dynamics, open_decision
from maos_flows.voters import suggest
from maos_flows.voters.base import utc_now

Given = Suggestion | Absence

MOST_AT_ONCE = CHUNKS_AT_ONCE * ASKED_AT_ONCE
"""How many agents are asked for suggestions at the same time."""

NOTHING_SUGGESTED = Ending(
    Outcome.NOT_REACHED,
    Reason.NO_SUGGESTIONS,
    "no agent suggested an answer, so there was nothing to vote on",
    AbsenceKind.NOT_NEEDED,
    "it had nothing to suggest",
)


def begin_proposing(store: AuditStore, opening: Opening, request: DecisionRequest) -> Begun:
    """Note that the agents who have suggested nothing yet are asked."""
    proposal = opening.proposal
    answered = store.suggestions.answered(proposal.decision_id)
    waiting = [agent.id for agent in request.agents if agent.id not in answered]
    until = proposal.deadline
    words = f"no choices yet: {len(waiting)} agents asked for suggestions"
    kind, text = EventKind.PROPOSING, f"{words}{f' until {until:%H:%M:%S}' if until else ''}"
    if answered:
        kind, text = EventKind.RESUMED, f"resumed; {len(waiting)} agents still to suggest an answer"
    data = {"agents": waiting, "until": until.isoformat() if until else None}
    event = store.note(proposal.decision_id, Event(utc_now(), kind, text, data=data))
    return Begun(opening, {}, event.sequence, is_resumed=bool(answered))


async def propose(
    begun: Begun, request: DecisionRequest, policy: ConsensusPolicy, store: AuditStore
) -> Begun | Decision:
    """Ask whoever has suggested nothing yet, merge what was suggested, and open the vote on it.

    Returns:
        The vote as it was begun; or, if nothing was suggested, the decision that nothing was reached.
    """
    opening = begun.opening
    decision_id = opening.proposal.decision_id
    answered = await asyncio.to_thread(store.suggestions.answered, decision_id)
    waiting = [agent for agent in request.agents if agent.id not in answered]
    at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def suggested(agent: Agent) -> Given:
        async with at_once:
            return await _suggestion_of(begun, request, agent, store)

    edges = await asyncio.gather(*(_collect(request, group, suggested) for group in _groups(request, waiting)))
    if any(agent.voter == "human" for agent in request.agents):
        await withdraw(store, decision_id)
    merging = merge_suggestions(edges, merged=untracked(partial(merged_of, store, opening, request)), return_state=True)
    merged: Merged = await unsealed(await state_of(merging))
    if not merged.choices:
        return await asyncio.to_thread(undecided, store, opening, NOTHING_SUGGESTED)
    return await kept(store, partial(_open_vote, store, request, policy, opening, merged))


def merged_of(store: AuditStore, opening: Opening, request: DecisionRequest) -> Merged:
    """Merge what is on record of suggestions: the same however often it is done."""
    order = [elector.agent_id for elector in opening.electorate.electors]
    return merge(store.suggestions.of(opening.proposal.decision_id), order=order, most=request.max_choices)


async def with_suggestions(store: AuditStore, decision: Decision, request: DecisionRequest) -> Decision:
    """Give a decision with which of its choices were suggested by whom, if they were."""
    if not request.open_choices:
        return decision
    merged = await asyncio.to_thread(merged_of, store, decision.opening, request)
    return replace(decision, details={**decision.details, DETAILS: as_details(merged)})


@task(name="collect-suggestions", task_run_name="suggestion: {whose}", cache_policy=NO_CACHE, persist_result=False)
async def collect_suggestions(
    whose: str, *, asking: Callable[[], Awaitable[Sequence[Given]]], sealed: bool
) -> State[Any]:
    """Ask agents for suggestions, and name the task run's state after what one suggests, or how many do."""
    del whose  # what people see of it
    given = await asking()
    name, message = _state_of(given, sealed=sealed)
    return Completed(name=name, message=message, data=Sealed(len(given)))


@task(name="merge-suggestions", task_run_name="merge suggestions", cache_policy=NO_CACHE, persist_result=False)
async def merge_suggestions(states: Sequence[object], *, merged: Callable[[], Merged]) -> State[Any]:
    """Merge suggestions into the choices of the vote."""
    del states  # what it depends on, for the graph
    found = await asyncio.to_thread(merged)
    left_out = f"; left out: {_listed(found.left_out)}" if found.left_out else ""
    name = f"Choices: {len(found.choices)}" if found.choices else "No suggestions"
    return Completed(name=name, message=f"{_listed(found.choices)}{left_out}", data=Sealed(found))


def _groups(request: DecisionRequest, waiting: Sequence[Agent]) -> list[Sequence[Agent]]:
    """Say who share a task run: nobody, or each hundred where there are many."""
    size = CHUNK if is_large(request) else 1
    return [waiting[start : start + size] for start in range(0, len(waiting), size)]


async def _collect(
    request: DecisionRequest, group: Sequence[Agent], suggested: Callable[[Agent], Awaitable[Given]]
) -> Sealed[int]:
    whose = group[0].id if len(group) == 1 else f"{group[0].id} to {group[-1].id}"

    async def asking() -> Sequence[Given]:
        return await asyncio.gather(*(suggested(agent) for agent in group))

    collecting = collect_suggestions(whose, asking=untracked(asking), sealed=request.sealed, return_state=True)
    return await sealed_result(await state_of(collecting))


async def _suggestion_of(begun: Begun, request: DecisionRequest, agent: Agent, store: AuditStore) -> Given:
    """Ask an agent as it is or, where there may be drills, as they allow; and keep what it suggests."""
    proposal = begun.opening.proposal
    asking: Callable[[], Awaitable[Given]] = partial(_asked, agent, proposal, request.retries)
    given = await (asking() if begun.drilling is None else begun.drilling.answer(agent, proposal, asking, None))
    recorded = await kept(store, lambda: store.suggestions.record(given, now=utc_now()))
    tell_suggestion(begun.opening, recorded)
    return recorded


async def _asked(agent: Agent, proposal: Proposal, retries: int) -> Given:
    if agent.voter == "human":
        return await ask_person_to_suggest(agent, proposal)
    return await in_its_place(agent, proposal, partial(suggest, agent, proposal, retries=retries))


def _open_vote(
    store: AuditStore, request: DecisionRequest, policy: ConsensusPolicy, before: Opening, merged: Merged
) -> Begun:
    """Open the vote on what was suggested, or find what was opened."""
    now, decision_id = utc_now(), before.proposal.decision_id
    store.suggestions.merged(decision_id, merged, at=now)
    given = given_to_voters(
        merged,
        store.suggestions.of(decision_id),
        with_reasons=request.deliberation is not Deliberation.BLIND,
        with_names=request.deliberation is Deliberation.FULL,
    )
    asked = replace(request, choices=merged.ballot_choices, context=(*request.context, given))
    asked = with_learned_weights(asked, store)
    vote = open_decision(asked, policy, decision_id=decision_id, now=now)
    # What weights are worth depends on how many choices there are; any others were frozen with the question.
    electorate = before.electorate if request.dynamics is Dynamics.NONE else vote.electorate
    proposal = replace(vote.proposal, deadline=_deadline(before, request, now))
    frozen = replace(vote, proposal=proposal, opened_at=before.opened_at, electorate=electorate)
    opening = store.open_round(bound(frozen, policy))
    if request.dynamics is not Dynamics.NONE:
        note_weights(store, opening)
    return begin_asking(store, opening, asked)


def _deadline(before: Opening, request: DecisionRequest, now: datetime) -> datetime:
    """Give the vote what is left of the decision's time, and its share of it where a run was taken up late."""
    whole = timedelta(seconds=request.timeout_seconds)
    return max(before.opened_at + whole, now + whole * float(1 - SHARE_OF_TIME))


def _state_of(given: Sequence[Given], *, sealed: bool) -> tuple[str, str]:
    """Say in a task run's state what one agent suggests, or how many of several do."""
    made = [one for one in given if isinstance(one, Suggestion)]
    if len(given) > 1:
        return f"Suggestions: {len(made)} of {len(given)}", ""
    if not made:
        return "No suggestion", "".join(one.explanation for one in given if isinstance(one, Absence))
    simulated = "simulated: " if made[0].voter == "simulated" else ""
    if sealed:
        return "Suggestion made", simulated
    return f"Suggestion: {made[0].text[:60]}", f"{simulated}{made[0].reasoning[:200]}"


def _listed(choices: Sequence[SuggestedChoice]) -> str:
    return ", ".join(one.choice for one in choices)

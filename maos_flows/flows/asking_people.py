"""Asking people: a question on record, a form, word sent, reminders; then waiting for an answer from wherever it comes.

Whoever waits reads the store: what is answered in a shell, or in a form while nobody waited, is found there. So a
decision that died is taken up without asking anybody twice.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

import httpx
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.states import Completed

from maos_flows.audit.store import AuditStore
from maos_flows.config.keyring import keys_here
from maos_flows.errors import ConfigurationError, ConflictError
from maos_flows.flows.alerting import reach
from maos_flows.flows.edges import Sealed, state_of, unsealed, untracked
from maos_flows.flows.person_forms import ask_again, believed, close_form, open_form, read_form
from maos_flows.flows.stores import kept, opened_store
from maos_flows.model import (
    Absence,
    AbsenceKind,
    Agent,
    Ballot,
    Decision,
    Event,
    EventKind,
    Opening,
    Proposal,
    Suggestion,
)
from maos_flows.model.people import Answered, Asked, Note, NoteKind, Overseers, QuestionKind
from maos_flows.people.answering import answer, cast_for_absent, group_answer, is_due
from maos_flows.people.asking import ask_for_ballot, ask_for_suggestion, ask_overseers, current, remind
from maos_flows.people.ruling import question_after, ruled
from maos_flows.request import DecisionRequest
from maos_flows.voters.base import utc_now

Value = TypeVar("Value")
_LOG = logging.getLogger(__name__)
_PATIENCE_SECONDS = 5.0
"""How long a person is not told, and how long a call waits, for the sake of a form."""

_FIRST_LOOK_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_PAUSE_PER_SECOND = 0.02
"""How long to wait before the next look, as a share of how long the question has waited: days cost little."""


async def ask_person(agent: Agent, proposal: Proposal) -> Ballot | Absence:
    """Ask a person for its ballot, and wait for it until its time is over.

    Returns:
        The ballot as it is on record, or that nobody answered.
    """
    store = await opened_store()
    asked = await _until_answered(store, await kept(store, partial(_put, store, agent, proposal)))
    if asked.answer is None:
        return _absent(agent, proposal, asked)
    return await asyncio.to_thread(_ballot, store, asked)


async def ask_person_to_suggest(agent: Agent, proposal: Proposal) -> Suggestion | Absence:
    """Ask a person for a suggestion, and wait for it until its time is over.

    Returns:
        The suggestion as it is on record, or that nobody answered.
    """
    store = await opened_store()
    asked = await _until_answered(store, await kept(store, partial(_put_to_suggest, store, agent, proposal)))
    if asked.answer is None:
        return _absent(agent, proposal, asked)
    suggestions = await asyncio.to_thread(store.suggestions.of, proposal.decision_id)
    return next(given for given in suggestions if given.agent_id == agent.id)


async def _until_answered(store: AuditStore, asked: Asked) -> Asked:
    """Wait until a question is answered, or its time is over; then its form is closed."""
    while True:
        asked = await asyncio.to_thread(_look, store, asked)
        if asked.answer is not None or utc_now() >= asked.question.deadline:
            await _close(store, asked)
            return asked
        await _attend(store, asked)


async def put_to_people(store: AuditStore, decision: Decision, request: DecisionRequest) -> Decision:
    """Put a decision to its overseers, if it is escalated or must be confirmed, and give it as it is after that."""
    kind = question_after(decision, request.overseers)
    if kind is None:
        return decision
    asking = put_to_overseers(untracked(decision), untracked(request.overseers), kind, return_state=True)
    changed: Decision = await unsealed(await state_of(asking))
    if changed.reason is not decision.reason or changed.outcome is not decision.outcome:
        await kept(store, partial(_note_change, store, changed))
    return changed


@task(name="put-to-people", task_run_name="put to people: {kind.value}", cache_policy=NO_CACHE, persist_result=False)
async def put_to_overseers(decision: Decision, overseers: Overseers, kind: QuestionKind) -> State[Any]:
    """Ask the overseers of a decision, all at once; the first to answer counts."""
    store = await opened_store()
    asked = await kept(store, partial(ask_overseers, store, decision, overseers, kind, now=utc_now()))
    given = await _first_answer(store, asked)
    await withdraw(store, decision.decision_id)
    after = ruled(decision, kind, given)
    name = f"Answered by {given.by}" if given is not None else "No answer"
    return Completed(name=name, message=after.explanation, data=Sealed(after))


async def withdraw(store: AuditStore, decision_id: str) -> None:
    """Close the forms of a decision that are open and not needed any more: answered elsewhere, or too late."""
    for asked in await asyncio.to_thread(store.people.of, decision_id):
        if asked.note(NoteKind.FORM) is not None and asked.note(NoteKind.CLOSED) is None:
            await _close(store, asked)


async def _first_answer(store: AuditStore, asked: Sequence[Asked]) -> Answered | None:
    while True:
        looked = [await asyncio.to_thread(_look, store, one) for one in asked]
        given = group_answer(tuple(looked))
        if given is not None or utc_now() >= asked[0].question.deadline:
            return given
        await asyncio.gather(*(_attend(store, one) for one in looked))


def _put(store: AuditStore, agent: Agent, proposal: Proposal) -> Asked:
    request, opening = store.request(proposal.decision_id), store.opening(proposal.decision_id)
    assert request is not None, "who is asked is asked on record"
    assert opening is not None, "who is asked is asked on record"
    return ask_for_ballot(store, agent, opening, request, now=utc_now())


def _put_to_suggest(store: AuditStore, agent: Agent, proposal: Proposal) -> Asked:
    opening = store.opening(proposal.decision_id)
    assert opening is not None, "who is asked is asked on record"
    return ask_for_suggestion(store, agent, opening, now=utc_now())


def _look(store: AuditStore, asked: Asked) -> Asked:
    """Read a question as it is now, after taking a deputy's word if it is time for that."""
    asked = current(store, asked.question)
    if asked.answer is None and asked.stood_in is not None:
        opening: Opening | None = store.opening(asked.question.decision_id)
        assert opening is not None, "it was opened"
        if is_due(store, asked, opening, at=utc_now()):
            cast_for_absent(store, asked, at=utc_now(), keys=keys_here())
            return current(store, asked.question)
    return asked


async def _reach_out(store: AuditStore, asked: Asked) -> None:
    """Open the form and send word, once each; the word waits a little for the form, whose page it names."""
    question = asked.question
    waited = (utc_now() - question.asked_at).total_seconds()
    has_form = asked.note(NoteKind.FORM) is not None
    if not has_form:
        opened = await _tried(open_form(question, below=waited < _PATIENCE_SECONDS))
        if opened is not None:
            data = {"flow_run": opened[0], "url": opened[1]}
            has_form = await kept(
                store, partial(store.people.note, question, Note(NoteKind.FORM, utc_now(), data=data))
            )
    is_told = not question.contact or asked.note(NoteKind.NOTIFIED, "") is not None
    if not is_told and (has_form or not believed(question) or waited >= _PATIENCE_SECONDS):
        await _send_word(store, await asyncio.to_thread(current, store, question), key="")


async def _send_word(store: AuditStore, asked: Asked, *, key: str) -> None:
    """Tell a person that something waits, without a word of the question's: channels read markup and mentions."""
    question, form = asked.question, asked.note(NoteKind.FORM)
    name = question.person.agent_id
    lines = [
        f"{name} is asked in decision {question.decision_id}, until {question.deadline:%Y-%m-%d %H:%M} UTC.",
        f"maos vote {question.decision_id} --as {name} --choice {'CHOICE' if question.choices else 'TEXT'}",
        *([str(form.data["url"])] if form is not None else []),
    ]
    failed = await reach(question.contact, "\n\n".join(lines))
    data = {"contact": question.contact, "failed": failed}
    await kept(store, partial(store.people.note, question, Note(NoteKind.NOTIFIED, utc_now(), key=key, data=data)))


async def _attend(store: AuditStore, asked: Asked) -> None:
    """Have the person told; wait a while; then take what was filled in, and remind if it is time to."""
    await _reach_out(store, asked)
    question, now = asked.question, utc_now()
    waited = (now - question.asked_at).total_seconds()
    pause = max(_FIRST_LOOK_SECONDS, min(_LONGEST_PAUSE_SECONDS, waited * _PAUSE_PER_SECOND))
    await asyncio.sleep(min(pause, max(0.0, (question.deadline - now).total_seconds())))
    form = asked.note(NoteKind.FORM)
    if form is not None:
        await _take_filled_in(store, asked, str(form.data["flow_run"]))
    if await kept(store, partial(remind, store, asked, now=utc_now())) and question.contact:
        await _send_word(store, asked, key=utc_now().isoformat())


async def _take_filled_in(store: AuditStore, asked: Asked, flow_run_id: str) -> None:
    given = await _tried(read_form(asked.question, flow_run_id))
    if given is None:
        return
    try:
        await asyncio.to_thread(answer, store, asked.question, given, at=utc_now(), keys=keys_here())
    except ConfigurationError as error:
        await _tried(ask_again(asked.question, flow_run_id, str(error)))
    except ConflictError:
        return  # somebody was first, or it is too late: whoever waits finds out, and closes the form


async def _close(store: AuditStore, asked: Asked) -> None:
    form = asked.note(NoteKind.FORM)
    if form is None:
        return
    how, words = "", "no answer is needed any more"
    if asked.answer is not None:
        how = "Answered" if asked.answer.via == "form" else "Answered in a shell"
        words = f"by {asked.answer.by}"
    await _tried(close_form(str(form.data["flow_run"]), answered=how, words=words))
    await kept(store, partial(store.people.note, asked.question, Note(NoteKind.CLOSED, utc_now())))


async def _tried(talking: Coroutine[Any, Any, Value]) -> Value | None:
    """Talk to Prefect about a form; a server that cannot be reached, or refuses, keeps nobody from answering."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await talking
    except (httpx.HTTPError, PrefectException, TimeoutError) as error:
        _LOG.info("a form in Prefect could not be used: %s", " ".join(str(error).split())[:200])
        return None


def _ballot(store: AuditStore, asked: Asked) -> Ballot | Absence:
    """Read the answer as it is on record."""
    question = asked.question
    answers = store.answers(question.decision_id, question.round)
    return next(given for given in answers if given.agent_id == question.person.agent_id)


def _absent(agent: Agent, proposal: Proposal, asked: Asked) -> Absence:
    return Absence(
        proposal.decision_id,
        agent.id,
        AbsenceKind.TIMED_OUT,
        "no answer from the person before the deadline",
        round=proposal.round,
        voter=agent.voter,
        received_at=utc_now(),
        seconds=(utc_now() - asked.question.asked_at).total_seconds(),
    )


def _note_change(store: AuditStore, decision: Decision) -> None:
    """Write what people made of a decision; once, also where the closing after it is tried again."""
    kind = EventKind.OVERRIDDEN if decision.choice is not None else EventKind.ESCALATED
    if any(event.kind is kind and event.data.get("reason") for event in store.timeline(decision.decision_id)):
        return
    by = decision.details.get("overrode", decision.details.get("oversight", {})).get("by")
    data = {"reason": decision.reason.value, "by": by, "choice": decision.choice}
    words = f"{decision.reason.value.replace('_', ' ')}{f' by {by}' if by else ''}"
    store.note(decision.decision_id, Event(utc_now(), kind, words, by, data=data))

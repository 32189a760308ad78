"""Putting questions to people: once each, on record, whoever takes the decision up again."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from maos_flows.audit.bounds import MOST_REASONING
from maos_flows.audit.store import AuditStore
from maos_flows.audit.texts import cut
from maos_flows.model import ABSTAIN, Agent, Decision, Event, EventKind, Opening, Proposal
from maos_flows.model.people import Asked, Note, NoteKind, Overseers, Person, Question, QuestionKind
from maos_flows.request import DecisionRequest
from maos_flows.scrutiny import may_veto

APPROVE, REJECT = "approve", "reject"
"""What may be answered where a person is to confirm."""

_UNBOUNDED = timedelta(days=1)
_SHORTEST_REMINDED = timedelta(minutes=1)
_REMIND_AT_SHARES = (2, 10)
"""Without a setting of its own a person is reminded when half of the time is left, and when a tenth is."""


def ask_for_ballot(
    store: AuditStore, agent: Agent, opening: Opening, request: DecisionRequest, *, now: datetime
) -> Asked:
    """Ask a member of the electorate for its ballot, or find that it was asked."""
    proposal = opening.proposal
    deadline = proposal.deadline or now + _UNBOUNDED
    if "timeout" in agent.settings:
        deadline = min(deadline, now + timedelta(seconds=float(agent.settings["timeout"])))
    deputies = {one.id: one for one in (*request.agents, *request.deputies)}
    deputy = deputies.get(str(agent.settings.get("deputy", "")))
    elector = opening.electorate.elector(agent.id)
    question = Question(
        proposal.decision_id,
        proposal.round,
        QuestionKind.BALLOT,
        _person(agent),
        _in_words(proposal),
        (*proposal.choices, ABSTAIN),
        now,
        deadline,
        deputy=None if deputy is None else _person(deputy),
        needs_reasoning=opening.parameters.justification_required,
        may_veto=elector is not None and may_veto(elector, opening),
        remind_at=tuple(_reminders(agent, now, deadline)),
        contact=str(agent.settings.get("notify", "")),
    )
    return _put(store, question)


def ask_for_suggestion(store: AuditStore, agent: Agent, opening: Opening, *, now: datetime) -> Asked:
    """Ask a member of the electorate for a suggestion, or find that it was asked. Nobody stands in for it."""
    proposal = opening.proposal
    deadline = proposal.deadline or now + _UNBOUNDED
    question = Question(
        proposal.decision_id,
        proposal.round,
        QuestionKind.SUGGESTION,
        _person(agent),
        _in_words(proposal),
        (),
        now,
        deadline,
        remind_at=tuple(_reminders(agent, now, deadline)),
        contact=str(agent.settings.get("notify", "")),
    )
    return _put(store, question)


def ask_overseers(
    store: AuditStore, decision: Decision, overseers: Overseers, kind: QuestionKind, *, now: datetime
) -> tuple[Asked, ...]:
    """Put a decision to its overseers, or find that it was put to them."""
    deadline = now + timedelta(seconds=overseers.timeout_seconds)
    earlier = [asked for asked in store.people.of(decision.decision_id) if _is_of(asked, decision, kind)]
    if earlier:
        return tuple(earlier)
    proposal = decision.opening.proposal
    is_open = kind is QuestionKind.DECIDE
    choices = proposal.choices if is_open else (APPROVE, REJECT)
    what = "No consensus" if is_open else f"Reached: {decision.choice}"
    text = f"{_in_words(proposal)}\n\n{what} ({decision.explanation})."
    questions = [
        Question(
            proposal.decision_id,
            proposal.round,
            kind,
            _person(agent),
            text,
            choices,
            now,
            deadline,
            needs_reasoning=decision.opening.parameters.justification_required,
            remind_at=tuple(_reminders(agent, now, deadline)),
            contact=str(agent.settings.get("notify", "")),
        )
        for agent in overseers.agents
    ]
    names = ", ".join(question.person.agent_id for question in questions)
    words = f"{'to decide' if is_open else 'to confirm'}: {names}, until {deadline:%Y-%m-%d %H:%M:%S} UTC"
    data = {"until": deadline.isoformat(), "what": kind.value}
    store.note(proposal.decision_id, Event(now, EventKind.ESCALATED, words, data=data))
    return tuple(_put(store, question) for question in questions)


def current(store: AuditStore, question: Question) -> Asked:
    """Read a question as it is now."""
    return next(asked for asked in store.people.of(question.decision_id) if asked.question.place == question.place)


def remind(store: AuditStore, asked: Asked, *, now: datetime) -> bool:
    """Note that a person is reminded, if that is due; says whether it is to be sent word. Each is noted once."""
    question = asked.question
    due = [instant for instant in question.remind_at if instant <= now]
    new = [
        instant for instant in due if store.people.note(question, Note(NoteKind.REMINDED, now, key=instant.isoformat()))
    ]
    if new:
        words = f"{question.person.agent_id} is reminded: {left(question.deadline - now)} left"
        _tell(store, question, words, now, what="reminded")
    return bool(new)


def _put(store: AuditStore, question: Question) -> Asked:
    if store.people.put(question) and question.is_of_each:
        what = " for a suggestion" if question.kind is QuestionKind.SUGGESTION else ""
        words = f"{question.person.agent_id} is asked{what}, until {question.deadline:%Y-%m-%d %H:%M:%S} UTC"
        words += f", or {question.deputy.agent_id} in its place" if question.deputy is not None else ""
        _tell(store, question, words, question.asked_at, what="asked")
    return current(store, question)


def _in_words(proposal: Proposal) -> str:
    """Write what is asked, with what agents are given beside it."""
    given = (f"{context.name}:\n{context.text}" for context in proposal.context)
    return cut("\n\n".join((proposal.question, *given)), MOST_REASONING)


def _tell(store: AuditStore, question: Question, words: str, at: datetime, *, what: str) -> None:
    data = {"what": what, "round": question.round, "until": question.deadline.isoformat()}
    store.note(question.decision_id, Event(at, EventKind.PERSON, words, question.person.agent_id, data=data))


def _person(agent: Agent) -> Person:
    return Person(agent.id, agent.public_key)


def _is_of(asked: Asked, decision: Decision, kind: QuestionKind) -> bool:
    question = asked.question
    return question.kind is kind and question.round == decision.opening.proposal.round


def _reminders(agent: Agent, now: datetime, deadline: datetime) -> Iterator[datetime]:
    whole = deadline - now
    own: Sequence[float] | None = agent.settings.get("remind")
    if own is not None:
        instants = [deadline - timedelta(seconds=float(seconds)) for seconds in own]
    elif whole < _SHORTEST_REMINDED:
        instants = []
    else:
        instants = [deadline - whole / share for share in _REMIND_AT_SHARES]
    yield from sorted(instant for instant in instants if now < instant < deadline)


def left(span: timedelta) -> str:
    """Write how much time is left."""
    seconds = max(0, round(span.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    parts = ((days, "d"), (hours, "h"), (rest // 60, "min"), (rest % 60, "s"))
    told = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(told[:2]) or "0 s"

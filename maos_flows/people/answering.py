"""Answers of people: one way in for every answer, from the shell or from a form. The first one counts."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from maos_flows.agreement.authenticating import rejection_of
from maos_flows.agreement.binding import Binding
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError, Problem
from maos_flows.keys import KeyFolder
from maos_flows.model import Absence, AuthClass, Ballot, Event, EventKind, Opening, Suggestion
from maos_flows.model.people import Answered, Asked, Note, NoteKind, Person, Question, QuestionKind
from maos_flows.people.asking import current
from maos_flows.people.proving import ballot_of, is_proven
from maos_flows.proposing import as_suggestion
from maos_flows.scrutiny import tidy
from maos_flows.voters.cleaning import clean


def answer(store: AuditStore, question: Question, given: Answered, *, at: datetime, keys: KeyFolder) -> Asked:
    """Take an answer in one transaction: a ballot is cast, a suggestion made, a deputy's word kept, a decision made.

    The same answer again is taken as the same.

    Args:
        store: Where the question stands.
        question: What is answered.
        given: The answer.
        at: Now, by the coordinator's clock.
        keys: Keys kept here; where ballots must be signed, an agent's own that is kept here signs.

    Returns:
        The question with the answer.

    Raises:
        ConflictError: It is too late, or somebody answered otherwise before.
        ConfigurationError: The answer is not one of those allowed, or lacks its reasons, or its proof.
    """
    return store.hand_over(partial(_answer, store, question, given, at=at, keys=keys)).result()


def _answer(store: AuditStore, question: Question, given: Answered, *, at: datetime, keys: KeyFolder) -> Asked:
    opening = _held(store, question)
    given = replace(given, choice=as_answered(question, given.choice), reasoning=given.reasoning.strip())
    person = _author(question, given)
    _check(question, given)
    if person.public_key is not None and not is_proven(question, given, opening, person):
        raise ConfigurationError([Problem("--key", f"an answer of {person.agent_id} counts only signed by its key")])
    if person.public_key is None:
        given = replace(given, signature="")
    before = _answered_before(store, question, given)
    if before is not None:
        return before
    _check_time(store, question, opening, at)
    if given.by != question.person.agent_id:
        _check_may_stand_in(question, opening, keys)
        return _stand_in(store, question, given, at)
    if question.kind is QuestionKind.BALLOT:
        _cast(store, question, given, opening, at=at, keys=keys)
    if question.kind is QuestionKind.SUGGESTION:
        _suggest(store, question, given, at)
    store.people.note(question, Note(NoteKind.ANSWERED, at, answer=given))
    return current(store, question)


def _held(store: AuditStore, question: Question) -> Opening:
    """Keep others off the decision until the transaction ends, so that what is read stays so."""
    store.people.hold(question.decision_id)
    opening = store.opening(question.decision_id)
    assert opening is not None, "it is held, so it is there"
    return opening


def cast_for_absent(store: AuditStore, asked: Asked, *, at: datetime, keys: KeyFolder) -> None:
    """Cast the ballot that a deputy gave for a person who has not answered; not if the person has, by now.

    Raises:
        ConflictError: The ballot is not awaited any more.
    """
    store.hand_over(partial(_cast_for_absent, store, asked, at=at, keys=keys)).result()


def _cast_for_absent(store: AuditStore, asked: Asked, *, at: datetime, keys: KeyFolder) -> None:
    opening = _held(store, asked.question)
    asked = current(store, asked.question)
    if asked.answer is not None:
        return
    note = asked.note(NoteKind.STOOD_IN)
    assert note is not None, "somebody stood in"
    assert note.answer is not None, "and answered"
    _cast(store, asked.question, note.answer, opening, at=note.at, keys=keys)
    store.people.note(asked.question, Note(NoteKind.ANSWERED, at, answer=note.answer))


def is_due(store: AuditStore, asked: Asked, opening: Opening, *, at: datetime) -> bool:
    """Say whether a deputy's word is to be taken now: time is up, or nobody but people stood in for is awaited."""
    if asked.stood_in is None:
        return False
    if at >= asked.question.deadline:
        return True
    decision_id, number = asked.question.decision_id, asked.question.round
    stood_in = {
        other.question.person.agent_id
        for other in store.people.of(decision_id)
        if other.question.round == number and other.question.kind is QuestionKind.BALLOT and other.stood_in
    }
    awaited = set(opening.electorate.by_id) - store.answered(decision_id, number)
    return awaited <= stood_in


def group_answer(asked: tuple[Asked, ...]) -> Answered | None:
    """Give the first answer of those to whom a decision was put."""
    notes = [note for one in asked for note in one.notes if note.kind is NoteKind.ANSWERED and note.answer]
    return min(notes, key=lambda note: note.at).answer if notes else None


def _author(question: Question, given: Answered) -> Person:
    allowed = {person.agent_id: person for person in (question.person, question.deputy) if person is not None}
    if given.by not in allowed:
        raise ConfigurationError(
            [Problem("--as", f"{given.by[:60]!r} is not asked here; {', '.join(allowed)} may answer")]
        )
    return allowed[given.by]


def as_answered(question: Question, text: str) -> str:
    """Give an answer as it stands: a choice without outer spaces, a suggestion in one line without what is hidden.

    Raises:
        ConfigurationError: It is a suggestion, and empty or too long.
    """
    if question.kind is not QuestionKind.SUGGESTION:
        return tidy(text)
    try:
        return as_suggestion(clean(text))
    except ValueError as error:
        raise ConfigurationError([Problem("--choice", str(error))]) from error


def _check(question: Question, given: Answered) -> None:
    problems = []
    if question.kind is not QuestionKind.SUGGESTION and given.choice not in question.choices:
        problems.append(Problem("--choice", f"{given.choice[:80]!r} is not one of {', '.join(question.choices)}"))
    if given.confidence is not None and question.kind is QuestionKind.SUGGESTION:
        problems.append(Problem("--confidence", "a suggestion has none; the ballot on it may"))
    elif given.confidence is not None and not 0 <= given.confidence <= 1:
        problems.append(Problem("--confidence", f"{given.confidence} is not in 0..1"))
    if given.veto and not question.may_veto:
        problems.append(Problem("--veto", f"{question.person.agent_id} has no right to veto here"))
    if not given.reasoning and (question.needs_reasoning or given.veto):
        problems.append(Problem("--reasoning", "is needed here"))
    if problems:
        raise ConfigurationError(problems)


def _answered_before(store: AuditStore, question: Question, given: Answered) -> Asked | None:
    """Find the same answer, given before.

    Raises:
        ConflictError: Another one was.
    """
    group = [question.kind, question.round]
    for asked in store.people.of(question.decision_id):
        other = asked.question
        if [other.kind, other.round] != group or (question.is_of_each and other.place != question.place):
            continue
        is_deputy = given.by != question.person.agent_id
        known = asked.answer or (asked.stood_in if is_deputy else None)
        if known is None:
            continue
        if _same(known, given):
            return asked
        how = "in Prefect" if known.via == "form" else "in a shell"
        raise ConflictError(f"{known.by} answered {known.choice!r} {how} before; the first answer counts")
    return None


def _same(one: Answered, other: Answered) -> bool:
    return (one.by, one.choice, one.reasoning, one.confidence, one.veto) == (
        *(other.by, other.choice, other.reasoning, other.confidence, other.veto),
    )


def _check_time(store: AuditStore, question: Question, opening: Opening, at: datetime) -> None:
    decision_id, person = question.decision_id, question.person.agent_id
    if at > question.deadline:
        raise ConflictError(f"the time to answer was over at {question.deadline:%Y-%m-%d %H:%M:%S} UTC")
    if store.decision(decision_id) is not None or opening.proposal.round != question.round:
        raise ConflictError(f"decision {decision_id} goes on without {person}: this question is closed")
    if not is_awaited(store, question):
        raise ConflictError(f"the {question.kind.value} of {person} is not awaited any more")


def is_awaited(store: AuditStore, question: Question) -> bool:
    """Say whether nothing is on record yet of whoever is asked for something of its own."""
    decision_id, person = question.decision_id, question.person.agent_id
    match question.kind:
        case QuestionKind.BALLOT:
            return person not in store.answered(decision_id, question.round)
        case QuestionKind.SUGGESTION:
            opening = store.opening(decision_id)
            is_open = opening is not None and opening.proposal.wants_suggestions
            return is_open and person not in store.suggestions.answered(decision_id)
        case QuestionKind.DECIDE | QuestionKind.CONFIRM:
            return True


def _check_may_stand_in(question: Question, opening: Opening, keys: KeyFolder) -> None:
    person = question.person
    is_elsewhere = person.public_key is not None and keys.private(person.agent_id, person.public_key) is None
    if opening.proposal.nonce and is_elsewhere:
        message = f"ballots are signed here, and the key of {person.agent_id} is not kept here: nobody can stand in"
        raise ConfigurationError([Problem("--as", message)])


def _stand_in(store: AuditStore, question: Question, given: Answered, at: datetime) -> Asked:
    store.people.note(question, Note(NoteKind.STOOD_IN, at, answer=given))
    words = f"{given.by} answers for {question.person.agent_id}, unless {question.person.agent_id} does"
    data = {"what": "stood_in", "round": question.round, "by": given.by}
    store.note(question.decision_id, Event(at, EventKind.PERSON, words, question.person.agent_id, data=data))
    return current(store, question)


def _suggest(store: AuditStore, question: Question, given: Answered, at: datetime) -> None:
    suggestion = Suggestion(
        question.decision_id,
        question.person.agent_id,
        given.choice,
        given.reasoning,
        voter="human",
        auth_class=AuthClass.HUMAN if given.signature else AuthClass.IN_PROCESS,
        received_at=at,
        seconds=(at - question.asked_at).total_seconds(),
        signature=given.signature,
    )
    if store.suggestions.record(suggestion, now=at).received_at != at:
        raise ConflictError(f"the suggestion of {suggestion.agent_id} is not awaited any more")


def _cast(
    store: AuditStore, question: Question, given: Answered, opening: Opening, *, at: datetime, keys: KeyFolder
) -> None:
    ballot = replace(ballot_of(question, given), received_at=at, seconds=(at - question.asked_at).total_seconds())
    if opening.proposal.nonce:
        ballot = Binding(opening).sign_ballot(ballot, keys)
    refused = rejection_of(ballot, opening)
    if refused is not None and at <= question.deadline:
        raise ConfigurationError([Problem("answer", refused.explanation)])
    kept: Ballot | Absence = store.record_answer(ballot)
    if not isinstance(kept, Ballot) or (kept.received_at, kept.choice) != (at, ballot.choice):
        raise ConflictError(f"the ballot of {question.person.agent_id} is not awaited any more")

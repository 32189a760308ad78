"""What people are asked, and what became of it; rows are added and never changed.

Of several answers the first counts, in whatever process it arrives: whoever adds a note holds the decision.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, insert, select

from maos_flows.audit.bounds import MOST_REASONING, in_utc
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.openings import hold
from maos_flows.audit.people_rows import QUESTION, QUESTION_NOTE
from maos_flows.audit.rows import DECISION
from maos_flows.audit.texts import cut, portable
from maos_flows.model.people import Answered, Asked, Note, NoteKind, Question

Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a note's record holds."""

    answer: Answered | None
    data: dict[str, Any]


class PeopleAsked:
    """The questions to people in one store."""

    def __init__(self, writing: Transaction, reading: Transaction) -> None:
        self._writing = writing
        self._reading = reading

    def hold(self, decision_id: str) -> None:
        """Keep other writers off a decision for the rest of the transaction that this is called in.

        Raises:
            NotFoundError: There is no such decision.
        """
        with self._writing() as connection:
            hold(connection, decision_id)

    def put(self, question: Question) -> bool:
        """Put a question; says whether it is new. One that is there stays as it was put first.

        Raises:
            NotFoundError: There is no such decision.
        """
        with self._writing() as connection:
            hold(connection, question.decision_id)
            if _rows(connection, _at(question)):
                return False
            values = {
                "decision_id": question.decision_id,
                "round": question.round,
                "kind": question.kind.value,
                "agent_id": question.person.agent_id,
                "asked_at": in_utc(question.asked_at, path="asked_at"),
                "deadline": in_utc(question.deadline, path="deadline"),
                "record": encode(question),
            }
            connection.execute(insert(QUESTION), values)
            return True

    def note(self, question: Question, note: Note) -> bool:
        """Keep what became of a question; says whether it is new: of one kind and key the first stands.

        Raises:
            NotFoundError: There is no such decision.
        """
        with self._writing() as connection:
            hold(connection, question.decision_id)
            notes = _notes(connection, _at(question))
            if any((known["what"], known["key"]) == (note.kind.value, note.key) for known in notes):
                return False
            values = {
                **dict(zip(("decision_id", "round", "kind", "agent_id"), question.place, strict=True)),
                "number": len(notes) + 1,
                "at": in_utc(note.at, path="at"),
                "what": note.kind.value,
                "key": note.key,
                "record": encode(_Said(_bounded(note.answer), portable(dict(note.data)))),
            }
            connection.execute(insert(QUESTION_NOTE), values)
            return True

    def of(self, decision_id: str) -> tuple[Asked, ...]:
        """Read the questions of a decision, as they were asked."""
        with self._reading() as connection:
            return _asked(connection, QUESTION.c.decision_id == decision_id)

    def waiting(self, *, now: datetime) -> tuple[Asked, ...]:
        """Read the questions whose time is not over in decisions that are open, the most urgent first."""
        open_ones = select(DECISION.c.id).where(DECISION.c.outcome.is_(None))
        moment = in_utc(now, path="now")
        with self._reading() as connection:
            return _asked(connection, and_(QUESTION.c.deadline > moment, QUESTION.c.decision_id.in_(open_ones)))


def _at(question: Question) -> ColumnElement[bool]:
    names = ("decision_id", "round", "kind", "agent_id")
    return and_(*(QUESTION.c[name] == value for name, value in zip(names, question.place, strict=True)))


def _rows(connection: Connection, condition: ColumnElement[bool]) -> Sequence[RowMapping]:
    order = (QUESTION.c.deadline, QUESTION.c.decision_id, QUESTION.c.round, QUESTION.c.kind, QUESTION.c.agent_id)
    return connection.execute(select(QUESTION).where(condition).order_by(*order)).mappings().all()


def _notes(connection: Connection, condition: ColumnElement[bool]) -> Sequence[RowMapping]:
    pairs = ((QUESTION_NOTE.c[name], QUESTION.c[name]) for name in ("decision_id", "round", "kind", "agent_id"))
    query = select(QUESTION_NOTE).join(QUESTION, and_(*(one == other for one, other in pairs))).where(condition)
    return connection.execute(query.order_by(QUESTION_NOTE.c.number)).mappings().all()


def _asked(connection: Connection, condition: ColumnElement[bool]) -> tuple[Asked, ...]:
    found: dict[tuple[Any, ...], list[Note]] = {}
    for row in _notes(connection, condition):
        found.setdefault(_place(row), []).append(_note(row))
    return tuple(
        Asked(decode(Question, row["record"]), tuple(found.get(_place(row), ())))
        for row in _rows(connection, condition)
    )


def _place(row: RowMapping) -> tuple[Any, ...]:
    return row["decision_id"], row["round"], row["kind"], row["agent_id"]


def _note(row: RowMapping) -> Note:
    said = decode(_Said, row["record"])
    return Note(NoteKind(row["what"]), row["at"], row["key"], said.answer, said.data)


def _bounded(answer: Answered | None) -> Answered | None:
    if answer is None:
        return None
    return replace(answer, reasoning=cut(answer.reasoning, MOST_REASONING))


def open_question_of(after: datetime) -> ColumnElement[bool]:
    """Say, in a query over decisions, that a person still has time to answer a question of one."""
    times = select(func.count()).select_from(QUESTION)
    of_this = times.where(QUESTION.c.decision_id == DECISION.c.id, QUESTION.c.deadline >= after)
    return of_this.correlate(DECISION).scalar_subquery() > 0

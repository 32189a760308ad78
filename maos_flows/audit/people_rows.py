"""The tables of what people are asked: questions, and what became of each."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from maos_flows.audit.rows import Instant, Row, table_of

_PLACE = ("decision_id", "round", "kind", "agent_id")


class QuestionRow(Row, table=True):
    """One question put to one person."""

    __tablename__ = "maos_question"
    __table_args__ = (
        ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
        Index("maos_question_by_deadline", "deadline"),
    )

    decision_id: str = Field(primary_key=True, sa_type=Text)
    round: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str = Field(primary_key=True, sa_type=Text)
    agent_id: str = Field(primary_key=True, sa_type=Text)
    asked_at: datetime = Field(sa_type=Instant)
    deadline: datetime = Field(sa_type=Instant)
    record: bytes = Field(sa_type=LargeBinary)


class QuestionNoteRow(Row, table=True):
    """One thing that became of a question, numbered from 1; of one `what` and `key` there is one."""

    __tablename__ = "maos_question_note"
    __table_args__ = (
        ForeignKeyConstraint(_PLACE, [f"maos_question.{name}" for name in _PLACE]),
        UniqueConstraint(*_PLACE, "what", "key", name="maos_question_note_once"),
    )

    decision_id: str = Field(primary_key=True, sa_type=Text)
    round: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str = Field(primary_key=True, sa_type=Text)
    agent_id: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Instant)
    what: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    record: bytes = Field(sa_type=LargeBinary)


QUESTION = table_of(QuestionRow)
QUESTION_NOTE = table_of(QuestionNoteRow)

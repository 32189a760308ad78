"""The tables of what is learned: feedback on decisions, and how it moved agents' standings."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text
from sqlmodel import Field

from maos_flows.audit.rows import Instant, Row, table_of


class FeedbackRow(Row, table=True):
    """What became known about one decision, told once."""

    __tablename__ = "maos_feedback"
    __table_args__ = (ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),)

    decision_id: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    by: str = Field(sa_type=Text)
    correct: str | None = Field(default=None, sa_type=Text)
    record: bytes = Field(sa_type=LargeBinary)


class StandingRow(Row, table=True):
    """One change of an agent's standing, numbered from 1 for each; the last one is what holds."""

    __tablename__ = "maos_standing"
    __table_args__ = (
        ForeignKeyConstraint(["decision_id"], ["maos_feedback.decision_id"]),
        Index("maos_standing_by_decision", "decision_id"),
    )

    agent: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    decision_id: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    record: bytes = Field(sa_type=LargeBinary)


FEEDBACK = table_of(FeedbackRow)
STANDING = table_of(StandingRow)

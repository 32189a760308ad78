"""The tables of drills and of agents kept out of electorates.

Their rows change once each: a failure gets the instants when it began and ended to act, an isolation its release.
"""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, Text
from sqlmodel import Field

from maos_flows.audit.rows import Instant, Row, table_of


class DrillRow(Row, table=True):
    """One failure of one drill on one decision; `record` is the failure, `number` counts from 1 for each decision."""

    __tablename__ = "maos_drill"
    __table_args__ = (ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),)

    decision_id: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    drill: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    starts_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    begun_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    record: bytes = Field(sa_type=LargeBinary)


class IsolationRow(Row, table=True):
    """That an agent is kept out of electorates, and since when no longer; `number` counts from 1 for each agent."""

    __tablename__ = "maos_isolation"
    __table_args__ = (ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),)

    agent: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    decision_id: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    released_at: datetime | None = Field(default=None, sa_type=Instant)
    record: bytes = Field(sa_type=LargeBinary)


DRILL = table_of(DrillRow)
ISOLATION = table_of(IsolationRow)

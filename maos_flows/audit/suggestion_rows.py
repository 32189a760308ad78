"""The table of what agents suggested before there were choices."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from maos_flows.audit.rows import Instant, Row, table_of


class SuggestionRow(Row, table=True):
    """An elector's one suggestion, in round 0; `sequence` is the event that tells of it."""

    __tablename__ = "maos_suggestion"
    __table_args__ = (
        ForeignKeyConstraint(
            ["decision_id", "round", "agent_id"],
            ["maos_elector.decision_id", "maos_elector.round", "maos_elector.agent_id"],
        ),
        ForeignKeyConstraint(["decision_id", "sequence"], ["maos_event.decision_id", "maos_event.sequence"]),
        UniqueConstraint("decision_id", "sequence", name="maos_suggestion_has_its_event"),
    )

    decision_id: str = Field(primary_key=True, sa_type=Text)
    round: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    agent_id: str = Field(primary_key=True, sa_type=Text)
    sequence: int
    text: str = Field(sa_type=Text)
    voter: str = Field(sa_type=Text)
    received_at: datetime | None = Field(default=None, sa_type=Instant)
    record: bytes = Field(sa_type=LargeBinary)


SUGGESTION = table_of(SuggestionRow)

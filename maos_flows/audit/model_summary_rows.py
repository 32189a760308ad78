"""The table of what language models wrote about closed decisions."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, LargeBinary, Text
from sqlmodel import Field

from maos_flows.audit.rows import Instant, Row, table_of


class ModelSummaryRow(Row, table=True):
    """One summary of one decision, numbered from 1; it is no part of the record, and no signature covers it."""

    __tablename__ = "maos_model_summary"
    __table_args__ = (ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),)

    decision_id: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Instant)
    model: str = Field(sa_type=Text)
    record: bytes = Field(sa_type=LargeBinary)


MODEL_SUMMARY = table_of(ModelSummaryRow)

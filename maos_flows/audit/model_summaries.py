"""What language models wrote about closed decisions, beside the record; rows are added and never changed."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from maos_flows.audit.bounds import MOST_TEXT, in_utc
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.model_summary_rows import MODEL_SUMMARY
from maos_flows.audit.openings import hold
from maos_flows.audit.texts import cut
from maos_flows.errors import ConflictError

Transaction = Callable[[], AbstractContextManager[Connection]]

MOST_SUMMARY = 8 * 1024
"""Bytes of a summary that are kept, in UTF-8."""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What a language model wrote about a decision. It proves nothing and is no part of the record.

    Attributes:
        decision_id: The decision.
        model: Which model, like `openai:gpt-6-luna`.
        at: When it was there.
        text: What it wrote.
        seconds: How long that took.
        usage: What was used, and `cost` in US dollars where it is known; as the ballots of models state it.
        number: Counts a decision's summaries from 1; the store gives it.
    """

    decision_id: str
    model: str
    at: datetime
    text: str
    seconds: float = 0.0
    usage: dict[str, Any] = field(default_factory=dict, hash=False)
    number: int = 0


class ModelSummaries:
    """The summaries in one store."""

    def __init__(self, writing: Transaction, reading: Transaction) -> None:
        self._writing = writing
        self._reading = reading

    def add(self, summary: ModelSummary) -> ModelSummary:
        """Keep a summary, numbered after the decision's last.

        Raises:
            NotFoundError: There is no such decision.
            ConflictError: It is open: there is nothing to sum up.
        """
        with self._writing() as connection:
            if not hold(connection, summary.decision_id).is_closed:
                raise ConflictError(f"decision {summary.decision_id!r} is open, and cannot be summed up")
            last = select(func.coalesce(func.max(MODEL_SUMMARY.c.number), 0))
            number = connection.execute(last.where(MODEL_SUMMARY.c.decision_id == summary.decision_id)).scalar_one() + 1
            bounded = replace(
                summary,
                model=cut(summary.model, MOST_TEXT),
                at=in_utc(summary.at, path="at"),
                text=cut(summary.text, MOST_SUMMARY),
                number=number,
            )
            values = {
                "decision_id": bounded.decision_id,
                "number": number,
                "at": bounded.at,
                "model": bounded.model,
                "record": encode(bounded),
            }
            connection.execute(insert(MODEL_SUMMARY), values)
            return bounded

    def latest(self, decision_ids: Sequence[str]) -> dict[str, ModelSummary]:
        """Read the newest summary of each of these decisions that has one."""
        table = MODEL_SUMMARY.c
        with self._reading() as connection:
            found = {}
            for decision_id in decision_ids:
                query = select(table.record).where(table.decision_id == decision_id).order_by(table.number.desc())
                record = connection.execute(query.limit(1)).scalar_one_or_none()
                if record is not None:
                    found[decision_id] = decode(ModelSummary, record)
            return found

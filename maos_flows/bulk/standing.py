"""How far a batch is, and what came of its questions, in numbers and in words."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from maos_flows.audit.batches import BatchRecord, ChunkRecord
from maos_flows.model import Outcome

COMPLETED = "completed"
_REACHED = (COMPLETED, Outcome.REACHED.value, Outcome.OVERRIDDEN.value)

Counts = Mapping[str, int]
"""How many questions ended in which way: the outcome and, after a space, the reason."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a batch is."""

    questions: int
    counts: Counts

    @property
    def done(self) -> int:
        """How many questions have ended, in whichever way."""
        return sum(self.counts.values())

    @property
    def reached(self) -> int:
        """How many of them were decided."""
        return sum(number for how, number in self.counts.items() if _is_reached(how))


def standing_of(questions: int, several: Iterable[Counts]) -> Standing:
    """Add the counts of chunks: those that were decided before the others, the most frequent first."""
    total: Counter[str] = Counter()
    for counts in several:
        total.update(counts)
    ranked = sorted(total, key=lambda how: (not _is_reached(how), -total[how], how))
    return Standing(questions, {how: total[how] for how in ranked})


def headline(standing: Standing) -> str:
    """Say in a few words what came of questions: `500 decided, 12 not reached`."""
    missed = standing.done - standing.reached
    return f"{standing.reached:,} decided" + (f", {missed:,} not reached" if missed else "")


def summary_rows(standing: Standing) -> list[dict[str, Any]]:
    """Give a row for each way in which questions ended."""
    rows = []
    for how, number in standing.counts.items():
        outcome, _, reason = how.replace("_", " ").partition(" because ")
        rows.append(
            {
                "outcome": outcome,
                "reason": reason,
                "questions": number,
                "share": f"{100 * number / standing.done:.1f} %",
            }
        )
    return rows


def how_ended(outcome: str, reason: str = "") -> str:
    """Name a way in which questions end."""
    return f"{outcome} because {reason}" if reason else outcome


def batch_as_plain(batch: BatchRecord, chunks: Iterable[ChunkRecord]) -> dict[str, Any]:
    """Give a batch and how far it is as plain data."""
    standing = standing_of(batch.questions, [chunk.counts for chunk in chunks])
    return {
        "batch_id": batch.batch_id,
        "source": batch.source,
        "algorithm": batch.algorithm,
        "questions": batch.questions,
        "done": standing.done,
        "reached": standing.reached,
        "started_at": batch.started_at.isoformat(),
        "finished_at": None if batch.finished_at is None else batch.finished_at.isoformat(),
        "ended": summary_rows(standing),
    }


def _is_reached(how: str) -> bool:
    return how.partition(" ")[0] in _REACHED

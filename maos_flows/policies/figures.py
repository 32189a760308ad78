"""Figures of a decision: how long it took, who took part, and whether the last ones failed too often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from maos_flows.model import AbsenceKind, Decision, Outcome, exact

WINDOW = 100
"""How many of the newest closed decisions a failure rate is taken over, this one among them."""

FAILED = (Outcome.NOT_REACHED, Outcome.ERROR)
"""Outcomes that count as failures: nothing was decided, and nobody has been asked instead."""


def figures(decision: Decision, *, rejected: int, now: datetime) -> Mapping[str, Any]:
    """Measure a decision that is about to be closed: seconds, and counts of its last round."""
    slowest = max(decision.ballots, key=lambda ballot: (ballot.seconds, ballot.agent_id), default=None)
    absent = [absence.kind for absence in decision.absences]
    return {
        "seconds": round((now - decision.opening.opened_at).total_seconds(), 3),
        "rounds": decision.opening.proposal.round,
        "electors": len(decision.opening.electorate.electors),
        "ballots": len(decision.ballots),
        "rejected": rejected,
        "failed": absent.count(AbsenceKind.FAILED),
        "timed_out": absent.count(AbsenceKind.TIMED_OUT),
        "participation": exact(Fraction(len(decision.ballots), len(decision.opening.electorate.electors))),
        "slowest_agent": slowest.agent_id if slowest else None,
        "slowest_seconds": round(slowest.seconds, 3) if slowest else None,
    }


@dataclass(frozen=True, slots=True)
class FailureRate:
    """How many of the last decisions failed."""

    failed: int
    of: int

    @property
    def share(self) -> Fraction:
        """The share that failed."""
        return Fraction(self.failed, self.of)


def failures_among(outcome: Outcome, before: Sequence[str]) -> FailureRate | None:
    """Count the failures among the last decisions, if this one failed; None if it did not.

    Args:
        outcome: How this one ends.
        before: How those before it ended, the newest first.
    """
    if outcome not in FAILED:
        return None
    last = [outcome.value, *before[: WINDOW - 1]]
    return FailureRate(sum(1 for ended in last if ended in FAILED), len(last))

"""Drills: what is made to fail on purpose, which agents, from when and for how long."""

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """What a drill can make an agent do."""

    CRASH = "crash"
    """It answers nothing and its replica is down; afterwards both are back, the replica with what it had written."""
    DELAYED_RESPONSES = "delayed_responses"
    """Whatever it says comes late."""
    FALSE_INFORMATION = "false_information"
    """It answers with another choice than it found, and its replica claims what never happened."""
    CONFLICTING_VOTES = "conflicting_votes"
    """It signs a second, different ballot and tells one half of the others other things than the rest."""
    PARTITION = "partition"
    """It and the others that are cut off hear each other and nobody else."""


BYZANTINE_KINDS = (FailureKind.CONFLICTING_VOTES, FailureKind.DELAYED_RESPONSES, FailureKind.FALSE_INFORMATION)
"""What agents do that lie."""


@dataclass(frozen=True, slots=True)
class PlannedFailure:
    """One thing to make fail.

    Attributes:
        kind: What.
        agents: Whom; of a partition, the side that is cut off.
        seconds: For how long.
        after_seconds: When it begins, counted from the drill's start.
    """

    kind: FailureKind
    agents: tuple[str, ...]
    seconds: float
    after_seconds: float = 0.0

    @property
    def until_seconds(self) -> float:
        """When it ends, counted from the drill's start."""
        return self.after_seconds + self.seconds

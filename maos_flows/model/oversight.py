"""Oversight: what is watched, checked and told beside the count, frozen with the request of a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

from maos_flows.model.codes import Suspicions


class Rule(StrEnum):
    """What a decision can be checked against when it is closed."""

    ALGORITHM = "algorithm"
    THRESHOLD = "threshold"
    MIN_PARTICIPANTS = "min_participants"
    JUSTIFICATION = "justification"
    EXPERT_REVIEW = "expert_review"
    AUDIT_TRAIL = "audit_trail"
    NOT_SIMULATED = "not_simulated"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule a decision must have been made by.

    Attributes:
        rule: Which.
        wanted: What it asks for, as text: `raft`, `0.75`, `3`; empty where the rule says it all.
        source: The key that asks for it.
    """

    rule: Rule
    wanted: str
    source: str


@dataclass(frozen=True, slots=True)
class Oversight:
    """What is watched, checked and told of a decision.

    Attributes:
        decision_type: The type it was asked under; empty if none.
        configuration: The digest of what was configured then.
        audit_trail: Whether the rule, the weights and the configuration's digest are written to its timeline.
        metrics: Whether its figures are.
        suspicions: Which agents it lists as suspects.
        compliance: What it is checked against when it is closed; None if it is not.
        slow_seconds: It is slow if it is open for longer.
        failure_rate: Too many fail if more than this share of the last ones did.
        alerts: Whether slowness and failures are told to the contacts.
        emergency: Whether the contacts are told that it opens, and how it ends.
        contacts: Names of Prefect's notification blocks, like `slack-webhook/on-call`.
        summarizer: The settings of the model that sums it up once it is closed, beside the record; None if none does.
    """

    decision_type: str = ""
    configuration: str = ""
    audit_trail: bool = False
    metrics: bool = False
    suspicions: Suspicions = Suspicions.NONE
    compliance: tuple[Requirement, ...] | None = None
    slow_seconds: float | None = None
    failure_rate: Fraction | None = None
    alerts: bool = True
    emergency: bool = False
    contacts: tuple[str, ...] = ()
    summarizer: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def is_at_closing(self) -> bool:
        """Whether anything is to be looked at before it is closed."""
        asked = (self.compliance, self.slow_seconds, self.failure_rate)
        listed = self.metrics or self.suspicions is not Suspicions.NONE
        return listed or any(wanted is not None for wanted in asked)

    @property
    def is_watched(self) -> bool:
        """Whether anything may happen while it is open."""
        return self.emergency or self.slow_seconds is not None

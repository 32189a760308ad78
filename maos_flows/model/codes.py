"""The codes of records: outcomes, reasons, kinds; each a closed set with a meaning."""

from enum import StrEnum

ABSTAIN = "abstain"
"""The choice that is always allowed: it counts for participation and for no choice."""


class Outcome(StrEnum):
    """How a decision ended."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"
    ESCALATED = "escalated"
    OVERRIDDEN = "overridden"
    CANCELLED = "cancelled"
    ERROR = "error"


class Reason(StrEnum):
    """Why a decision ended so."""

    THRESHOLD_MET = "threshold_met"
    POLICY_AGREED = "policy_agreed"
    BELOW_THRESHOLD = "below_threshold"
    POLICY_DECLINED = "policy_declined"
    TIE = "tie"
    NO_BALLOTS = "no_ballots"
    ALL_ABSTAINED = "all_abstained"
    TOO_FEW_PARTICIPANTS = "too_few_participants"
    DEADLINE_PASSED = "deadline_passed"
    VETOED = "vetoed"
    TOO_MANY_FAULTS = "too_many_faults"
    POLICY_ERROR = "policy_error"
    NO_CONSENSUS = "no_consensus"
    CANCELLED = "cancelled"


class Basis(StrEnum):
    """What a share is a share of."""

    ELIGIBLE = "eligible"
    """The weight of the whole electorate: silence is not consent."""
    CAST = "cast"
    """The weight of those who cast a ballot, abstentions among them."""
    DECISIVE = "decisive"
    """The weight cast less abstentions."""


class TieBreak(StrEnum):
    """What happens when the strongest choices are equally strong."""

    NONE = "none"
    REVOTE = "revote"
    CHAIR = "chair"
    HUMAN = "human"


class Risk(StrEnum):
    """How risky an agent finds the matter."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class AuthClass(StrEnum):
    """How independent of the coordinator a ballot's author is."""

    IN_PROCESS = "in_process"
    REMOTE = "remote"
    HUMAN = "human"


class AbsenceKind(StrEnum):
    """Why a member of the electorate has no ballot."""

    FAILED = "failed"
    TIMED_OUT = "timed_out"
    NOT_NEEDED = "not_needed"


class RejectionReason(StrEnum):
    """Why a ballot is recorded but not counted."""

    UNKNOWN_VOTER = "unknown_voter"
    WRONG_DECISION = "wrong_decision"
    WRONG_ROUND = "wrong_round"
    LATE = "late"
    INVALID_CHOICE = "invalid_choice"
    INVALID_CONFIDENCE = "invalid_confidence"
    NO_JUSTIFICATION = "no_justification"
    VETO_WITHOUT_REASON = "veto_without_reason"
    OWN_PROPOSAL = "own_proposal"
    CONFLICTING = "conflicting"


class EventKind(StrEnum):
    """What can happen to a decision, as its timeline tells it."""

    OPENED = "opened"
    RESUMED = "resumed"
    ROUND_OPENED = "round_opened"
    ASKED = "asked"
    BALLOT = "ballot"
    ABSENCE = "absence"
    REJECTED = "rejected"
    SETTLED_EARLY = "settled_early"
    DEADLINE = "deadline"
    DECIDED = "decided"
    CANCELLED = "cancelled"

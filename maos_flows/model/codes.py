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
    NO_SUGGESTIONS = "no_suggestions"
    ALL_ABSTAINED = "all_abstained"
    TOO_FEW_PARTICIPANTS = "too_few_participants"
    DEADLINE_PASSED = "deadline_passed"
    VETOED = "vetoed"
    TOO_MANY_FAULTS = "too_many_faults"
    NO_EXPERT_REVIEW = "no_expert_review"
    NOT_COMPLIANT = "not_compliant"
    LEADER_OVERRIDE = "leader_override"
    CRITICAL_RISK = "critical_risk"
    HUMAN_DECIDED = "human_decided"
    DECLINED = "declined"
    UNCONFIRMED = "unconfirmed"
    EXPIRED = "expired"
    POLICY_ERROR = "policy_error"
    NO_CONSENSUS = "no_consensus"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


class Protocol(StrEnum):
    """What agents' replicas agree by, before a policy counts the ballots they agreed on."""

    BYZANTINE = "byzantine"
    RAFT = "raft"


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
    UNSIGNED = "unsigned"
    """It bears no signature, and here it must."""
    BAD_SIGNATURE = "bad_signature"
    """It is not signed by its agent's key for this very round of this decision, or not as it stands."""
    EQUIVOCATION = "equivocation"
    """Its agent signed two that differ, which void each other."""
    NOT_AGREED = "not_agreed"
    """It is not among those that the replicas agreed on."""


class EventKind(StrEnum):
    """What can happen to a decision, as its timeline tells it.

    An event's text says it whole, in one line, and is shown as it is; its `data` holds the same for programs, under
    the names given here. `agent_id` is the agent that acted or is spoken of.
    """

    OPENED = "opened"
    PROPOSING = "proposing"
    """Agents are asked to suggest answers, for there are no choices (`agents`, `until`)."""
    SUGGESTION = "suggestion"
    """An agent suggested an answer (`text`, `voter`)."""
    CHOICES = "choices"
    """Suggestions became the choices of the vote (`choices`, `left_out`: each with `by`, who suggested it)."""
    RESUMED = "resumed"
    ROUND_OPENED = "round_opened"
    ASKED = "asked"
    BALLOT = "ballot"
    ABSENCE = "absence"
    REJECTED = "rejected"
    SETTLED_EARLY = "settled_early"
    CHANGED_MIND = "changed_mind"
    """Who chose otherwise than in the round before (`round`, `changes`: by agent, the choices before and after)."""
    DEADLINE = "deadline"
    DECIDED = "decided"
    CANCELLED = "cancelled"

    PHASE = "phase"
    """The algorithm entered a phase (`phase`, such as `cross_validation`)."""
    VOTE = "vote"
    """Replicas voted in the protocol, at one moment and alike (`term`, `vote_for`, `granted`, `voters`)."""
    ELECTION = "election"
    """A replica stands for leader (`term`, `cause`, such as a leader's silence)."""
    LEADER = "leader"
    """An agent's replica leads from now on (`term`); without an agent there is no leader now."""
    LOG = "log"
    """The replicated log grew, or was made whole, on a replica (`term`, `index`, `entry`)."""
    COMMIT = "commit"
    """A majority or quorum holds what was proposed (`index` or `sequence`, `holders`)."""
    STALLED = "stalled"
    """A side of a partition, or the rest after failures, can commit nothing (`agents`, `needed`)."""

    EVIDENCE = "evidence"
    """Misbehaviour of an agent that cannot be innocent is proven (`kind`, `digests`)."""
    SUSPICION = "suspicion"
    """Misbehaviour that can be innocent, such as a disputed claim, is noted (`kind`, `by`)."""
    ISOLATED = "isolated"
    """An agent is kept out of later electorates, for proof against it (`until`, if it ends by itself)."""
    RELEASED = "released"
    """An agent may be in electorates again."""

    INJECTED = "injected"
    """A drill began to make something fail (`drill`, `kind`, `agents`, `until`)."""
    HEALED = "healed"
    """A drill ended (`drill`, `kind`, `agents`)."""
    FAILURE = "failure"
    """An agent or its replica was seen to be down, slow or cut off (`kind`)."""
    RECOVERED = "recovered"
    """An agent or its replica is back, or has caught up (`kind`)."""

    RISK = "risk"
    """A risk was found by an agent, or was concluded for the decision (`risk`)."""
    ADAPTED = "adapted"
    """The algorithm was chosen after the risk (`algorithm`, `risk`)."""
    ESCALATED = "escalated"
    """A person is asked, or did not answer in time (`until`)."""
    OVERRIDDEN = "overridden"
    """A leader or a person decided without consensus (`by`, `choice`)."""
    PERSON = "person"
    """A person is asked, reminded, or stood in for (`what`, `until`, `by`)."""

    POLICY = "policy"
    """What a custom policy or a review says of the ballots, such as their quality (any)."""
    WEIGHT = "weight"
    """An agent's weight was set or changed (`before`, `after`, `cause`)."""

    TRAIL = "trail"
    """Under what it was opened: the rule, every weight and why, the configuration (`rule`, `weights`, ...)."""
    SLOW = "slow"
    """It is open for longer than is usual (`threshold`, in seconds)."""
    FAILURE_RATE = "failure_rate"
    """It reached nothing, and too many of the last ones did not either (`failed`, `of`, `threshold`)."""
    FIGURES = "figures"
    """How long it took and who took part (`seconds`, `participation`, ...)."""
    COMPLIANCE = "compliance"
    """What it was checked against when it was closed (`findings`)."""
    ALERT = "alert"
    """The contacts are told of something (`about`, `contacts`, `failed`: those that could not be told)."""


class Suspicions(StrEnum):
    """Which agents a decision lists as suspects: with misbehaviour that can be innocent."""

    NONE = "none"
    BALLOTS = "ballots"
    """Those whose ballots contradict each other or do not belong."""
    ALL = "all"
    """Those, and those that were late, failed or cast a ballot that could not be read."""

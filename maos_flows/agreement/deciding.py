"""From ballots to a decision by agreement: replicas agree on which ballots there are, then the policy counts those."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from maos_flows.agreement.binding import binding_of
from maos_flows.agreement.byzantine import ByzantineReplicas, Pacing
from maos_flows.agreement.faults import NO_FAULTS, FaultSource
from maos_flows.agreement.raft import RaftPacing, RaftReplicas
from maos_flows.agreement.running import OnEvent, Replicas, ignore, run_on_clock, run_virtually
from maos_flows.agreement.telling import Agreed
from maos_flows.keys import KeyFolder
from maos_flows.model import (
    ABSTAIN,
    Absence,
    AbsenceKind,
    Ballot,
    Decision,
    Elector,
    Opening,
    Outcome,
    Protocol,
    Reason,
    RejectedBallot,
    RejectionReason,
)
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide
from maos_flows.policies.raft import may_override, raft_timing
from maos_flows.protocols import raft_decision
from maos_flows.protocols.canonical import sha256_hex
from maos_flows.records import opening_digest
from maos_flows.scrutiny import scrutinise, vetoes
from maos_flows.signing import SigningKey

_HOPS_WATCHED = 40
_GRACE_MS = 180_000


@dataclass(frozen=True, slots=True)
class Pace:
    """A run on the clock, so that people can watch it and drills can act on it.

    Attributes:
        seconds: Over about so long it is spread, if nothing goes wrong.
        grace_seconds: So much longer it may take if something does.
    """

    seconds: float
    grace_seconds: float = _GRACE_MS / 1000

    @property
    def milliseconds(self) -> int:
        """The same in milliseconds, at least one."""
        return max(1, int(1000 * self.seconds))

    @property
    def give_up(self) -> int:
        """When the run ends at the latest."""
        return self.milliseconds + int(1000 * self.grace_seconds)


@dataclass(frozen=True, slots=True)
class Collected:
    """What was collected for an opening: ballots accepted, absences, and ballots that differ from an accepted one."""

    ballots: tuple[Ballot, ...]
    absences: tuple[Absence, ...] = ()
    conflicting: tuple[Ballot, ...] = ()


async def agree(  # noqa: PLR0913  what a run is made of
    policy: ConsensusPolicy,
    opening: Opening,
    collected: Collected,
    *,
    keys: KeyFolder,
    faults: FaultSource = NO_FAULTS,
    pace: Pace | None = None,
    on_event: OnEvent = ignore,
) -> Decision:
    """Decide an opening by its agents' replicas: on the clock if it is paced, else on virtual time.

    Args:
        policy: The policy, one with a protocol.
        opening: What binds the decision; for Byzantine agreement with its keys (`binding.bind`).
        collected: What was collected.
        keys: The keys kept here.
        faults: What is made to go wrong.
        pace: How fast it goes on the clock; None for virtual time.
        on_event: Gets what happens.

    Raises:
        StoreError: A key of an agent that takes part is not here.
    """
    if pace is None:
        return agree_now(policy, opening, collected, keys=keys, faults=faults, on_event=on_event)
    session = _Session(policy, opening, collected, keys=keys, pace=pace)
    if session.is_vetoed:
        return session.conclude(None)
    return session.conclude(await run_on_clock(session.replicas(), faults, on_event))


def agree_now(
    policy: ConsensusPolicy,
    opening: Opening,
    collected: Collected,
    *,
    keys: KeyFolder,
    faults: FaultSource = NO_FAULTS,
    on_event: OnEvent = ignore,
) -> Decision:
    """Decide an opening by its agents' replicas on virtual time: the same input gives the same decision, at once."""
    session = _Session(policy, opening, collected, keys=keys, pace=None)
    if session.is_vetoed:
        return session.conclude(None)
    return session.conclude(run_virtually(session.replicas(), faults, on_event))


def seed_of(digest: str) -> int:
    """Give the seed of a run from its opening's digest: a decision that is taken up again runs as it did."""
    return int(digest.removeprefix("sha256:")[:12], 16)


class _Session:
    """One decision's way from what was collected to what was agreed on."""

    def __init__(
        self, policy: ConsensusPolicy, opening: Opening, collected: Collected, *, keys: KeyFolder, pace: Pace | None
    ) -> None:
        self._policy = policy
        self._opening = opening
        self._collected = collected
        self._keys = keys
        self._pace = pace
        self._electors = tuple(elector for elector in opening.electorate.electors if elector.weight)
        self._members = frozenset(elector.agent_id for elector in self._electors)
        self._rejected: list[RejectedBallot] = []
        self._scrutiny = scrutinise(collected.ballots, opening)
        self._valid = self._admit(self._scrutiny.counted)
        self.is_vetoed = bool(vetoes(self._valid, opening))

    def replicas(self) -> Replicas:
        """Make the replicas of the policy's protocol."""
        match self._policy.protocol:
            case Protocol.BYZANTINE:
                return self._byzantine()
            case Protocol.RAFT | None:
                return self._raft()
            case _ as protocol:
                assert_never(protocol)

    def conclude(self, agreed: Agreed | None) -> Decision:
        """Let the policy count the ballots agreed on; None if a veto made all agreement needless."""
        if agreed is None:
            return self._decide(self._valid)
        advisers = [ballot for ballot in self._valid if ballot.agent_id not in self._members]
        if not agreed.is_agreed:
            return _failed(self._decide(self._valid), agreed)
        counted = [ballot for ballot in self._valid if ballot.agent_id in agreed.agents]
        decision = self._decide([*counted, *advisers], agreed)
        if self._policy.protocol is Protocol.RAFT and may_override(self._opening.parameters):
            decision = _overridden(decision, agreed.leader)
        words = f"{decision.explanation}; {agreed.explanation}"
        return replace(decision, explanation=words, certificate=agreed.certificate)

    def _admit(self, ballots: Sequence[Ballot]) -> tuple[Ballot, ...]:
        """Let in the ballots that are signed as they must be; the others are kept and not counted."""
        if self._policy.protocol is not Protocol.BYZANTINE:
            return tuple(ballots)
        self._binding = binding_of(self._opening)
        admitted = []
        for ballot in ballots:
            signed = self._binding.sign_ballot(ballot, self._keys)
            problem = self._binding.ballot_problem(signed)
            if problem is None:
                admitted.append(signed)
            else:
                self._rejected.append(RejectedBallot(ballot, *problem))
        return tuple(admitted)

    def _byzantine(self) -> ByzantineReplicas:
        ballots: dict[str, list[Ballot]] = {}
        for ballot in self._valid:
            if ballot.agent_id in self._members:
                ballots[ballot.agent_id] = [ballot]
        for other in self._collected.conflicting:
            said = ballots.get(other.agent_id)
            if said is not None and len(said) == 1 and other.signature and not self._binding.ballot_problem(other):
                said.append(other)
        keys = {elector.agent_id: key for elector in self._electors if (key := self._replica_key(elector))}
        taking_part = {agent: said for agent, said in ballots.items() if agent in keys}
        pacing = Pacing()
        if self._pace is not None:
            hop = max(pacing.hop, self._pace.milliseconds // _HOPS_WATCHED)
            linger = self._pace.give_up
            pacing = Pacing(hop, self._pace.milliseconds // 2, self._pace.give_up, linger)
        return ByzantineReplicas(self._binding, taking_part, keys, seed=seed_of(self._binding.digest), pacing=pacing)

    def _replica_key(self, elector: Elector) -> SigningKey | None:
        public = elector.replica_key or elector.public_key
        return None if public is None else self._keys.private(elector.agent_id, public)

    def _raft(self) -> RaftReplicas:
        proposal, members = self._opening.proposal, self._members
        order = sorted(self._valid, key=lambda ballot: (str(ballot.received_at or ""), ballot.agent_id))
        digest = opening_digest(self._opening)
        entries = [
            raft_decision.BallotEntry(
                proposal.decision_id,
                ballot.agent_id,
                f"round {proposal.round}, ballot of {sha256_hex(ballot.agent_id.encode())[:16]}",
                ballot.choice,
            )
            for ballot in order
            if ballot.agent_id in members
        ]
        present = {entry.agent for entry in entries}
        spared = {one.agent_id for one in self._collected.absences if one.kind is AbsenceKind.NOT_NEEDED}
        pacing = RaftPacing()
        if self._pace is not None:
            pacing = RaftPacing(self._pace.milliseconds, self._pace.give_up, self._pace.give_up)
        return RaftReplicas(
            raft_decision.Opening(proposal.decision_id, proposal.choices, tuple(sorted(members)), digest),
            entries,
            down=members - present - spared,
            timing=raft_timing(self._opening.parameters),
            seed=seed_of(digest),
            pacing=pacing,
        )

    def _decide(self, ballots: Sequence[Ballot], agreed: Agreed | None = None) -> Decision:
        """Count ballots by the policy; every other one that was accepted is listed as not counted, with why."""
        decision = decide(
            self._policy,
            self._opening,
            ballots,
            absences=self._collected.absences,
            faults=agreed.faults if agreed else (),
        )
        left_out = [self._left_out(ballot, agreed) for ballot in self._valid if ballot not in ballots]
        rejected = (*self._scrutiny.rejected, *self._rejected, *left_out)
        details = {**decision.details, "agreement": dict(agreed.details)} if agreed else decision.details
        return replace(decision, rejected=rejected, details=details)

    def _left_out(self, ballot: Ballot, agreed: Agreed | None) -> RejectedBallot:
        if agreed is not None and ballot.agent_id in agreed.voided:
            words = f"{ballot.agent_id} signed two different ballots, which void each other"
            return RejectedBallot(ballot, RejectionReason.EQUIVOCATION, words)
        words = f"the ballot of {ballot.agent_id} is not among those the replicas agreed on"
        return RejectedBallot(ballot, RejectionReason.NOT_AGREED, words)


def _failed(decision: Decision, agreed: Agreed) -> Decision:
    """Make of a count the decision that nothing was decided: the replicas did not agree on these ballots."""
    return replace(
        decision,
        outcome=Outcome.NOT_REACHED,
        reason=Reason.TOO_MANY_FAULTS,
        choice=None,
        explanation=agreed.explanation,
        faults=agreed.faults,
        decisive=(),
        margin=None,
        details={**decision.details, "agreement": dict(agreed.details)},
    )


def _overridden(decision: Decision, leader: str | None) -> Decision:
    """Let the leader decide what the ballots did not. Its choice is recorded as its own, never as consensus."""
    if decision.outcome is not Outcome.NOT_REACHED or decision.reason is Reason.VETOED:
        return decision
    own = next((ballot for ballot in decision.ballots if ballot.agent_id == leader), None)
    if own is None or own.choice == ABSTAIN:
        return decision
    words = f"the leader {leader} decided alone, for no consensus was reached: {decision.explanation}"
    details = {**decision.details, "overrode": {"reason": decision.reason.value, "by": leader}}
    return replace(
        decision,
        outcome=Outcome.OVERRIDDEN,
        reason=Reason.LEADER_OVERRIDE,
        choice=own.choice,
        explanation=words,
        details=details,
    )

"""Check a Byzantine decision offline: its signatures, its quorum, its proofs of misbehaviour, and its count anew.

Nothing is needed but the decision as it is on record: the keys are those frozen in its opening, and nothing is taken
from whoever shows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from maos_flows.agreement.binding import Binding, binding_of
from maos_flows.errors import ConfigurationError, NotFoundError
from maos_flows.model import Certificate, Decision, Fault, Outcome, Protocol
from maos_flows.policies.adaptive import Adaptive, AdaptiveByAgreement
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide
from maos_flows.protocols import byzantine as protocol
from maos_flows.protocols.byzantine import Entry, Evidence, Kind, Misdeed, Signed, Value
from maos_flows.protocols.byzantine import verify_certificate as verify_by_protocol

EQUIVOCATION = "equivocation"
_COUNTED = frozenset({Outcome.REACHED, Outcome.NOT_REACHED, Outcome.ESCALATED})


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of checking a decision.

    Attributes:
        problems: What is wrong, each in a line; none if it is proven.
        quorum: How many agents had to sign the ballots.
        signers: Who did.
        ballots: The agents whose signed ballots count.
        voided: The agents whose two ballots void each other.
        proofs: The proofs of misbehaviour that hold, each as agent and kind.
        unsigned: The agents whose ballots count, unsigned, where none had to be signed.
        by_agreement: Whether replicas had to agree; if not, there are signed ballots and no certificate.
    """

    problems: tuple[str, ...]
    quorum: int = 0
    signers: tuple[str, ...] = ()
    ballots: tuple[str, ...] = ()
    voided: tuple[str, ...] = ()
    proofs: tuple[tuple[str, str], ...] = ()
    unsigned: tuple[str, ...] = ()
    by_agreement: bool = True

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def lines(self) -> Iterator[str]:
        """Say it in lines for people."""
        if not self.by_agreement:
            yield f"ballots     {len(self.ballots)} signed and counted: {', '.join(self.ballots)}"
        elif self.signers:
            yield f"ballots     {len(self.ballots)} signed and counted: {', '.join(self.ballots)}"
            yield f"quorum      {len(self.signers)} signed COMMIT, {self.quorum} are needed: {', '.join(self.signers)}"
        else:
            yield "ballots     there is no certificate, for the replicas did not agree"
        if self.unsigned:
            yield f"unsigned    {len(self.unsigned)} counted, and nothing proves whose: {', '.join(self.unsigned)}"
        for agent, kind in self.proofs:
            yield f"proof       {agent}: {kind.replace('_', ' ')}"
        for agent in self.voided:
            yield f"void        two signed ballots of {agent}"
        for problem in self.problems:
            yield f"wrong       {problem}"
        right = "signatures, quorum and count" if self.by_agreement else "the ballots' signatures"
        yield "NOT PROVEN" if self.problems else f"proven      {right} are right"


def verify_decision(decision: Decision, policy: ConsensusPolicy) -> Verified:
    """Check a decision offline.

    Args:
        decision: The decision as it is on record.
        policy: The policy it was made by.

    Raises:
        NotFoundError: Its agents signed nothing: it was not made by Byzantine agreement, and no ballot is signed.
    """
    if isinstance(policy, Adaptive) and decision.certificate is not None:
        policy = AdaptiveByAgreement()
    if policy.protocol is not Protocol.BYZANTINE and _must_or_may_be_signed(decision):
        return _ballots_verified(decision)
    if policy.protocol is not Protocol.BYZANTINE:
        by = f"decision {decision.decision_id!r} was made by {decision.opening.algorithm}"
        raise NotFoundError(f"{by}, whose ballots are not signed: there is no certificate to verify")
    try:
        return _Check(decision, policy).run()
    except ConfigurationError as error:
        return Verified((f"what binds it cannot be: {error}",))


def _must_or_may_be_signed(decision: Decision) -> bool:
    return decision.opening.parameters.signed_ballots or any(ballot.signature for ballot in decision.ballots)


def _ballots_verified(decision: Decision) -> Verified:
    """Check the signatures of the ballots that were counted; what they come to depends on the rule alone.

    Where none had to be signed, people with keys have signed theirs, and so may agents elsewhere.
    """
    must_be_signed = decision.opening.parameters.signed_ballots
    signed = [ballot for ballot in decision.ballots if must_be_signed or ballot.signature]
    found = {ballot.agent_id: binding_of(decision.opening).ballot_problem(ballot) for ballot in signed}
    return Verified(
        tuple(f"the ballot of {agent} counted: {problem[1]}" for agent, problem in found.items() if problem),
        ballots=tuple(agent for agent, problem in found.items() if problem is None),
        unsigned=tuple(ballot.agent_id for ballot in decision.ballots if ballot.agent_id not in found),
        by_agreement=False,
    )


class _Check:
    def __init__(self, decision: Decision, policy: ConsensusPolicy) -> None:
        self.decision = decision
        self.policy = policy
        self.binding = Binding(decision.opening)
        self.agreement = self.binding.agreement

    def run(self) -> Verified:
        """Check everything, and tell all that is wrong."""
        certificate = self.decision.certificate
        proofs = [fault for fault in self.decision.faults if fault.is_proof]
        problems = [*self._proofs(proofs)]
        voided = {fault.agent_id for fault in proofs if fault.kind == EQUIVOCATION}
        found = Verified((), self.agreement.quorum, proofs=tuple((one.agent_id, one.kind) for one in proofs))
        if certificate is None:
            if self.decision.outcome is Outcome.REACHED:
                problems.append("it has no certificate, and says that a decision was reached")
            return replace(found, problems=tuple(problems))
        voided |= {agent for agent, tokens in certificate.ballots if len(tokens) > 1}
        problems += self._certificate(certificate)
        problems += self._ballots(certificate, voided)
        if not problems:
            problems += self._count()
        return replace(
            found,
            problems=tuple(problems),
            signers=tuple(agent for agent, _ in certificate.commits),
            ballots=tuple(agent for agent, _ in certificate.ballots if agent not in voided),
            voided=tuple(sorted(voided)),
        )

    def _proofs(self, faults: list[Fault]) -> Iterator[str]:
        for fault in faults:
            evidence = evidence_of(fault)
            if evidence is None or not protocol.verify_evidence(self.agreement, evidence, self.binding.verify):
                yield f"the proof against {fault.agent_id} ({fault.kind}) does not hold"

    def _certificate(self, certificate: Certificate) -> Iterator[str]:
        proof = protocol.Certificate(
            certificate.view,
            Value(tuple(Entry(agent, tokens) for agent, tokens in certificate.ballots)),
            tuple(Signed(agent, token) for agent, token in certificate.commits),
        )
        problem = verify_by_protocol(self.agreement, proof, self.binding.verify).problem
        if problem is not None:
            yield problem

    def _ballots(self, certificate: Certificate, voided: set[str]) -> Iterator[str]:
        """Compare the ballots that were counted with those that were signed."""
        signed = {agent: tokens[0] for agent, tokens in certificate.ballots if agent not in voided}
        members = self.agreement.places
        counted = {ballot.agent_id: ballot for ballot in self.decision.ballots if ballot.agent_id in members}
        for agent in sorted(signed.keys() - counted.keys()):
            yield f"the ballot of {agent} is in the certificate and was not counted"
        for agent in sorted(counted.keys() - signed.keys()):
            yield f"the ballot of {agent} was counted and is not in the certificate"
        for agent in sorted(counted.keys() & signed.keys()):
            problem = self.binding.ballot_problem(replace(counted[agent], signature=signed[agent]))
            if problem is not None:
                yield f"the ballot of {agent} is not as it was signed: {problem[1]}"

    def _count(self) -> Iterator[str]:
        """Count anew, and compare."""
        decision = self.decision
        anew = decide(self.policy, decision.opening, decision.ballots, absences=decision.absences)
        if anew.tally != decision.tally:
            yield "the tally is not what the ballots come to"
        outcome = Outcome.NOT_REACHED if decision.outcome is Outcome.ESCALATED else decision.outcome
        if decision.outcome in _COUNTED and (anew.outcome, anew.choice) != (outcome, decision.choice):
            yield f"counted anew it is {anew.outcome} {anew.choice or ''}".rstrip() + f", not {decision.outcome}"


def evidence_of(fault: Fault) -> Evidence | None:
    """Read the signed statements of a proof as they are on record; None if they are none."""
    misdeeds = {misdeed.name.lower(): misdeed for misdeed in Misdeed} | {EQUIVOCATION: Misdeed.TWO_BALLOTS}
    misdeed = misdeeds.get(fault.kind)
    pairs = [item.partition(" ")[::2] for item in fault.evidence]
    known = {kind.value: kind for kind in Kind}
    if misdeed is None or any(kind not in known for kind, _ in pairs):
        return None
    return Evidence(misdeed, fault.agent_id, tuple((known[kind], token) for kind, token in pairs))

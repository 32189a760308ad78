"""The certificate: a value and a quorum of signed COMMITs for it. Anyone with the agreement and keys verifies it."""

from dataclasses import dataclass

from maos_flows.protocols.byzantine.agreement import ABSTAIN, Agreement
from maos_flows.protocols.byzantine.counting import CertifiedTally, count
from maos_flows.protocols.byzantine.statements import Kind, Reader, Signed, Verify, VoteStatement
from maos_flows.protocols.byzantine.value import Value, single_ballots, value_problem


@dataclass(frozen=True, slots=True)
class Certificate:
    """What proves a decision.

    Attributes:
        view: The view it was committed in.
        value: The ballots.
        commits: A quorum's signed COMMITs for the value in that view.
    """

    view: int
    value: Value
    commits: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of verifying a certificate.

    Attributes:
        problem: The first thing wrong; None if it proves its decision.
        tally: What its ballots come to, counted anew; None if something is wrong.
    """

    problem: str | None
    tally: CertifiedTally | None

    @property
    def is_sound(self) -> bool:
        """Whether the certificate proves its decision."""
        return self.problem is None


def verify_certificate(agreement: Agreement, certificate: Certificate, verify: Verify) -> Verification:
    """Verify a certificate offline and count it anew: nothing is taken from whoever shows it."""
    reader = Reader(agreement, verify)
    problem = certificate_problem(reader, certificate)
    if problem is not None:
        return Verification(problem, None)
    return Verification(None, tally_value(reader, certificate.value))


def certificate_problem(reader: Reader, certificate: Certificate) -> str | None:
    """Say what is wrong with a certificate; None if nothing is."""
    agreement = reader.agreement
    signers = {commit.agent for commit in certificate.commits}
    if len(signers) != len(certificate.commits):
        return "an agent's COMMIT is there twice"
    if len(signers) < agreement.quorum:
        return f"{len(signers)} COMMITs; at least {agreement.quorum} are needed"
    for commit in certificate.commits:
        wanted = VoteStatement(commit.agent, Kind.COMMIT, certificate.view, certificate.value.digest)
        if reader.vote(Kind.COMMIT, commit) != wanted:
            return f"the COMMIT of {commit.agent[:40]!r} is not for this value in view {certificate.view}"
    return value_problem(reader, certificate.value)


def tally_value(reader: Reader, value: Value) -> CertifiedTally:
    """Count a valid value."""
    agreement = reader.agreement
    units, choice, reason = count(agreement, single_ballots(reader, value))
    whole = sum(agreement.units.values())
    present = value.agents
    return CertifiedTally(
        choice=choice,
        reason=reason,
        units={option: units[option] for option in agreement.choices},
        abstained=units[ABSTAIN],
        whole=whole,
        needed=agreement.threshold.needed(whole),
        excluded=tuple(entry.agent for entry in value.entries if entry.is_equivocation),
        absent=tuple(agent for agent in agreement.agents if agent not in present),
    )

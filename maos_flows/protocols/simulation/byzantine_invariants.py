"""The promises B1 to B9 of Byzantine agreement, checked on honest replicas after every event.

| name | promise |
|---|---|
| `agreement` (B1) | no two honest replicas decide differently |
| `certificate` (B2) | every certificate verifies offline |
| `contradiction` (B3) | no honest key signs two statements that contradict |
| `prepared` (B4) | one prepared value a view among the honest |
| `justified` | honest replicas stand behind every VIEW-CHANGE and every claim that an accepted proposal rests on |
| `locked` (B5) | once so many honest committed that every quorum meets one, nobody honest accepts another value later |
| `accused` (B6) | all evidence verifies, and none of it names an honest agent |
| `unnoticed` (B7) | who is heard contradicting itself by an honest replica is convicted |
| `count` (B8) | the count differs from the honest ballots only by those absent (at most f) and those of liars |
| `buffers` (B9) | what a replica keeps is bounded |

`justified`, B1, B4, B5, B8 hold with at most f liars; the others always.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from maos_flows.protocols.byzantine.agreement import Agreement
from maos_flows.protocols.byzantine.certificate import Certificate, verify_certificate
from maos_flows.protocols.byzantine.evidence import (
    TWICE,
    Evidence,
    misdeed_of_one,
    misdeed_of_two,
    verify_evidence,
)
from maos_flows.protocols.byzantine.messages import Ballots, Commit, Prepare, Propose, ViewChange, is_within_bounds
from maos_flows.protocols.byzantine.replica import Replica
from maos_flows.protocols.byzantine.statements import (
    BallotStatement,
    ChangeStatement,
    Kind,
    Reader,
    Signed,
    Statement,
    Verify,
)
from maos_flows.protocols.byzantine.votes import WINDOW
from maos_flows.protocols.simulation.report import Violation
from maos_flows.protocols.step import Envelope, Step

_KINDS: Mapping[type, Kind] = {
    Propose: Kind.PROPOSE,
    Prepare: Kind.PREPARE,
    Commit: Kind.COMMIT,
    ViewChange: Kind.VIEW_CHANGE,
}
Half = tuple[str, int, Kind, int, str]


class ByzantineInvariants:
    """Watches the honest replicas of one run.

    Args:
        agreement: What they decide.
        verify: Everybody's keys.
        honest: The agents that follow the rules.
    """

    def __init__(self, agreement: Agreement, verify: Verify, honest: frozenset[str]) -> None:
        self._agreement = agreement
        self._verify = verify
        self._honest = honest
        self._is_within = agreement.size - len(honest) <= agreement.faults
        self._reader = Reader(agreement, verify)
        self._violations: list[Violation] = []
        self._said: dict[tuple[str, Kind, int], Statement] = {}
        self._tokens: set[tuple[str, Kind, str]] = set()
        self._decided_by: dict[str, Certificate] = {}
        self._commits: dict[str, list[Statement]] = {}
        self._prepared: dict[int, str] = {}
        self._committed: dict[tuple[int, str], set[str]] = {}
        self._accepted: dict[tuple[int, str], str] = {}
        self._checked: set[Evidence] = set()
        self._voters: dict[tuple[Kind, int, str], set[str]] = {}
        self._justified: set[str] = set()
        self._halves: dict[Half, set[str]] = {}
        self._cast: dict[str, str] = {}
        self.certificates: list[Certificate] = []

    def take(self) -> Sequence[Violation]:
        """Give the violations found since the last call."""
        found = tuple(self._violations)
        self._violations.clear()
        return found

    def cast(self, agent: str, choice: str) -> None:
        """Note an honest ballot."""
        self._cast[agent] = choice

    def sent(self, agent: str, step: Step[object, object, object]) -> None:
        """B3, B5: check what an honest replica signs."""
        last: object = None
        for envelope in step.messages:
            message = envelope.message
            if message is last:
                continue
            last = message
            kind = _KINDS.get(type(message))
            if isinstance(message, Ballots):
                for ballot in message.ballots:
                    if ballot.agent == agent:
                        self._signed(agent, Kind.BALLOT, 0, ballot.token)
            elif isinstance(message, Propose | Prepare | Commit | ViewChange) and kind is not None:
                self._signed(agent, kind, message.view, message.token)
                self._note_lock(agent, message)

    def hears(self, replica: Replica, life: int, envelope: Envelope[object]) -> tuple[Half, Kind] | None:
        """B7: note a verified vote that an honest replica is about to take, of its own signer and not oversized."""
        message = envelope.message
        if not isinstance(message, Propose | Prepare | Commit) or message.agent != envelope.sender:
            return None
        if not is_within_bounds(self._agreement, message):
            return None
        kind = _KINDS[type(message)]
        digest = message.value.digest if isinstance(message, Propose) else message.digest
        lowest = replica.view - (WINDOW if kind is Kind.COMMIT else 0)
        statement = self._reader.vote(kind, Signed(message.agent, message.token))
        is_true = statement is not None and (statement.view, statement.value) == (message.view, digest)
        is_taken = is_true and lowest <= message.view <= replica.view + WINDOW
        if not is_taken or (kind is Kind.PROPOSE and not self._is_primary_heard(replica, message)):
            return None
        half = (replica.agent, life, kind, message.view, message.agent)
        self._halves.setdefault(half, set()).add(digest)
        return half, kind

    def heard(self, replica: Replica, half: tuple[Half, Kind]) -> None:
        """B7: require evidence if that vote contradicted an earlier one."""
        key, kind = half
        if len(self._halves[key]) > 1:
            accused = key[-1]
            known = {(one.agent, one.misdeed) for one in replica.evidence}
            if (accused, TWICE[kind]) not in known:
                self._violate("unnoticed", f"{replica.agent} heard {accused} contradict itself by {kind}")

    def changed(self, replica: Replica) -> None:
        """B1, B2, B4, B6, B8, B9: check an honest replica's state."""
        certificate = replica.decided
        if certificate is not None and self._decided_by.get(replica.agent) is not certificate:
            self._decided_by[replica.agent] = certificate
            self._decided(replica.agent, certificate)
        prepared = replica.prepared
        if prepared is not None and self._is_within:
            digest = self._prepared.setdefault(prepared.view, prepared.value.digest)
            if digest != prepared.value.digest:
                self._violate("prepared", f"two values in view {prepared.view}")
        archive = replica.durable.archive
        if archive and archive[-1].view > 1 and self._is_within and archive[-1].token not in self._justified:
            self._check_justification(replica.agent, archive[-1])
        for evidence in replica.evidence:
            if evidence not in self._checked:
                self._accused(replica.agent, evidence)
        most = 100 * self._agreement.size + 100
        if replica.buffered > most:
            self._violate("buffers", f"{replica.agent} keeps {replica.buffered} things; at most {most} are needed")

    def violate(self, name: str, detail: str) -> None:
        """Note a violation found elsewhere."""
        self._violate(name, detail)

    def _violate(self, name: str, detail: str) -> None:
        self._violations.append(Violation(name, detail))

    def _is_primary_heard(self, replica: Replica, message: Propose | Prepare | Commit) -> bool:
        return self._agreement.primary(message.view) == message.agent and replica.decided is None

    def _signed(self, agent: str, kind: Kind, view: int, token: str) -> None:
        if (agent, kind, token) in self._tokens:
            return
        self._tokens.add((agent, kind, token))
        statement = self._reader.read(kind, Signed(agent, token))
        if statement is None:
            self._violate("contradiction", f"{agent} sent a {kind} that does not verify")
            return
        claim = "" if isinstance(statement, BallotStatement | ChangeStatement) else statement.value
        self._voters.setdefault((kind, view, claim), set()).add(agent)
        first = self._said.setdefault((agent, kind, view), statement)
        others = self._commits.setdefault(agent, [])
        if kind is Kind.COMMIT:
            others.append(statement)
        is_odd = first != statement or misdeed_of_one(self._agreement, statement) is not None
        if is_odd or any(misdeed_of_two(other, statement) for other in others):
            self._violate("contradiction", f"honest {agent} contradicts itself: {statement}")

    def _check_justification(self, agent: str, proposal: Propose) -> None:
        """Count what honest replicas are known to have signed: a quorum has at most as many liars as there are.

        The replica itself counts, for what it has signed may still be waiting for its disk.
        """
        self._justified.add(proposal.token)
        least = self._agreement.quorum - (self._agreement.size - len(self._honest))
        if len({agent, *self._voters.get((Kind.VIEW_CHANGE, proposal.view, ""), ())}) < least:
            self._violate("justified", f"{agent} accepts a proposal in view {proposal.view} that few asked for")
        for signed in proposal.changes:
            change = self._reader.change(signed)
            if change is None or change.prepared_view == 0:
                continue
            claim = (Kind.PREPARE, change.prepared_view, change.prepared_value)
            if len({agent, *self._voters.get(claim, ())}) < least:
                self._violate("justified", f"{agent} believes that a value is prepared in {change.prepared_view}")

    def _note_lock(self, agent: str, message: Propose | Prepare | Commit | ViewChange) -> None:
        """B5. Enough committers are n - q + 1, for then any quorum of VIEW-CHANGEs holds one; it can exceed f + 1."""
        enough = self._agreement.size - self._agreement.quorum + 1
        if isinstance(message, Commit):
            committers = self._committed.setdefault((message.view, message.digest), set())
            committers.add(agent)
            if len(committers) == enough:
                for (view, digest), who in self._accepted.items():
                    self._check_lock((message.view, message.digest), (view, digest), who)
        elif isinstance(message, Prepare) and (message.view, message.digest) not in self._accepted:
            self._accepted[message.view, message.digest] = agent
            for lock, committers in self._committed.items():
                if len(committers) >= enough:
                    self._check_lock(lock, (message.view, message.digest), agent)

    def _check_lock(self, lock: tuple[int, str], accepted: tuple[int, str], who: str) -> None:
        if self._is_within and accepted[0] > lock[0] and accepted[1] != lock[1]:
            self._violate("locked", f"{who} accepts another value in view {accepted[0]}, locked in {lock[0]}")

    def _decided(self, agent: str, certificate: Certificate) -> None:
        if self._is_within and any(other.value.digest != certificate.value.digest for other in self.certificates):
            self._violate("agreement", f"{agent} decides otherwise in view {certificate.view}")
        self.certificates.append(certificate)
        absent = {agent for agent in self._honest if agent not in certificate.value.agents}
        if self._is_within and len(absent) > self._agreement.faults:
            self._violate("count", f"{len(absent)} honest ballots are missing")
        verification = verify_certificate(self._agreement, certificate, self._verify)
        if verification.tally is None:
            self._violate("certificate", f"{agent}'s certificate does not verify: {verification.problem}")
        elif self._is_within:
            self._counted(absent, verification.tally.units)

    def _counted(self, absent: AbstractSet[str], units: Mapping[str, int]) -> None:
        """B8, heads and weights being one here."""
        liars = self._agreement.size - len(self._honest)
        for choice, counted in units.items():
            honest = [agent for agent, cast in self._cast.items() if cast == choice]
            present = [agent for agent in honest if agent not in absent]
            if not len(present) <= counted <= len(honest) + liars:
                self._violate("count", f"{counted} for {choice}, of {len(honest)} honest ballots")

    def _accused(self, agent: str, evidence: Evidence) -> None:
        self._checked.add(evidence)
        if not verify_evidence(self._agreement, evidence, self._verify):
            self._violate("accused", f"{agent} believes evidence that does not verify: {evidence}")
        if evidence.agent in self._honest:
            self._violate("accused", f"{agent} accuses honest {evidence.agent}: {evidence.misdeed}")

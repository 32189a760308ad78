"""A replica's memory: what it must not forget, what it has heard, what it will say; no rules."""

from collections.abc import Iterable

from maos_flows.protocols.byzantine.agreement import Agreement
from maos_flows.protocols.byzantine.ballots import BallotBook
from maos_flows.protocols.byzantine.evidence import Evidence, Misdeed, misdeed_of_two
from maos_flows.protocols.byzantine.messages import Accusation
from maos_flows.protocols.byzantine.outbox import Outbox
from maos_flows.protocols.byzantine.state import Durable, Timing
from maos_flows.protocols.byzantine.statements import (
    BallotStatement,
    ChangeStatement,
    Kind,
    Reader,
    Signed,
    Signing,
    VoteStatement,
    ballot_payload,
    change_payload,
    vote_payload,
)
from maos_flows.protocols.byzantine.value import Value, value_problem
from maos_flows.protocols.byzantine.votes import ChangeBook, VoteBook

MOST_VALUES = 32


class Memory:
    """What the rules of one replica work on.

    Attributes:
        agreement: The decision.
        agent: Whose replica this is.
        peers: All others.
        timing: How long to wait for what.
        durable: What must be written before anything said now leaves.
        now: Ticks since this replica started.
        reader: Reads and verifies tokens.
        out: What will be said.
        ballots: Ballots held.
        votes: PROPOSEs, PREPAREs and COMMITs heard.
        changes: VIEW-CHANGEs heard.
        evidence: What convicts whom, the first find of each misdeed.
        values: Valid values held, by digest.
        unshared: Others' ballots not yet passed on.
    """

    def __init__(self, agreement: Agreement, agent: str, signing: Signing, timing: Timing, durable: Durable) -> None:
        self.agreement = agreement
        self.agent = agent
        self.peers = tuple(peer for peer in agreement.agents if peer != agent)
        self.timing = timing
        self.durable = durable
        self.now = 0
        self.reader = Reader(agreement, signing.verify)
        self.out = Outbox(agent, self.peers)
        self.ballots = BallotBook(self.reader)
        self.votes = VoteBook(self.reader)
        self.changes = ChangeBook()
        self.evidence: dict[tuple[str, Misdeed], Evidence] = {}
        self.values: dict[str, Value] = {}
        self.unshared: list[Signed] = []
        self._signing = signing

    def sign_ballot(self, choice: str, detail: str) -> Signed:
        """Sign this agent's ballot."""
        token = self._signing.sign(Kind.BALLOT, ballot_payload(self.agreement, self.agent, choice, detail))
        signed = Signed(self.agent, token)
        self.reader.remember(Kind.BALLOT, signed, BallotStatement(self.agent, choice, detail))
        return signed

    def sign_vote(self, kind: Kind, view: int, value: str) -> str:
        """Sign a PROPOSE, PREPARE or COMMIT, and count it as heard."""
        token = self._signing.sign(kind, vote_payload(self.agreement, view, value))
        statement = VoteStatement(self.agent, kind, view, value)
        self.reader.remember(kind, Signed(self.agent, token), statement)
        self.votes.add(statement, token)
        return token

    def sign_change(self, view: int) -> tuple[ChangeStatement, str]:
        """Sign a VIEW-CHANGE that tells what was prepared last."""
        prepared = self.durable.prepared
        claim = (prepared.view, prepared.value.digest) if prepared is not None else (0, "")
        token = self._signing.sign(Kind.VIEW_CHANGE, change_payload(self.agreement, view, *claim))
        statement = ChangeStatement(self.agent, view, *claim)
        self.reader.remember(Kind.VIEW_CHANGE, Signed(self.agent, token), statement)
        return statement, token

    def absorb(self, ballots: Iterable[Signed]) -> bool:
        """Take ballots; those that are new will be passed on. Says whether all were valid."""
        are_valid = True
        for ballot in ballots:
            if self.ballots.has(ballot):
                continue
            before = self.ballots.held(ballot.agent)
            is_valid, evidence = self.ballots.add(ballot, self.now)
            are_valid = are_valid and is_valid
            if evidence is not None:
                self.convict(evidence)
            if self.ballots.held(ballot.agent) != before:
                self.unshared.append(ballot)
        return are_valid

    def hold(self, value: Value) -> bool:
        """Keep a value if it is valid. Says whether it is."""
        if value.digest in self.values:
            return True
        if value_problem(self.reader, value) is not None:
            return False
        if len(self.values) >= MOST_VALUES:
            del self.values[next(iter(self.values))]
        self.values[value.digest] = value
        self.absorb(value.signed())
        return True

    def value(self, digest: str) -> Value | None:
        """Find a value held, the one prepared last always among them."""
        prepared = self.durable.prepared
        if prepared is not None and prepared.value.digest == digest:
            return prepared.value
        return self.values.get(digest)

    def convict(self, evidence: Evidence, *, is_ours: bool = True) -> None:
        """Note verified evidence once, and tell all if we found it."""
        key = (evidence.agent, evidence.misdeed)
        if key in self.evidence:
            return
        self.evidence[key] = evidence
        self.out.convict(evidence)
        if is_ours:
            self.out.broadcast(Accusation(evidence))

    def check_lock(self, commit: VoteStatement, commit_token: str, change: ChangeStatement, token: str) -> None:
        """Convict an agent whose VIEW-CHANGE denies its COMMIT."""
        misdeed = misdeed_of_two(commit, change)
        if misdeed is not None:
            statements = ((Kind.COMMIT, commit_token), (Kind.VIEW_CHANGE, token))
            self.convict(Evidence(misdeed, commit.agent, statements))

"""Messages: what replicas send each other. Only the tokens inside are signed; the rest is checked against them."""

from dataclasses import dataclass
from typing import assert_never

from maos_flows.protocols.byzantine.agreement import Agreement
from maos_flows.protocols.byzantine.evidence import Evidence
from maos_flows.protocols.byzantine.statements import Signed
from maos_flows.protocols.byzantine.value import Value


@dataclass(frozen=True, slots=True)
class Ballots:
    """Signed ballots, the sender's own or others' that it passes on."""

    ballots: tuple[Signed, ...]

    def __str__(self) -> str:
        return "ballots of " + " ".join(dict.fromkeys(ballot.agent for ballot in self.ballots))


@dataclass(frozen=True, slots=True)
class Propose:
    """PROPOSE by the primary of `view`.

    Attributes:
        agent: Who signed.
        view: The view.
        token: The signed statement.
        value: What is proposed.
        changes: In views after the first, VIEW-CHANGEs of a quorum.
        prepares: A quorum of PREPAREs for every value that `changes` claim to be prepared.
    """

    agent: str
    view: int
    token: str
    value: Value
    changes: tuple[Signed, ...] = ()
    prepares: tuple[Signed, ...] = ()

    def __str__(self) -> str:
        return f"PROPOSE {_name(self.value)} in view {self.view}, on {len(self.changes)} view changes"


@dataclass(frozen=True, slots=True)
class Prepare:
    """PREPARE: `agent` has accepted the proposal with digest `digest` in `view`."""

    agent: str
    view: int
    digest: str
    token: str

    def __str__(self) -> str:
        return f"PREPARE {self.digest[:6]} in view {self.view}"


@dataclass(frozen=True, slots=True)
class Commit:
    """COMMIT: `agent` has seen a quorum of PREPAREs for `digest` in `view`."""

    agent: str
    view: int
    digest: str
    token: str

    def __str__(self) -> str:
        return f"COMMIT {self.digest[:6]} in view {self.view}"


@dataclass(frozen=True, slots=True)
class ViewChange:
    """VIEW-CHANGE (QBFT's ROUND-CHANGE): `agent` has moved to `view`.

    Attributes:
        agent: Who signed.
        view: Where it moved.
        token: The signed statement, which says what it last prepared.
        prepares: The quorum of PREPAREs behind that claim; none if it prepared nothing.
        value: The value it prepared; None if nothing.
    """

    agent: str
    view: int
    token: str
    prepares: tuple[Signed, ...] = ()
    value: Value | None = None

    def __str__(self) -> str:
        return f"VIEW-CHANGE to {self.view}, prepared {_name(self.value) if self.value is not None else 'nothing'}"


@dataclass(frozen=True, slots=True)
class Decided:
    """A certificate, self-certifying.

    Attributes:
        view: The view of the COMMITs.
        value: What was decided.
        commits: The quorum's COMMITs.
        others: Ballots the sender holds of agents that have no entry in `value`: found too late to count, but two
            that differ still convict.
        asks: Whether the sender wants the same from the recipient.
    """

    view: int
    value: Value
    commits: tuple[Signed, ...]
    others: tuple[Signed, ...] = ()
    asks: bool = False

    def __str__(self) -> str:
        return f"DECIDED {_name(self.value)} in view {self.view}"


@dataclass(frozen=True, slots=True)
class Accusation:
    """Evidence against an agent, for all to check."""

    evidence: Evidence

    def __str__(self) -> str:
        return f"evidence {self.evidence.misdeed.value} against {self.evidence.agent}"


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask for the value with this digest: a quorum voted for it and the sender does not hold it."""

    digest: str

    def __str__(self) -> str:
        return f"fetch {self.digest[:6]}"


@dataclass(frozen=True, slots=True)
class Supply:
    """The value that was asked for."""

    value: Value

    def __str__(self) -> str:
        return f"here is {_name(self.value)}"


Message = Ballots | Propose | Prepare | Commit | ViewChange | Decided | Accusation | Fetch | Supply
MESSAGES = (Ballots, Propose, Prepare, Commit, ViewChange, Decided, Accusation, Fetch, Supply)


def _name(value: Value) -> str:
    return f"{value.digest[:6]} ({len(value.entries)} entries)"


def is_within_bounds(agreement: Agreement, message: Message) -> bool:
    """Say whether a message's lists are no longer than any honest one's, before anything in it is verified."""
    n = agreement.size
    match message:  # those that are sent most stand first
        case Prepare() | Commit() | Accusation() | Fetch():
            return True
        case Ballots(ballots):
            return 0 < len(ballots) <= 2 * n
        case Propose():
            is_short = len(message.changes) <= n and len(message.prepares) <= n * agreement.quorum
            return is_short and len(message.value.entries) <= n
        case ViewChange():
            is_short = message.value is None or len(message.value.entries) <= n
            return is_short and len(message.prepares) <= n
        case Decided():
            is_short = len(message.commits) <= n and len(message.others) <= 2 * n
            return is_short and len(message.value.entries) <= n
        case Supply(value):
            return len(value.entries) <= n
        case _:
            assert_never(message)

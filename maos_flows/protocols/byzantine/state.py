"""What a replica remembers across a crash, and how long it waits for what."""

from dataclasses import dataclass

from maos_flows.protocols.byzantine.certificate import Certificate
from maos_flows.protocols.byzantine.counting import CertifiedTally
from maos_flows.protocols.byzantine.messages import Commit, Prepare, Propose, ViewChange
from maos_flows.protocols.byzantine.statements import Signed
from maos_flows.protocols.byzantine.value import Value

MOST_DOUBLINGS = 16
ARCHIVE_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Timing:
    """Waits, in ticks. Wrong ones cost time, never safety.

    Attributes:
        ballot_window: How long the first primary waits for ballots still missing.
        base_timeout: How long the first view lasts after that; every further view lasts twice as long.
        resend_every: How often unanswered messages are sent again.
        inclusion_delay: In the first view, how long a replica must have held a ballot to insist that a fresh proposal
            contains it; doubles with every view. Twice the delay of the network is right.
    """

    ballot_window: int = 10
    base_timeout: int = 20
    resend_every: int = 10
    inclusion_delay: int = 8

    def timeout(self, view: int) -> int:
        """Say how long a view lasts."""
        return self.base_timeout << min(view - 1, MOST_DOUBLINGS)

    def patience(self, view: int) -> int:
        """Say how long a ballot must have been held in `view` for its absence to be held against a proposal."""
        return self.inclusion_delay << min(view - 1, MOST_DOUBLINGS)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The value last prepared: what a later view must propose again if it may have been decided.

    Attributes:
        view: Where it was prepared.
        value: The value.
        prepares: The quorum's PREPAREs.
    """

    view: int
    value: Value
    prepares: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class Durable:
    """All a replica must not forget: written before a message that depends on it leaves.

    Attributes:
        view: The present view.
        ballot: This agent's own ballot, once cast.
        prepared: The value last prepared.
        propose: The last proposal it signed.
        prepare: The last PREPARE it signed; at most one a view.
        commit: The last COMMIT it signed; at most one a view.
        change: The last VIEW-CHANGE it signed.
        decided: The certificate, once there is one.
        archive: The latest proposals it accepted, with what justified them: names the culprits should two
            certificates ever exist. It is bounded; views double in length, so it spans any run that matters.
    """

    view: int = 1
    ballot: Signed | None = None
    prepared: Prepared | None = None
    propose: Propose | None = None
    prepare: Prepare | None = None
    commit: Commit | None = None
    change: ViewChange | None = None
    decided: Certificate | None = None
    archive: tuple[Propose, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a replica tells its application, once: the certificate and what it comes to."""

    certificate: Certificate
    tally: CertifiedTally

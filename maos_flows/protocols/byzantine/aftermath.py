"""After the decision: answer laggards, and pass on ballots that came too late to count, for they may still convict."""

from collections.abc import Sequence

from maos_flows.protocols.byzantine.certificate import Certificate
from maos_flows.protocols.byzantine.messages import Decided
from maos_flows.protocols.byzantine.statements import Signed

_MOST_DOUBLINGS = 6


class Aftermath:
    """Who was answered when, and which peers hold every late ballot that this replica holds."""

    def __init__(self, certificate: Certificate, resend_every: int, now: int) -> None:
        self._certificate = certificate
        self._resend_every = resend_every
        self._answered: dict[str, int] = {}
        self._others: tuple[Signed, ...] = ()
        self._satisfied: set[str] = set()
        self._rounds = 0
        self._next = now + resend_every

    @property
    def certificate(self) -> Certificate:
        """What was decided."""
        return self._certificate

    def message(self, *, asks: bool = False) -> Decided:
        """Make the DECIDED that tells all there is."""
        certificate = self._certificate
        return Decided(certificate.view, certificate.value, certificate.commits, self._others, asks)

    def told(self, peers: Sequence[str], now: int) -> None:
        """Note that these peers were sent the message."""
        for peer in peers:
            self._answered[peer] = now

    def may_answer(self, peer: str, now: int) -> bool:
        """Say whether it is time to send a peer the message again: a flood is not answered with a flood."""
        last = self._answered.get(peer)
        return last is None or now - last >= self._resend_every

    def hold(self, others: tuple[Signed, ...], now: int) -> None:
        """Note the late ballots held now."""
        if others != self._others:
            self._others = others
            self._satisfied.clear()
            self._rounds = 0
            self._next = now + self._resend_every

    def heard(self, peer: str, others: Sequence[Signed]) -> None:
        """Note the late ballots that a peer holds."""
        if set(self._others) <= set(others):
            self._satisfied.add(peer)

    def due(self, peers: Sequence[str], now: int) -> tuple[str, ...]:
        """Give the peers to ask now, ever more seldom."""
        if now < self._next:
            return ()
        waiting = self._waiting(peers)
        self._next = now + (self._resend_every << min(self._rounds, _MOST_DOUBLINGS))
        self._rounds += 1
        return waiting

    def deadline(self, peers: Sequence[str], now: int) -> int | None:
        """Say in how many ticks something is due; None if all is settled."""
        return max(1, self._next - now) if self._waiting(peers) else None

    def _waiting(self, peers: Sequence[str]) -> tuple[str, ...]:
        if not self._others:
            return ()
        return tuple(peer for peer in peers if peer not in self._satisfied)

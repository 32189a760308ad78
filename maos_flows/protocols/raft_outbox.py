"""What a Raft replica has said since its last step: messages and faults, waiting to leave together."""

from collections.abc import Sequence

from maos_flows.protocols.raft_messages import Message
from maos_flows.protocols.step import Envelope, Fault

MOST_FAULTS = 64


class Outbox:
    """Messages of one agent's replica, and the faults it saw; at most 64 of these a step."""

    def __init__(self, agent: str, peers: Sequence[str]) -> None:
        self._agent = agent
        self._peers = tuple(peers)
        self._messages: list[Envelope[Message]] = []
        self._faults: list[Fault] = []

    def send(self, recipient: str, message: Message) -> None:
        """Address a message to one peer."""
        self._messages.append(Envelope(self._agent, recipient, message))

    def broadcast(self, message: Message) -> None:
        """Address a message to every peer, in order of name."""
        for peer in self._peers:
            self.send(peer, message)

    def fault(self, envelope: Envelope[Message], reason: str) -> None:
        """Note what was wrong with an input; anybody may have forged it, so it stays a suspicion of its sender."""
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(Fault(envelope.sender, reason, (envelope,)))

    def is_empty(self) -> bool:
        """Say whether nothing waits."""
        return not self._messages and not self._faults

    def take(self) -> tuple[tuple[Envelope[Message], ...], tuple[Fault, ...]]:
        """Take all that waits."""
        taken = tuple(self._messages), tuple(self._faults)
        self._messages.clear()
        self._faults.clear()
        return taken

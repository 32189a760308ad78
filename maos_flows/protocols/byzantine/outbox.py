"""Collect what one input leads to, and hand it over as one step."""

from collections.abc import Sequence

from maos_flows.protocols.byzantine.evidence import Evidence
from maos_flows.protocols.byzantine.messages import Message
from maos_flows.protocols.byzantine.state import Decision, Durable
from maos_flows.protocols.step import Envelope, Fault, Step

ByzantineStep = Step[Message, Durable, Decision]


class Outbox:
    """What a replica says in answer to one input."""

    def __init__(self, agent: str, peers: Sequence[str]) -> None:
        self._agent = agent
        self._peers = peers
        self._messages: list[Envelope[Message]] = []
        self._outputs: list[Decision] = []
        self._faults: list[Fault] = []
        self._nothing: ByzantineStep = Step()

    def send(self, peer: str, message: Message) -> None:
        """Send to one peer."""
        self._messages.append(Envelope(self._agent, peer, message))

    def broadcast(self, message: Message) -> None:
        """Send to every peer."""
        agent = self._agent
        self._messages.extend([Envelope(agent, peer, message) for peer in self._peers])

    def say(self, decision: Decision) -> None:
        """Tell the application."""
        self._outputs.append(decision)

    def suspect(self, peer: str, reason: str) -> None:
        """Note something that can be innocent about who delivered it."""
        self._faults.append(Fault(peer, reason))

    def convict(self, evidence: Evidence) -> None:
        """Note something that cannot be innocent."""
        self._faults.append(Fault(evidence.agent, evidence.misdeed.name.lower(), (evidence,)))

    def step(self, durable: Durable | None, deadline: int | None) -> ByzantineStep:
        """Hand over all of it, and start anew."""
        if durable is None and not (self._messages or self._outputs or self._faults):
            if self._nothing.deadline != deadline:
                self._nothing = Step(deadline=deadline)
            return self._nothing
        step = Step(tuple(self._messages), durable, tuple(self._outputs), tuple(self._faults), deadline)
        self._messages.clear()
        self._outputs.clear()
        self._faults.clear()
        return step

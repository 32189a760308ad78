"""What a replica answers to one input: data for its driver, which does all writing, sending and waiting."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Message_co = TypeVar("Message_co", covariant=True)
Durable_co = TypeVar("Durable_co", covariant=True)
Output_co = TypeVar("Output_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Envelope(Generic[Message_co]):
    """One message on its way between two agents' replicas.

    Attributes:
        sender: The agent it claims to come from; a driver that authenticates has checked this.
        recipient: The agent it is for.
        message: The protocol's own frozen value.
    """

    sender: str
    recipient: str
    message: Message_co


@dataclass(frozen=True, slots=True)
class Fault:
    """A peer's misbehaviour, returned and never raised.

    Attributes:
        peer: Who is accused; for a suspicion, who delivered it.
        reason: A short stable code such as `malformed` or `unknown_sender`.
        evidence: The messages that contradict. Empty for a suspicion: something that can be innocent.
    """

    peer: str
    reason: str
    evidence: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Step(Generic[Message_co, Durable_co, Output_co]):
    """A replica's answer to its input. Safety rests on the driver keeping this order.

    1. Write `durable` so that it outlives a crash. 2. Only then send `messages`. 3. Hand `outputs` on.

    Attributes:
        messages: To send, in order; losing, repeating or reordering them costs progress, never safety.
        durable: What to write before anything leaves; None if nothing has changed.
        outputs: What the replica says to its own application.
        faults: Misbehaviour seen in the input.
        deadline: Ticks from now to the replica's next timer; None if it waits for nothing.
    """

    messages: tuple[Envelope[Message_co], ...] = ()
    durable: Durable_co | None = None
    outputs: tuple[Output_co, ...] = ()
    faults: tuple[Fault, ...] = ()
    deadline: int | None = None

"""One agent's seat in a Raft run: its replica in its present life, and what outlives that."""

from dataclasses import dataclass, field

from maos_flows.protocols.raft import Replica, Role
from maos_flows.protocols.raft_decision import DecisionState
from maos_flows.protocols.raft_log import Saved

NOTHING_APPLIED = DecisionState()


@dataclass(slots=True)
class Seat:
    """One agent's replica, what it has on disk, and what it has applied.

    Attributes:
        replica: It, in its present life.
        phase: When within a tick its clock ticks, in milliseconds.
        disk: What outlives a crash.
        state: The fold over what it has applied.
        ticked_at: The tick up to which its time has passed.
        life: Tells the times it wanted to be woken apart; only the last one counts.
        role: What it was when that was last told.
        is_due: Whether its agent's ballot is to be handed in by now.
        handed_to: The term and the leader the ballot was handed to last.
        behind: Whether it has yet to make its log whole.
    """

    replica: Replica
    phase: int
    disk: Saved = field(default_factory=Saved)
    state: DecisionState = NOTHING_APPLIED
    ticked_at: int = 0
    life: int = 0
    role: Role = Role.FOLLOWER
    is_due: bool = False
    handed_to: tuple[int, str] | None = None
    behind: bool = False

"""What one simulated run showed: the same seed gives the same report, down to the trace hash."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise of the protocol that a run broke.

    Attributes:
        invariant: The promise's name, such as `election_safety`.
        detail: Which replicas and values broke it, for a reader.
    """

    invariant: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Report:
    """One run, summed up.

    Attributes:
        seed: With `profile` all that is needed to run it again.
        profile: The name of the fault profile.
        trace_hash: SHA-256 in hex over every event and what it did; equal traces, equal hash.
        decided: Whether the protocol decided after healing.
        rounds: Terms (Raft) or rounds (Byzantine) it took, the highest seen.
        messages: Envelopes handed to the network, before it lost or doubled any.
        events: Events handled. A run stops at its first violation, so for a failing seed this is its shortest
            prefix.
        virtual_time: Units of the simulated clock at the end.
        violations: What was broken at the last event; empty for a clean run.
    """

    seed: int
    profile: str
    trace_hash: str
    decided: bool
    rounds: int
    messages: int
    events: int
    virtual_time: int
    violations: tuple[Violation, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether every invariant held and the run was live after healing."""
        return not self.violations

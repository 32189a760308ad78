"""Run a decision's replicas: on virtual time, as fast as they go, or on the clock, so that people can watch.

```
replicas = replicas_for(opening, ballots, ...)           # ByzantineReplicas or RaftReplicas
agreed = run_virtually(replicas, faults, on_event)       # replayable from its seed
agreed = await run_on_clock(replicas, faults, on_event)  # faults are asked for while it runs
```

Both do the same: let the faults that are acting act, hand over what happened, until the replicas are done. The same
seed, ballots and script of faults give the same happenings and the same result on virtual time, always. `on_event`
gets what has happened since it was called last; on the clock it and the faults are called in a thread, for both may
go to a database.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from maos_flows.agreement.faults import NO_FAULTS, FaultSource, Injection
from maos_flows.agreement.telling import Agreed, Happening

OnEvent = Callable[[Sequence[Happening]], None]
LONGEST_NAP_SECONDS = 1.0


class Replicas(Protocol):
    """All replicas of one decision, sans-IO: moved on to a moment, they say what happened until then."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of them: they agreed, or their time is over."""
        ...

    @property
    def next_at(self) -> int:
        """The moment up to which nothing happens by itself, in milliseconds since the run began."""
        ...

    def advance(self, now: int, acting: Sequence[Injection]) -> Sequence[Happening]:
        """Let time pass to a moment under these faults, and give what happened."""
        ...

    def agreed(self) -> Agreed:
        """Give what they agreed on."""
        ...


def ignore(happenings: Sequence[Happening]) -> None:
    """Take what happened, and do nothing with it."""
    del happenings


def run_virtually(replicas: Replicas, faults: FaultSource = NO_FAULTS, on_event: OnEvent = ignore) -> Agreed:
    """Run replicas to their end without waiting for anything."""
    now = 0
    while True:
        happened = replicas.advance(now, faults.acting(now))
        if happened:
            on_event(happened)
        if replicas.is_over:
            return replicas.agreed()
        change = faults.next_change(now)
        now = max(now, replicas.next_at if change is None else min(change, replicas.next_at))


async def run_on_clock(replicas: Replicas, faults: FaultSource = NO_FAULTS, on_event: OnEvent = ignore) -> Agreed:
    """Run replicas to their end by the clock of this process."""
    clock = asyncio.get_running_loop().time
    began = clock()
    change: int | None = 0
    acting: Sequence[Injection] = ()
    while True:
        now = int(1000 * (clock() - began))
        if change is not None and now >= change:
            acting = await asyncio.to_thread(faults.acting, now)
            change = faults.next_change(now)
        happened = replicas.advance(now, acting)
        if happened:
            await asyncio.to_thread(on_event, happened)
        if replicas.is_over:
            return replicas.agreed()
        due = replicas.next_at if change is None else min(change, replicas.next_at)
        await asyncio.sleep(min(max(0.0, due / 1000 - (clock() - began)), LONGEST_NAP_SECONDS))

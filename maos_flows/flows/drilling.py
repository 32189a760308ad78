"""Drills in flows: what acts on a decision is read from the audit store while it is open, and acts where it runs.

It acts on agents' answers as they are collected, and on their replicas as a source of faults. A decision that is over
sooner than `LOOK_SECONDS` is never looked at, so nobody pays for drills but who is drilled.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, cast

from maos_flows.agreement.faults import NO_FAULTS, FaultSource, Injection
from maos_flows.audit.drills import Drill, Injected
from maos_flows.audit.store import AuditStore
from maos_flows.drills.acting import LATE_SECONDS, all_injections, falsified, script_of
from maos_flows.drills.plans import tolerated
from maos_flows.errors import StoreError
from maos_flows.flows.agreeing import signed
from maos_flows.flows.stores import kept
from maos_flows.model import Absence, Agent, Ballot, Event, EventKind, FailureKind, Opening, Proposal, Suggestion
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest
from maos_flows.voters.base import utc_now

LOOK_SECONDS = 0.5
"""How often it is looked what acts."""

STAGE = "stage"
"""The name of drills that stand in a workflow."""

Answer = Ballot | Absence
Given = TypeVar("Given", bound=Ballot | Suggestion | Absence)
_A_MOMENT = timedelta(milliseconds=100)


def start_stage_drill(store: AuditStore, opening: Opening, request: DecisionRequest) -> None:
    """Start the drill that stands in a stage, the moment its decision opens."""
    drill = Drill(f"stage-{opening.proposal.decision_id}", STAGE, request.drill, who=request.workflow)
    store.drills.start(opening.proposal.decision_id, drill, now=opening.opened_at)


@asynccontextmanager
async def drilled(
    store: AuditStore, opening: Opening, policy: ConsensusPolicy, request: DecisionRequest
) -> AsyncIterator["Drilling"]:
    """Look, as long as a decision is open, what is made to go wrong with it."""
    drilling = Drilling(store, opening, policy, request)
    if request.drill:
        await drilling.look()
    looking = asyncio.create_task(drilling.keep_looking())
    try:
        yield drilling
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


class Drilling:
    """What drills do to one decision in this process.

    Args:
        store: Where drills are written.
        opening: What binds the decision.
        policy: The policy it is decided by.
        request: What was requested.
    """

    def __init__(self, store: AuditStore, opening: Opening, policy: ConsensusPolicy, request: DecisionRequest) -> None:
        self._store = store
        self._opening = opening
        self._protocol = policy.protocol
        self._request = request
        self._acting: tuple[Injected, ...] = ()
        self._looked = asyncio.Event()
        self._is_beyond = False
        self._thinking: dict[str, asyncio.Timeout] = {}

    async def keep_looking(self) -> None:
        """Look again and again; a store that does not answer for a while is asked the next time."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(StoreError):
                await self.look()

    async def look(self) -> None:
        """Read what acts now, note what has begun or ended, and whether it is more than can be borne."""
        decision_id = self._opening.proposal.decision_id
        self._acting = await asyncio.to_thread(self._store.drills.acting, decision_id, now=utc_now())
        for agent, until_down in self._thinking.items():
            if self._is_down(agent) and not until_down.expired():
                until_down.reschedule(asyncio.get_running_loop().time())
        failing = sorted({agent for one in self._acting for agent in one.agents})
        electors = [elector for elector in self._opening.electorate.electors if elector.weight]
        borne = tolerated(self._protocol, len(electors))
        is_beyond = borne is not None and len(failing) > borne
        if is_beyond and not self._is_beyond:
            text = f"{len(failing)} of {len(electors)} agents fail at once, and at most {borne} can be borne"
            data = {"agents": failing, "borne": borne, "kind": "too_many_faults"}
            event = Event(utc_now(), EventKind.STALLED, f"{text}: {', '.join(failing)}", data=data)
            await kept(self._store, partial(self._store.note, decision_id, event))
        self._is_beyond = is_beyond
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()

    def of_round(self, opening: Opening) -> "Drilling":
        """Go on with a further round: second ballots are for its choices, and signed for it."""
        self._opening = opening
        return self

    def for_replicas(self) -> FaultSource:
        """Give what acts on replicas: a stage's drill on virtual time, whatever is acting or may act on the clock."""
        if self._request.watch_seconds or any(one.name != STAGE for one in self._acting):
            return self
        return script_of(self._request.drill) if self._request.drill else NO_FAULTS

    def acting(self, now: int) -> Sequence[Injection]:
        """Give all that is acting now."""
        del now
        return all_injections((one.kind, one.agents) for one in self._acting)

    def next_change(self, now: int) -> int:
        """Say when to ask again."""
        return now + int(1000 * LOOK_SECONDS)

    async def answer(
        self, agent: Agent, proposal: Proposal, asking: Callable[[], Awaitable[Given]], enough: asyncio.Event | None
    ) -> Given:
        """Let an agent answer as drills allow: not while it is down, late, or something else than it found.

        Who goes down while it thinks loses what it thought, and is asked again when it is back, if there is time.
        """
        while True:
            await self._until_up(agent.id, proposal, enough)
            until_down = self._thinking[agent.id] = asyncio.timeout(None)
            try:
                async with until_down:
                    return await self._said(await asking(), proposal)
            except TimeoutError:
                if not until_down.expired():
                    raise
            finally:
                self._thinking.pop(agent.id, None)

    async def contradict(self, accepted: Answer) -> None:
        """Have an agent cast a second, different ballot after the one that was accepted, if a drill says so."""
        lie = self._of(accepted.agent_id, FailureKind.CONFLICTING_VOTES)
        if lie is None or isinstance(accepted, Absence):
            return
        second = falsified(accepted, self._opening.proposal, seed=lie.seed, kind=lie.kind)
        contradicting = signed(replace(second, received_at=utc_now()), self._opening)
        await kept(self._store, partial(self._store.record_answer, contradicting))

    async def _said(self, answer: Given, proposal: Proposal) -> Given:
        if isinstance(answer, Absence):
            return answer
        said: Any = answer
        lie = self._of(answer.agent_id, FailureKind.FALSE_INFORMATION)
        if lie is not None and isinstance(answer, Ballot) and not answer.signature:
            said = falsified(answer, proposal, seed=lie.seed, kind=lie.kind)
        late = self._of(answer.agent_id, FailureKind.DELAYED_RESPONSES)
        if late is None:
            return cast("Given", said)
        until = min(late.ends_at, utc_now() + timedelta(seconds=LATE_SECONDS))
        if proposal.deadline is not None:
            until = min(until, proposal.deadline + _A_MOMENT)
        await asyncio.sleep(max(0.0, (until - utc_now()).total_seconds()))
        return cast("Given", replace(said, received_at=utc_now()))

    async def _until_up(self, agent: str, proposal: Proposal, enough: asyncio.Event | None) -> None:
        """Wait until an agent is up; at most until the deadline, or until its ballot is not needed."""
        while self._is_down(agent) and not (enough is not None and enough.is_set()):
            left = (proposal.deadline - utc_now()).total_seconds() if proposal.deadline else None
            if left is not None and left <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._looked.wait(), left)

    def _is_down(self, agent: str) -> bool:
        """Say whether an agent is down, or cut off where no replica of its own takes its ballot."""
        cut_off = self._protocol is None and self._of(agent, FailureKind.PARTITION) is not None
        return cut_off or self._of(agent, FailureKind.CRASH) is not None

    def _of(self, agent: str, kind: FailureKind) -> Injected | None:
        return next((one for one in self._acting if one.kind is kind and agent in one.agents), None)

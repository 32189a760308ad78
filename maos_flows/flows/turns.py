"""Turns: when each agent is asked, and when asking stops. All at once or, where it can stop early, wave after wave."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from maos_flows.asking_order import in_order, next_wave
from maos_flows.model import Absence, Agent, Ballot, Opening
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import is_settled
from maos_flows.request import DecisionRequest

_PATIENCE = 1 / 4
"""For this part of a round's time a wave is waited for; then the next begins beside it."""


Answers = Mapping[str, Ballot | Absence]


def is_enough(policy: ConsensusPolicy, opening: Opening, answers: Answers, asked: Sequence[Agent]) -> bool:
    """Say whether a round can stop early: somebody is outstanding, and nobody who is can change the outcome."""
    outstanding = [agent.id for agent in asked if agent.id not in answers]
    return bool(outstanding) and is_settled(policy, opening, _ballots(answers), outstanding)


def _ballots(answers: Answers) -> list[Ballot]:
    return [answer for answer in answers.values() if isinstance(answer, Ballot)]


class Turns:
    """Lets agents be asked. Whoever collects answers tells it of each.

    Args:
        request: What is asked, and of whom.
        policy: The policy that will rule.
        opening: What binds the decision.
        answers: The answers there are, which whoever collects adds to.
        on_settled: Called once, when nothing outstanding can change the outcome any more.
    """

    def __init__(
        self,
        request: DecisionRequest,
        policy: ConsensusPolicy,
        opening: Opening,
        answers: Answers,
        *,
        on_settled: Callable[[], Awaitable[object]],
    ) -> None:
        agents = in_order(request.agents, opening, request.asking_order)
        self._request, self._policy, self._opening = request, policy, opening
        self._answers, self._on_settled = answers, on_settled
        self._waiting = [agent.id for agent in agents if agent.id not in answers]
        self._asked: set[str] = set()
        self._turns = {agent_id: asyncio.Event() for agent_id in self._waiting}
        self._patience_seconds = request.timeout_seconds * _PATIENCE
        self._begun_at = asyncio.get_running_loop().time()
        self.enough = asyncio.Event() if request.early_stop else None
        """Set once no more ballots are needed; None where all are asked whatever happens."""

    async def begin(self) -> None:
        """Begin to ask; after a run that died, where it stopped."""
        if self.enough is None:
            self._let(len(self._waiting))
        elif self._answers:
            await self.go_on()
        elif self._waiting:
            self._begin_next_wave()

    async def of(self, agent_id: str) -> None:
        """Wait for an agent's turn; it comes sooner if those before it take too long."""
        turn = self._turns[agent_id]
        while not turn.is_set():
            left = self._begun_at + self._patience_seconds - asyncio.get_running_loop().time()
            if left <= 0:
                self._begin_next_wave()
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(turn.wait(), left)

    async def go_on(self) -> None:
        """Look at the answers there are: stop asking if they are enough, or begin the next wave if the last is over."""
        if self.enough is None or self.enough.is_set():
            return
        if is_enough(self._policy, self._opening, self._answers, self._request.agents):
            self.enough.set()
            self._let(len(self._waiting))
            await self._on_settled()
        elif self._waiting and self._asked <= self._answers.keys():
            self._begin_next_wave()

    def _begin_next_wave(self) -> None:
        self._begun_at = asyncio.get_running_loop().time()
        late = sorted(self._asked - self._answers.keys())
        self._let(len(next_wave(self._policy, self._opening, _ballots(self._answers), self._waiting, late=late)))

    def _let(self, number: int) -> None:
        going, self._waiting = self._waiting[:number], self._waiting[number:]
        self._asked |= set(going)
        for agent_id in going:
            self._turns[agent_id].set()

"""Turns: when each agent is asked. All at once or, where asking can stop early, wave after wave."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from maos_flows.asking_order import in_order, next_wave
from maos_flows.model import Absence, Ballot, Opening
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest

_PATIENCE = 1 / 4
"""For this part of a round's time a wave is waited for; then the next begins beside it."""


class Turns:
    """Lets agents be asked. Whoever collects answers tells it of each."""

    def __init__(
        self,
        request: DecisionRequest,
        policy: ConsensusPolicy,
        opening: Opening,
        answered: Mapping[str, Ballot | Absence],
    ) -> None:
        agents = in_order(request.agents, opening, request.asking_order)
        self._policy, self._opening = policy, opening
        self._waiting = [agent.id for agent in agents if agent.id not in answered]
        self._answers = answered
        self._asked: set[str] = set()
        self._patience_seconds = request.timeout_seconds * _PATIENCE
        self._begun_at = asyncio.get_running_loop().time()
        self._turns = {agent_id: asyncio.Event() for agent_id in self._waiting}
        if request.early_stop:
            self.go_on(answered, is_over=False)
        else:
            self._let(len(self._waiting))

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

    def go_on(self, answers: Mapping[str, Ballot | Absence], *, is_over: bool) -> None:
        """Begin the next wave, if everybody of the last has answered; if all is over, let all go."""
        self._answers = answers
        if is_over:
            self._let(len(self._waiting))
        elif self._waiting and self._asked <= answers.keys():
            self._begin_next_wave()

    def _begin_next_wave(self) -> None:
        self._begun_at = asyncio.get_running_loop().time()
        ballots = [answer for answer in self._answers.values() if isinstance(answer, Ballot)]
        late = sorted(self._asked - self._answers.keys())
        self._let(len(next_wave(self._policy, self._opening, ballots, self._waiting, late=late)))

    def _let(self, number: int) -> None:
        going, self._waiting = self._waiting[:number], self._waiting[number:]
        self._asked |= set(going)
        for agent_id in going:
            self._turns[agent_id].set()

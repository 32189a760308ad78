"""Turns: when each agent is asked. All at once or, where asking can stop early, wave after wave."""

import asyncio
from collections.abc import Mapping

from maos_flows.asking_order import in_order, next_wave
from maos_flows.model import Absence, Ballot, Opening
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest


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
        self._asked: set[str] = set()
        self._turns = {agent_id: asyncio.Event() for agent_id in self._waiting}
        if request.early_stop:
            self.go_on(answered, is_over=False)
        else:
            self._let(len(self._waiting))

    async def of(self, agent_id: str) -> None:
        """Wait for an agent's turn."""
        await self._turns[agent_id].wait()

    def go_on(self, answers: Mapping[str, Ballot | Absence], *, is_over: bool) -> None:
        """Begin the next wave, if everybody of the last has answered; if all is over, let all go."""
        if is_over:
            self._let(len(self._waiting))
        elif self._waiting and self._asked <= answers.keys():
            ballots = [answer for answer in answers.values() if isinstance(answer, Ballot)]
            self._let(len(next_wave(self._policy, self._opening, ballots, self._waiting)))

    def _let(self, number: int) -> None:
        going, self._waiting = self._waiting[:number], self._waiting[number:]
        self._asked |= set(going)
        for agent_id in going:
            self._turns[agent_id].set()

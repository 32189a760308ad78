"""Who is asked first, and how many at once, where asking can stop as soon as the outcome is certain.

A wave is the fewest agents, in order, whose ballots could settle the decision if they all agreed. Fewer could not, so
waiting for one would only take longer; more might turn out not to have been needed.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from maos_flows.model import Agent, Ballot, Opening
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import is_settled
from maos_flows.scrutiny import scrutinise
from maos_flows.tally import count


class AskingOrder(StrEnum):
    """Who is asked first.

    ROSTER is the order the agents are listed in; CHEAPEST begins with voters that cost nothing and ends with people;
    DECISIVE begins with the largest weights, so that the fewest ballots settle it.
    """

    ROSTER = "roster"
    CHEAPEST = "cheapest"
    DECISIVE = "decisive"


_COST = {"recorded": 0, "simulated": 0, "python": 1, "command": 2, "http": 3, "model": 4, "human": 5}


def in_order(agents: Sequence[Agent], opening: Opening, order: AskingOrder) -> tuple[Agent, ...]:
    """Give the agents in the order in which they are asked; among equals the roster's."""
    match order:
        case AskingOrder.ROSTER:
            return tuple(agents)
        case AskingOrder.CHEAPEST:
            return tuple(sorted(agents, key=lambda agent: _COST.get(agent.voter, len(_COST))))
        case AskingOrder.DECISIVE:
            units = opening.electorate.units
            return tuple(sorted(agents, key=lambda agent: -units[agent.id]))


def next_wave(
    policy: ConsensusPolicy,
    opening: Opening,
    ballots: Iterable[Ballot],
    waiting: Sequence[str],
    *,
    late: Sequence[str] = (),
) -> tuple[str, ...]:
    """Give the agents to ask next: the fewest, in order, who could settle the decision; all, if none could.

    Args:
        policy: The policy that will rule.
        opening: What binds the decision.
        ballots: The ballots that came in so far.
        waiting: Ids of the agents not asked yet, in the order of asking.
        late: Ids of the agents that were asked and are not waited for any longer, though they may still answer.
    """
    cast = tuple(ballots)
    choices = _hopeful(opening, cast)

    def could_settle(number: int) -> bool:
        outstanding = (*waiting[number:], *late)
        return any(
            is_settled(policy, opening, (*cast, *_agreeing(opening, waiting[:number], choice)), outstanding)
            for choice in choices
        )

    least, most = 1, len(waiting)
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if could_settle(middle) else (middle + 1, most)
    return tuple(waiting[:least])


def _hopeful(opening: Opening, cast: tuple[Ballot, ...]) -> tuple[str, ...]:
    """Give the choices that could be settled soonest: those that lead."""
    tally = count(scrutinise(cast, opening).counted, opening.proposal, opening.electorate)
    return tally.leaders or opening.proposal.choices[:1]


def _agreeing(opening: Opening, agents: Sequence[str], choice: str) -> Iterable[Ballot]:
    proposal = opening.proposal
    for agent in agents:
        yield Ballot(proposal.decision_id, agent, choice, reasoning="if all agreed", round=proposal.round)

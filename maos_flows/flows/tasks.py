"""Consensus as Prefect tasks, for our flows and for anybody's own.

```python
@flow
async def choose() -> None:
    proposal = propose("Which database?", choices=("PostgreSQL", "MongoDB"))
    ballots = await collect_ballots(proposal, roster)
    decision = await weighted_voting(proposal, ballots, threshold="2/3")
```
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from maos_flows.agreement.deciding import Pace
from maos_flows.agreement.faults import NO_FAULTS, FaultSource
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.flows.agreeing import decide_box_by, decide_recorded
from maos_flows.flows.artifacts import headline
from maos_flows.flows.edges import Sealed, untracked
from maos_flows.model import (
    Absence,
    Agent,
    Ballot,
    BallotBox,
    Basis,
    Decision,
    Opening,
    Parameters,
    Proposal,
    Roster,
    TieBreak,
)
from maos_flows.policies.base import ConsensusPolicy, Weighing
from maos_flows.policies.deciding import freeze
from maos_flows.policies.registry import built_in_policies
from maos_flows.questions import choices_in
from maos_flows.quorum import parse_fraction
from maos_flows.voters.base import ask, utc_now

Answer = Ballot | Absence

POLICIES = built_in_policies()
"""The policies tasks and flows know."""


def propose(
    question: str,
    *,
    choices: Sequence[str] = (),
    domains: Sequence[str] = (),
    timeout_seconds: float = 60.0,
    decision_id: str | None = None,
) -> Proposal:
    """Make a proposal whose deadline is `timeout_seconds` from now.

    Args:
        question: What is asked.
        choices: The answers allowed beside `abstain`; without them, those the question lists, else approve and reject.
        domains: What it is about.
        timeout_seconds: How long ballots are waited for.
        decision_id: The decision's id; a new one if not given.
    """
    return Proposal(
        decision_id or new_decision_id(),
        question,
        tuple(choices) or choices_in(question),
        domains=tuple(domains),
        deadline=utc_now() + timedelta(seconds=timeout_seconds),
    )


def new_decision_id() -> str:
    """Draw an id for a decision: `d-` and twelve hexadecimal digits."""
    return f"d-{uuid4().hex[:12]}"


@task(name="collect-ballot", task_run_name="ballot: {agent.id}", cache_policy=NO_CACHE, persist_result=False)
async def collect_ballot(
    agent: Agent, proposal: Proposal, *, retries: int = 2, timeout_seconds: float | None = None
) -> Answer:
    """Ask one agent for its ballot.

    Retries and time limits are the voter's; Prefect's own retries stay at 0, or they would multiply.

    Args:
        agent: Who is asked, and by which voter.
        proposal: What is asked; its deadline bounds everything.
        retries: How often it is asked again after a failure that may pass.
        timeout_seconds: How long one attempt may take; None leaves it what is left until the deadline.

    Returns:
        A ballot, or why there is none. Nothing an agent does is raised.
    """
    return await ask(agent, proposal, retries=retries, timeout_seconds=timeout_seconds)


async def collect_ballots(
    proposal: Proposal, roster: Roster | Sequence[Agent], *, retries: int = 2, timeout_seconds: float | None = None
) -> BallotBox:
    """Ask every enabled agent of a roster at once, each in a task run of its own.

    Returns:
        The ballots and absences, with the agents as they were asked; the tasks that decide take it.
    """
    listed = roster.agents if isinstance(roster, Roster) else tuple(roster)
    agents = tuple(agent for agent in listed if agent.enabled)
    answers = await asyncio.gather(
        *(
            collect_ballot(untracked(agent), untracked(proposal), retries=retries, timeout_seconds=timeout_seconds)
            for agent in agents
        )
    )
    return BallotBox(
        proposal,
        agents,
        tuple(answer for answer in answers if isinstance(answer, Ballot)),
        tuple(answer for answer in answers if isinstance(answer, Absence)),
    )


def _algorithm_task(policy: ConsensusPolicy) -> Task[..., Any]:
    """Make the Prefect task of a policy, named after it."""

    async def decide_ballots(  # noqa: PLR0913 - a task's parameters are what the UI shows of it
        proposal: Proposal,
        ballots: BallotBox,
        *,
        threshold: str | None = None,
        basis: Basis = Basis.ELIGIBLE,
        min_participants: int = 1,
        tie_break: TieBreak = TieBreak.NONE,
        weighing: Weighing | None = None,
    ) -> Decision:
        return decide_box(
            policy,
            proposal,
            ballots,
            parameters=Parameters(
                policy.threshold(None if threshold is None else parse_fraction(str(threshold), path="threshold")),
                basis=Basis(basis),
                min_participants=min_participants,
                tie_break=TieBreak(tie_break),
            ),
            weighing=weighing,
        )

    decide_ballots.__doc__ = f"""Decide by {policy.name}: {(policy.__doc__ or "").splitlines()[0]}

    Args:
        proposal: The proposal the ballots are for.
        ballots: What `collect_ballots` gave.
        threshold: The share a choice needs, as text (`0.67`, `2/3`); without it the algorithm's own.
        basis: What it is a share of.
        min_participants: How many must cast a valid ballot.
        tie_break: What a tie leads to.
        weighing: Where weights come from, for the algorithms that weigh.

    Returns:
        The decision, with everything it came from.

    Raises:
        ConfigurationError: The rule is impossible for these agents.
    """
    return task(name=policy.name, task_run_name=policy.name, cache_policy=NO_CACHE, persist_result=False)(
        decide_ballots
    )


def decide_box(
    policy: ConsensusPolicy,
    proposal: Proposal,
    box: BallotBox,
    *,
    parameters: Parameters,
    weighing: Weighing | None = None,
) -> Decision:
    """Freeze the agents of a box into an electorate and decide their ballots.

    Raises:
        ConfigurationError: The box is of another proposal, or the rule is impossible.
    """
    if box.proposal != proposal:
        words = f"these ballots are for {box.proposal.decision_id} round {box.proposal.round}, not for this proposal"
        raise ConfigurationError([Problem("ballots", words)])
    opening = freeze(policy, proposal, box.agents, parameters, opened_at=utc_now(), weighing=weighing or Weighing())
    return decide_box_by(policy, opening, box)


simple_majority = _algorithm_task(POLICIES["simple_majority"])
supermajority = _algorithm_task(POLICIES["supermajority"])
weighted_voting = _algorithm_task(POLICIES["weighted_voting"])
byzantine_tolerant = _algorithm_task(POLICIES["byzantine_tolerant"])
raft = _algorithm_task(POLICIES["raft"])
adaptive = _algorithm_task(POLICIES["adaptive"])


def deciding_task(policy: ConsensusPolicy) -> Task[..., Any]:
    """Make the task that decides an opening by a policy, under the policy's name; a `Ruled` comes of it."""

    async def decide_opening(
        opening: Opening,
        states: Sequence[object],
        box: BallotBox,
        watch_seconds: float = 0.0,
        faults: FaultSource = NO_FAULTS,
        sealed: bool = False,  # noqa: FBT001, FBT002 - a task's parameter, shown by name
    ) -> State[Any]:
        del states  # what it depends on, for the graph
        pace = Pace(watch_seconds) if watch_seconds else None
        ruled = await decide_recorded(policy, opening, box, faults=faults, pace=pace)
        if sealed:
            return Completed(data=Sealed(ruled))
        return Completed(name=headline(ruled.decision), message=ruled.decision.explanation, data=Sealed(ruled))

    return task(name=policy.name, task_run_name=policy.name, cache_policy=NO_CACHE, persist_result=False)(
        decide_opening
    )

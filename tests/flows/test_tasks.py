"""Our tasks in anybody's own flow."""

import pytest
from prefect import flow

import maos_flows
from maos_flows.errors import ConfigurationError
from maos_flows.flows.tasks import (
    collect_ballot,
    collect_ballots,
    propose,
    simple_majority,
    supermajority,
    weighted_voting,
)
from maos_flows.model import Absence, Ballot, Outcome, Roster
from maos_flows.policies.base import Expertise, Weighing
from tests.flows.making import agents

pytestmark = pytest.mark.usefixtures("prefect_address", "home")


async def test_tasks_decide_in_an_async_flow_of_ones_own():
    @flow
    async def own():
        proposal = propose("Which one?", choices=("a", "b"))
        ballots = await collect_ballots(proposal, Roster(agents("a", "a", "b")))
        return await simple_majority(proposal, ballots), await supermajority(proposal, ballots)

    majority, larger = await own()
    assert (majority.choice, majority.opening.algorithm) == ("a", "simple_majority")
    assert (larger.choice, larger.outcome) == (None, Outcome.NOT_REACHED)


async def test_agreement_is_a_task_run_of_its_own_name_in_a_flow_of_ones_own():
    @flow
    async def own():
        proposal = propose("Which one?", choices=("a", "b"))
        ballots = await collect_ballots(proposal, Roster(agents("a", "a", "a", "b")))
        signed = await maos_flows.byzantine_tolerant(proposal, ballots, threshold="2/3")
        return signed, await maos_flows.raft(proposal, ballots)

    byzantine, raft = await own()
    assert (maos_flows.byzantine_tolerant.task_run_name, maos_flows.raft.task_run_name) == (
        "byzantine_tolerant",
        "raft",
    )
    assert (byzantine.choice, raft.choice) == ("a", "a")
    assert byzantine.certificate is not None
    assert raft.details["agreement"]["leader"] in {ballot.agent_id for ballot in raft.ballots}


def test_tasks_decide_in_a_sync_flow_of_ones_own():
    @flow
    def own():
        proposal = propose("Which one?", choices=("a", "b"))
        futures = [collect_ballot.submit(agent, proposal) for agent in agents("a", "a", "b")]
        answers = [future.result() for future in futures]
        box = maos_flows.model.BallotBox(proposal, agents("a", "a", "b"), tuple(answers))
        return weighted_voting.submit(proposal, box, threshold="2/3").result()

    assert own().choice == "a"


async def test_weights_come_from_the_roster_and_the_weighing():
    @flow
    async def own():
        proposal = propose("Which one?", choices=("a", "b"), domains=["security"])
        ballots = await collect_ballots(proposal, agents("a", "b", "b"))
        weighing = Weighing(expertise={"a": Expertise(("Security",), None)}, expert_weight=5)
        return await weighted_voting(proposal, ballots, weighing=weighing)

    decision = await own()
    assert (decision.choice, str(decision.strength)) == ("a", "5/7")


async def test_one_agent_asked_in_a_flow_of_ones_own_gives_its_ballot():
    @flow
    async def own():
        proposal = propose("Which one: a, b, or c?")
        fine, broken = agents("a"), agents("a", function="crash")
        return await collect_ballot(fine[0], proposal), await collect_ballot(broken[0], proposal, retries=0)

    ballot, absence = await own()
    assert isinstance(ballot, Ballot)
    assert ballot.choice == "a"
    assert isinstance(absence, Absence)


async def test_ballots_of_another_proposal_are_refused():
    @flow
    async def own():
        one, other = propose("One?"), propose("Other?")
        ballots = await collect_ballots(one, agents("approve", "approve"))
        return await simple_majority(other, ballots)

    with pytest.raises(ConfigurationError, match="ballots are for"):
        await own()


@pytest.mark.parametrize("name", ["simple_majority", "supermajority", "weighted_voting"])
def test_each_algorithm_is_a_task_of_its_name(name):
    assert getattr(maos_flows, name).name == name

"""A stage's request: what was written, and what the stages before it decided."""

from datetime import UTC, datetime

import pytest

from maos_flows.model import Ballot, Context, Decision
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import open_decision
from maos_flows.workflow import Workflow, stage_request
from tests.workflow_examples import document, workflow_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def two_stages() -> Workflow:
    return workflow_of(
        document(
            """
            - {stage: one, question: First?}
            - {stage: two, question: Second?, depends_on: [one], context: A note}
            """
        )
    )


def decided(workflow: Workflow, votes: dict[str, tuple[str, str]]) -> Decision:
    """Decide the first stage by these choices and reasons."""
    request = stage_request(workflow, workflow.stages[0], earlier={}, run_id="run-1")
    policy = built_in_policies().find(request.algorithm)
    opening = open_decision(request, policy, decision_id="d-1", now=NOON)
    ballots = [Ballot("d-1", agent, choice, reasoning=reason) for agent, (choice, reason) in votes.items()]
    return decide(policy, opening, ballots)


def test_a_first_stages_request_is_what_was_written_in_its_run():
    workflow = two_stages()

    request = stage_request(workflow, workflow.stages[0], earlier={}, run_id="run-1")

    assert (request.workflow, request.run_id, request.title, request.context) == ("w", "run-1", "one", ())


def test_a_later_stage_is_given_the_decision_and_the_dissent_before_it():
    workflow = two_stages()
    before = decided(
        workflow, {"ana": ("approve", "It pays"), "ben": ("approve", ""), "dan": ("reject", "It is  too\nslow")}
    )

    request = stage_request(workflow, workflow.stages[1], earlier={"one": before}, run_id="run-1")

    assert request.context == (
        Context("context 1", "A note"),
        Context(
            "decision of one",
            "question: First?\n"
            "outcome: reached (threshold_met)\n"
            "choice: approve\n"
            "explanation: approve has 2 of 3 eligible; more than half needed\n"
            "dissent: 1 for reject\n"
            "- It is too slow",
        ),
    )


def test_a_decision_that_was_not_reached_is_told_too():
    workflow = two_stages()
    before = decided(workflow, {"ana": ("approve", "")})

    request = stage_request(workflow, workflow.stages[1], earlier={"one": before}, run_id="run-1")

    assert "outcome: not_reached (below_threshold)\nchoice: none" in request.context[-1].text


def test_reasons_are_few_and_short():
    roster = "roster: [" + ", ".join(f"{{id: a{number}}}" for number in range(20)) + "]"
    workflow = workflow_of(
        document("- {stage: one, question: q}\n- {stage: two, question: q, depends_on: [one]}", roster=roster)
    )
    votes = {f"a{number}": ("approve", "") if number < 12 else ("reject", "x" * 10_000) for number in range(20)}

    request = stage_request(workflow, workflow.stages[1], earlier={"one": decided(workflow, votes)}, run_id="r")

    told = request.context[-1].text
    assert "dissent: 8 for reject" in told
    assert told.count("- x") == 5
    assert len(told) < 3000


def test_a_decision_that_is_missing_is_an_error():
    workflow = two_stages()

    with pytest.raises(KeyError, match="one"):
        stage_request(workflow, workflow.stages[1], earlier={}, run_id="run-1")

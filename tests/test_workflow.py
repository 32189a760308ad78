"""Workflows: what a document says, and everything that keeps it from being one."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.errors import ConfigurationError
from maos_flows.model import Basis, Context, TieBreak
from maos_flows.policies.registry import built_in_policies
from maos_flows.quorum import Threshold
from maos_flows.roster import default_roster
from maos_flows.workflow import OnNoConsensus, load_workflow_file, waves
from tests.workflow_examples import FOUR, REPOSITORY, STAGE, TUTORIAL, document, refused, with_stage, workflow_of


def stage_of(text: str, **more):
    """Load a workflow of one stage, of which `text` is the rest."""
    return workflow_of(with_stage(text), **more).stages[0]


# --- what is read ---------------------------------------------------------------------------------------------------


def test_a_stage_without_more_has_the_defaults():
    stage = stage_of("")

    request = stage.request
    assert (stage.name, stage.description, stage.question, stage.choices) == (
        "a",
        "",
        "Shall we?",
        ("approve", "reject"),
    )
    assert [agent.id for agent in stage.agents] == ["ana", "ben", "cleo", "dan"]
    assert (stage.algorithm, stage.parameters.threshold.strict, stage.parameters.basis) == (
        "simple_majority",
        True,
        Basis.ELIGIBLE,
    )
    assert (stage.parameters.min_participants, stage.parameters.tie_break) == (1, TieBreak.NONE)
    assert (request.timeout_seconds, request.retries, request.rounds) == (60.0, 2, 1)
    assert (request.early_stop, request.escalate) == (False, False)
    assert (stage.depends_on, stage.proceed_on, stage.on_no_consensus) == ((), None, OnNoConsensus.STOP)


def test_a_stage_is_read_with_everything_it_says(tmp_path):
    (tmp_path / "brief.md").write_text("the brief")
    text = """
description: A choice
consensus_algorithm: weighted_voting
threshold: 2/3
basis: cast
min_participants: 2
max_agents: 3
roles: [coder, analyst]
expert_domains: [engineering]
choices: [go, "no", wait]
proceed_on: [go]
on_no_consensus: escalate
timeout: 5m
retries: 0
rounds: 3
early_stop: true
context:
  - A note
  - {name: rules, text: Be brief}
  - {file: brief.md}
  - {name: the brief, file: brief.md}
tie_break: chair
chair: ana
veto: [coder]
proposer: ben
self_approval: false
justification: required
"""

    stage = stage_of(text.strip(), base=tmp_path)

    request, parameters = stage.request, stage.parameters
    assert (stage.description, stage.algorithm, stage.choices) == ("A choice", "weighted_voting", ("go", "no", "wait"))
    assert (parameters.threshold, parameters.basis) == (Threshold(Fraction(2, 3)), Basis.CAST)
    assert [agent.id for agent in stage.agents] == ["ana", "ben", "dan"]
    assert (parameters.tie_break, parameters.chair, parameters.veto) == (TieBreak.CHAIR, "ana", ("coder",))
    assert (parameters.min_participants, parameters.self_approval, parameters.justification_required) == (
        2,
        False,
        True,
    )
    assert (request.domains, request.proposer, request.title, request.workflow) == (("engineering",), "ben", "a", "w")
    assert (request.timeout_seconds, request.retries, request.rounds) == (300.0, 0, 3)
    assert (request.early_stop, request.escalate) == (True, True)
    assert request.context == (
        Context("context 1", "A note"),
        Context("rules", "Be brief"),
        Context("brief.md", "the brief"),
        Context("the brief", "the brief"),
    )
    assert (stage.proceed_on, stage.on_no_consensus) == (("go",), OnNoConsensus.ESCALATE)


def test_defaults_hold_for_every_stage_that_does_not_say_otherwise():
    head = "defaults: {consensus_algorithm: supermajority, threshold: 0.75, timeout: 1h, choices: [a, b]}\n"
    text = document("- {stage: one, question: q}\n- {stage: two, question: q, threshold: 0.9, choices: ~}", head=head)

    one, two = workflow_of(text).stages

    assert (one.parameters.threshold.share, one.choices, one.request.timeout_seconds) == (
        Fraction(3, 4),
        ("a", "b"),
        3600,
    )
    assert (two.parameters.threshold.share, two.choices, two.algorithm) == (
        Fraction(9, 10),
        ("approve", "reject"),
        "supermajority",
    )


def test_b26_two_thirds_and_0_67_are_read_as_different_thresholds():
    text = "- {stage: a, question: q, consensus_algorithm: supermajority, threshold: %s}"

    exact = workflow_of(document(text % "2/3")).stages[0].parameters.threshold
    literal = workflow_of(document(text % "0.67")).stages[0].parameters.threshold

    assert (exact.is_met_by(2, 3), literal.is_met_by(2, 3)) == (True, False)


def test_b25_a_simple_majority_at_a_half_is_strict():
    threshold = stage_of("threshold: 0.5").parameters.threshold

    assert not threshold.is_met_by(2, 4)


def test_the_question_is_the_description_and_lists_its_choices():
    text = document("- {stage: a, description: 'Choose one: PostgreSQL, MongoDB, or DynamoDB'}")

    stage = workflow_of(text).stages[0]

    assert stage.question == "Choose one: PostgreSQL, MongoDB, or DynamoDB"
    assert stage.choices == ("PostgreSQL", "MongoDB", "DynamoDB")


def test_b33_choices_are_normalised_by_rule():
    stage = stage_of("choices: ['MongoDB ', \"e\\u0301\", 3, true]\nproceed_on: [\"\\u00e9\", ' MongoDB']")

    assert stage.choices == ("MongoDB", "\u00e9", "3", "true")
    assert [stage.proceeds(choice) for choice in stage.choices] == [True, True, False, False]


@pytest.mark.parametrize(
    ("choice", "leads_on"), [("approve", True), ("reject", False), ("Reject", False), (None, False)]
)
def test_any_choice_but_reject_leads_on(choice, leads_on):
    assert stage_of("").proceeds(choice) is leads_on


def test_a_choice_named_in_proceed_on_leads_on_and_no_other():
    stage = stage_of("proceed_on: [reject]")

    assert (stage.proceeds("reject"), stage.proceeds("approve"), stage.proceeds(None)) == (True, False, False)


@pytest.mark.parametrize("text", ["on_no_consensus: revote", "tie_break: revote"])
def test_a_revote_has_two_rounds(text):
    assert stage_of(text).request.rounds == 2


def test_context_may_be_one_text():
    assert stage_of("context: Mind the budget").request.context == (Context("context 1", "Mind the budget"),)


def test_a_long_timeout_is_accepted():
    assert stage_of("timeout: 60d").request.timeout_seconds == 60 * 86400


def test_b11_a_threshold_that_others_can_meet_is_accepted():
    stage = stage_of("proposer: ana\nself_approval: false\nthreshold: 0.6")

    assert not stage.parameters.self_approval


# --- order ----------------------------------------------------------------------------------------------------------


def test_waves_put_a_diamond_in_three():
    text = """
- {stage: last, question: q, depends_on: [right, left]}
- {stage: right, question: q, depends_on: [first]}
- {stage: first, question: q}
- {stage: left, question: q, depends_on: [first]}
"""

    found = waves(workflow_of(document(text)))

    assert [[stage.name for stage in wave] for wave in found] == [["first"], ["right", "left"], ["last"]]


@given(st.permutations(range(6)), st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_waves_have_every_stage_once_and_after_all_it_waits_for(order, edges):
    waits = {late: [early for early, other in edges if other == late and early < late] for late in range(6)}
    stages = [
        {"stage": f"s{number}", "question": "q", "depends_on": [f"s{early}" for early in waits[number]]}
        for number in order
    ]
    workflow = workflow_of(json.dumps({"workflow_name": "w", "stages": stages}), roster=FOUR)

    found = waves(workflow)

    place = {stage.name: number for number, wave in enumerate(found) for stage in wave}
    assert sorted(stage.name for wave in found for stage in wave) == [f"s{number}" for number in range(6)]
    assert all(place[name] < place[stage.name] for stage in workflow.stages for name in stage.depends_on)


# --- the roster -----------------------------------------------------------------------------------------------------


def test_a_workflow_without_a_roster_has_the_default_one():
    workflow = workflow_of(document(STAGE, roster=""))

    assert workflow.loaded_roster == default_roster()


def test_a_workflow_without_a_roster_has_the_one_given():
    assert workflow_of(document(STAGE, roster=""), roster=FOUR).loaded_roster is FOUR


def test_a_workflows_own_roster_goes_before_the_one_given():
    workflow = workflow_of(document(STAGE, roster="roster: [{id: zoe}]"), roster=FOUR)

    assert [agent.id for agent in workflow.loaded_roster.roster.agents] == ["zoe"]


def test_a_roster_may_be_a_mapping_with_weights():
    workflow = workflow_of(document(STAGE, roster="roster: {agents: [{id: zoe}], agent_weights: {agent: 2}}"))

    assert workflow.loaded_roster.weighing.roles == {"agent": 2}


def test_a_roster_may_be_a_file_beside_the_document(tmp_path):
    (tmp_path / "roster.yaml").write_text("agents: [{id: zoe}]")

    workflow = workflow_of(document(STAGE, roster="roster: roster.yaml"), base=tmp_path)

    assert [agent.id for agent in workflow.loaded_roster.roster.agents] == ["zoe"]


def test_problems_of_a_roster_file_are_told_where_it_is_named(tmp_path):
    (tmp_path / "roster.yaml").write_text("agents: [{id: zoe, wieght: 1}]")

    assert refused(document(STAGE, roster="roster: roster.yaml"), base=tmp_path) == [
        "roster (line 5): roster.yaml: agents[0].wieght (line 1): unknown key; did you mean 'weight'?"
    ]


def test_a_roster_file_that_is_not_there_is_refused():
    assert refused(document(STAGE, roster="roster: none.yaml")) == ["roster (line 5): none.yaml: there is no such file"]


@pytest.mark.parametrize("roster", ["roster: []", "roster: {agents: []}", "roster: [{id: a, enabled: false}]"])
def test_b23_an_empty_roster_is_refused(roster):
    assert refused(document(STAGE, roster=roster))


def test_b08_two_agents_of_one_id_are_refused():
    assert "are the same name" in refused(document(STAGE, roster="roster: [{id: a}, {id: a}]"))[0]


def test_b09_ids_that_differ_only_in_case_are_refused():
    assert "are the same name" in refused(document(STAGE, roster="roster: [{id: Alice}, {id: alice}]"))[0]


# --- whole documents ------------------------------------------------------------------------------------------------


def test_the_tutorials_document_has_four_stages_in_order():
    workflow = workflow_of(TUTORIAL)

    names = [[stage.name for stage in wave] for wave in waves(workflow)]
    assert names == [["concept_validation"], ["technical_feasibility"], ["resource_allocation"], ["final_approval"]]
    assert len(workflow.stages[0].agents) == 5
    assert [stage.parameters.threshold.share for stage in workflow.stages] == [
        Fraction(3, 5),
        Fraction(7, 10),
        Fraction(3, 4),
        Fraction(4, 5),
    ]


def test_the_shipped_product_development_workflow_loads():
    path = REPOSITORY / "workflows" / "product_development.yaml"

    workflow = load_workflow_file(path, policies=built_in_policies())

    assert [len(wave) for wave in waves(workflow)] == [1, 1, 1, 1]
    assert (workflow.stages[-1].algorithm, workflow.stages[-1].parameters.threshold.share) == (
        "byzantine_tolerant",
        Fraction(4, 5),
    )
    assert {agent.voter for agent in workflow.loaded_roster.roster.agents} == {"simulated"}


def test_a_workflow_file_keeps_its_text_and_folder(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(document(STAGE, head="description: What it is for\n"))

    workflow = load_workflow_file(path, policies=built_in_policies())

    assert (workflow.source_text, workflow.base) == (path.read_text(), tmp_path)
    assert workflow.description == "What it is for"


def test_a_workflow_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.yaml: there is no such file"):
        load_workflow_file(tmp_path / "none.yaml", policies=built_in_policies())

"""Workflows: everything that keeps a document from being one is told at once, with its place, in bounded time."""

import contextlib
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.errors import ConfigurationError
from maos_flows.workflow.form import MOST_STAGES, StageForm
from tests.workflow_examples import FOUR, STAGE, TUTORIAL, document, refused, with_stage, workflow_of

AVAILABLE = "byzantine_tolerant, raft, simple_majority, supermajority, weighted_voting"


def stage_problems(text: str, **more) -> list[str]:
    """Give the problems of a workflow of one stage, of which `text` is the rest, from line 5 on."""
    return refused(with_stage(text), **more)


# --- problems -------------------------------------------------------------------------------------------------------


def test_b74_an_unknown_algorithm_is_refused_with_the_nearest():
    assert "did you mean supermajority?" in stage_problems("consensus_algorithm: super_majority")[0]


def test_a7_an_unknown_key_is_refused_with_the_nearest():
    assert stage_problems("tresholds: 0.6\nxyzzy: 1") == [
        "stages[0].tresholds (line 5): unknown key; did you mean 'threshold'?",
        "stages[0].xyzzy (line 6): unknown key",
    ]


@pytest.mark.parametrize("threshold", ["1.5", "0", "-1", '"60%"', ".nan", "1e-1", "true", "''"])
def test_b74_an_impossible_threshold_is_refused_with_its_path(threshold):
    assert stage_problems(f"threshold: {threshold}")[0].startswith("stages[0].threshold (line 5): ")


def test_b74_a_threshold_its_algorithm_cannot_have_is_refused_with_its_path():
    found = stage_problems("consensus_algorithm: supermajority\nthreshold: 0.5")

    assert len(found) == 1
    assert found[0].startswith("stages[0].threshold (line 6): a supermajority needs more than half")


def test_b74_more_participants_than_agents_are_refused_with_their_path():
    assert stage_problems("min_participants: 4") == [
        "stages[0].min_participants (line 5): 4 is not in 1..3, the size of the electorate"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "min_participants: 0",
        "max_agents: 0",
        "max_agents: -1",
        "max_agents: many",
        "timeout: 0",
        "timeout: 30 fortnights",
        "retries: -1",
        "rounds: 0",
        "early_stop: yes",
        "self_approval: 1",
        "basis: everybody",
        "tie_break: coin",
        "on_no_consensus: shrug",
        "justification: true",
        "roles: []",
        "roles: coder",
        "veto: []",
        "proceed_on: []",
        "choices: a, b",
        "context: []",
        "context: ['']",
        "context: [[a]]",
        "context: [{file: a, text: b}]",
        "depends_on: b",
        "depends_on: [b, b]",
        "expert_domains: [~]",
    ],
)
def test_b74_a_value_of_the_wrong_form_is_refused_with_its_path(text):
    found = stage_problems(text)

    assert found[0].startswith(f"stages[0].{text.split(':')[0]}")
    assert "(line 5)" in found[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("roles: [tester]", "stages[0].roles[0] (line 5): no enabled agent is a 'tester'"),
        ("roles: [coder, codr]", "stages[0].roles[1] (line 5): no enabled agent is a 'codr'; did you mean 'coder'?"),
        (
            "expert_domains: [law, tax]",
            "stages[0].expert_domains (line 5): no enabled agent is an expert in law or tax",
        ),
        ("proposer: bem", "stages[0].proposer (line 5): there is no agent 'bem'; did you mean 'ben'?"),
        (
            "proceed_on: [yes]",
            "stages[0].proceed_on[0] (line 5): 'yes' is not a choice; the choices are approve, reject",
        ),
        ("chair: ana", "stages[0].chair (line 5): without tie_break: chair it would have no effect"),
        ("tie_break: chair", "stages[0].chair (line 3): tie_break: chair needs one"),
        (
            "tie_break: chair\nchair: cleo",
            "stages[0].chair (line 6): 'cleo' is not an agent with weight in the electorate",
        ),
        (
            "tie_break: chair\nchair: nina",
            "stages[0].chair (line 6): 'nina' is not an agent with weight in the electorate",
        ),
        ("veto: [boss]", "stages[0].veto (line 5): 'boss' is neither an agent nor a role of the electorate"),
        ("choices: [one]", "stages[0].choices (line 5): at least two are needed"),
        ("choices: [Yes, yes]", "stages[0].choices (line 5): 'yes' and 'Yes' are the same name"),
        ("choices: [go, Abstain]", "stages[0].choices (line 5): 'abstain' is always allowed and cannot be one of them"),
        ("on_no_consensus: revote\nrounds: 1", "stages[0].rounds (line 6): a revote needs at least 2"),
        ("context: [{file: none.md}]", "stages[0].context[0].file (line 5): /nowhere/none.md: there is no such file"),
        ("max_agents: 1\nmin_participants: 2", "stages[0].min_participants (line 6): 2 is not in 1..1, the size"),
    ],
)
def test_a_rule_that_could_never_be_met_is_refused_before_anyone_is_asked(text, told):
    found = stage_problems(text)

    assert len(found) == 1
    assert found[0].startswith(told)


def test_b37_weights_that_sum_to_0_are_refused():
    found = stage_problems("roles: [auditor]")

    assert found == ["stages[0] (line 3): the weights sum to 0, so nothing could ever be decided"]


def test_b11_a_threshold_that_needs_the_proposers_own_ballot_is_refused():
    found = stage_problems("proposer: ana\nself_approval: false\nthreshold: 0.75")

    assert any(
        line.startswith("stages[0].self_approval (line 6): the threshold cannot be met without") for line in found
    )


def test_a_file_too_large_for_agents_is_refused(tmp_path):
    (tmp_path / "big.txt").write_text("x" * (256 * 1024 + 1))

    assert "larger than the 262144 bytes" in stage_problems("context: [{file: big.txt}]", base=tmp_path)[0]


def test_what_a_stage_inherits_is_told_with_its_line_in_the_defaults():
    head = "defaults:\n  timeout: 1m\n  min_participants: 9\n"

    assert refused(document(STAGE, head=head)) == [
        "stages[0].min_participants (from defaults, line 4): 9 is not in 1..3, the size of the electorate"
    ]


def test_a_stage_without_question_or_description_is_refused():
    assert refused(document("- stage: a")) == ["stages[0] (line 3): it needs a question or a description"]


def test_b75_a_cycle_is_refused_and_named():
    text = """
- {stage: a, question: q, depends_on: [c]}
- {stage: b, question: q, depends_on: [a]}
- {stage: c, question: q, depends_on: [b]}
- {stage: d, question: q, depends_on: [d]}
- {stage: e, question: q, depends_on: [c]}
"""

    assert refused(document(text)) == [
        "stages[0].depends_on (line 3): a cycle: a waits for c waits for b waits for a",
        "stages[3].depends_on (line 6): a cycle: d waits for d",
    ]


def test_b75_an_unknown_stage_in_depends_on_is_refused_with_the_nearest():
    text = "- {stage: concept, question: q}\n- {stage: b, question: q, depends_on: [concpt]}"

    assert refused(document(text)) == [
        "stages[1].depends_on[0] (line 4): there is no stage 'concpt'; did you mean 'concept'?"
    ]


def test_b75_a_stage_named_twice_is_refused():
    text = "- {stage: a, question: q}\n- {stage: a, question: q}"

    assert refused(document(text)) == ["stages[1].stage (line 4): 'a' is the name of stages[0] already"]


def test_a_stage_that_cannot_be_read_is_still_known_by_its_name():
    text = "- {stage: a, question: q, rounds: x}\n- {stage: b, question: q, depends_on: [a]}"

    assert refused(document(text)) == ["stages[0].rounds (line 3): 'x' is not a whole number of 0 or more"]


def test_everything_wrong_is_told_at_once():
    text = """
workflow_name: ../../etc
stages:
  - stage: A
    rounds: 0
  - stage: b
    depends_on: [b, x]
  - 7
"""

    allowed = "allowed are small letters, digits, _ and -, starting with a letter or digit, at most 64"
    assert refused(text) == [
        f"workflow_name (line 2): '../../etc' is not a name; {allowed}",
        "stages[0].rounds (line 5): it must be at least 1",
        f"stages[0].stage (line 4): 'A' is not a name; {allowed}",
        "stages[2] (line 8): must be a mapping of keys to values",
        "stages[1].depends_on[1] (line 7): there is no stage 'x'",
        "stages[1].depends_on (line 7): a cycle: b waits for b",
    ]


def test_problems_of_stages_are_told_beside_those_of_a_roster():
    found = refused(document("- {stage: a, question: q, rounds: 0}", roster="roster: [{id: a b}]"))

    assert [line.split(":")[0] for line in found] == ["stages[0].rounds (line 3)", "roster[0].id (line 4)"]


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", '"a\\0b"', "Name", "a b", "x" * 65])
def test_a8_names_that_could_leave_their_folder_are_refused(name):
    assert refused(f"workflow_name: {name}\nstages: [{{stage: a, question: q}}]")[0].startswith(
        "workflow_name (line 1)"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must be a mapping of keys to values"),
        ("just text", "must be a mapping of keys to values"),
        ("[]", "must be a mapping of keys to values"),
        ("workflow_name: w", "stages: is missing"),
        ("{workflow_name: w, stages: []}", f"stages (line 1): 0 stages are not in 1..{MOST_STAGES}"),
        ("{workflow_name: w, stages: {a: b}}", "stages (line 1): must be a list of stages"),
        ("{stages: [{stage: a, question: q}]}", "workflow_name: is missing"),
        (
            "{workflow_name: w, stages: [{stage: a, question: q}], satges: 1}",
            "satges (line 1): unknown key; did you mean",
        ),
    ],
)
def test_what_is_no_workflow_is_refused(text, told):
    assert refused(text)[0].startswith(told)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1]\nb: *a",
        "workflow_name: !!python/object/apply:os.system [ls]",
        "workflow_name: a\nworkflow_name: b",
        "[" * 3000,
        "x" * 2_000_000,
    ],
)
def test_a5_hostile_yaml_is_refused(text):
    assert refused(text)


def test_a6_what_yaml_1_1_guesses_is_refused_as_the_text_it_is():
    found = stage_problems("timeout: 12:30\nretries: 1_000\nearly_stop: on")

    assert [line.split(": ")[1].split(" ")[0] for line in found] == ["'12:30'", "'1_000'", "'on'"]


def test_b13_a_byzantine_stage_of_three_agents_is_refused():
    """B13: three cannot bear one that lies."""
    (found,) = stage_problems("consensus_algorithm: byzantine_tolerant")

    assert found.endswith("agents with weight cannot bear one that lies; byzantine_tolerant needs at least 4")


def test_a_byzantine_stage_counts_against_all_and_gives_nobody_a_casting_vote():
    found = " ".join(stage_problems("consensus_algorithm: byzantine_tolerant\nbasis: cast\ntie_break: chair"))

    assert "counts against all agents" in found
    assert "gives nobody a casting vote" in found


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_too_many_stages_are_refused_quickly():
    text = json.dumps({"workflow_name": "w", "stages": [{"stage": "a", "question": "q"}] * 20_000})
    started = time.perf_counter()

    assert any(f"20000 stages are not in 1..{MOST_STAGES}" in line for line in refused(text))
    assert time.perf_counter() - started < 20


def test_a_hundred_thousand_unknown_stages_are_refused_quickly():
    stages = [{"stage": "a", "question": "q", "depends_on": [f"s{number}" for number in range(100_000)]}]
    started = time.perf_counter()

    assert len(refused(json.dumps({"workflow_name": "w", "stages": stages}))) == 101
    assert time.perf_counter() - started < 20


KEYS = [
    *StageForm.model_fields,
    "workflow_name",
    "defaults",
    "roster",
    "stages",
    "agents",
    "id",
    "voter",
    "kind",
    "file",
]
TEXTS = [
    "a",
    "b",
    "approve",
    "ana",
    "agent",
    "simple_majority",
    "chair",
    "revote",
    "0.5",
    "1",
    "30s",
    "true",
    "",
    "\0",
    "x.csv",
]
values = st.recursive(
    st.sampled_from(TEXTS) | st.none() | st.text(max_size=10) | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)
stages = st.dictionaries(st.sampled_from(list(StageForm.model_fields)), values, max_size=6)
near_workflows = st.fixed_dictionaries(
    {"workflow_name": st.just("w") | values, "stages": st.lists(stages | values, max_size=4) | values},
    optional={"roster": values, "defaults": stages | values, "description": values},
)


@given(st.text(max_size=300))
def test_any_text_is_a_workflow_or_refused(text):
    with contextlib.suppress(ConfigurationError):
        workflow_of(text, roster=FOUR)


@given(near_workflows)
@settings(max_examples=200)
def test_anything_like_a_workflow_is_one_or_refused(data):
    with contextlib.suppress(ConfigurationError):
        workflow_of(json.dumps(data), roster=FOUR)


@given(st.data())
def test_a_document_with_a_piece_cut_out_is_a_workflow_or_refused(data):
    text = TUTORIAL
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 80)))

    with contextlib.suppress(ConfigurationError):
        workflow_of(text[:start] + text[end:], roster=FOUR)

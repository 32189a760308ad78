"""Stages without choices: what may be said of them, and what is refused before anybody is asked."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest

from maos_flows.cli.loading import load
from maos_flows.cli.running import request_of
from maos_flows.config import Configuration
from maos_flows.errors import ConfigurationError
from maos_flows.policies.registry import built_in_policies
from maos_flows.proposing import LONGEST_SUGGESTION, MOST_CHOICES, SHARE_OF_TIME
from maos_flows.questions import choices_listed
from maos_flows.request import DecisionRequest, warnings_of
from maos_flows.workflow import load_workflow
from maos_flows.workflow.form import MOST_SUGGESTED
from maos_flows.workflow.overseen import bulk_problems
from maos_flows.workflow.question import question_request
from maos_flows.workflow.schema import workflow_schema

QUESTION = "How should we name the new cache?"
PAGE = (Path(__file__).parents[1] / "docs" / "open-questions.md").read_text()
STAGES = """
workflow_name: naming
roster: [{{id: ada}}, {{id: bob, voter: {{kind: recorded, path: votes.csv}}}}]
stages: [{{stage: name, question: {question}, open_choices: true}}]
"""


def asked(question: str = QUESTION, **stage) -> DecisionRequest:
    given = {"question": question, **stage}
    return question_request(given, base=Path.cwd(), policies=built_in_policies(), roster=None)


def problems(question: str = QUESTION, **stage) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        asked(question, **stage)
    return [str(problem) for problem in refused.value.problems]


def test_a_question_without_choices_is_open_only_if_that_is_said():
    assert (asked().choices, asked().open_choices) == (("approve", "reject"), False)
    assert (asked(open_choices="true").choices, asked(open_choices="true").max_choices) == ((), MOST_CHOICES)
    assert asked(open_choices="true", max_choices="3").max_choices == 3


def test_what_the_question_says_on_its_own_is_no_list_of_choices():
    assert choices_listed(QUESTION) == ()
    assert choices_listed("Ship it: approve or reject?") == ("approve", "reject")


@pytest.mark.parametrize(
    ("question", "stage", "words"),
    [
        (QUESTION, {"choices": ["a", "b"]}, "open_choices: agents suggest the choices, and they are given: a, b"),
        ("Which: a or b?", {}, "open_choices: agents suggest the choices, and the question lists them: a, b"),
        (QUESTION, {"max_choices": "1"}, "max_choices: 1 is not in 2..50"),
        (QUESTION, {"max_choices": "51"}, "max_choices: 51 is not in 2..50"),
    ],
)
def test_choices_that_are_there_and_bounds_that_are_none_are_refused(question, stage, words):
    (problem,) = problems(question, **{"open_choices": "true", **stage})

    assert problem.startswith(words)


def test_a_bound_on_suggestions_needs_that_some_are_asked_for():
    assert problems(max_choices="3") == ["max_choices: without open_choices: true it would have no effect"]


def test_nothing_is_suggested_where_ballots_are_encrypted():
    values = Configuration().values
    secret = values.consensus.security.model_copy(update={"vote_encryption": True})
    consensus = values.consensus.model_copy(update={"security": secret})
    configuration = Configuration(values.model_copy(update={"consensus": consensus}))

    with pytest.raises(ConfigurationError, match=r"open_choices: consensus\.security\.vote_encryption"):
        question_request(
            {"question": QUESTION, "open_choices": "true"},
            base=Path.cwd(),
            policies=built_in_policies(),
            roster=None,
            configuration=configuration,
        )


def test_reasons_may_be_given_with_the_choices_in_one_round():
    assert asked(open_choices="true", deliberation="reasons").rounds == 1
    assert problems(deliberation="reasons") == [
        "deliberation: with one round there is nothing to deliberate on; rounds: 2 or more"
    ]


def test_a_stage_may_lead_on_with_a_choice_that_is_still_to_be_suggested():
    assert asked(open_choices="true", proceed_on=["Cachet"]).open_choices


def test_impossible_rules_are_refused_before_anybody_suggests():
    assert problems(open_choices="true", min_participants="99")[0].startswith("min_participants: 99 is not in 1..")


@pytest.mark.parametrize("algorithm", ["simple_majority", "byzantine_tolerant", "raft", "adaptive"])
def test_a_rule_warns_of_the_same_whether_choices_are_given_or_suggested(algorithm):
    policy = built_in_policies()[algorithm]
    given = asked(consensus_algorithm=algorithm, max_agents="4")

    assert warnings_of(replace(given, choices=(), open_choices=True), policy) == warnings_of(given, policy)


def test_in_bulk_nobody_is_asked_for_suggestions():
    (problem,) = bulk_problems(asked(open_choices="true"))

    assert str(problem) == "open_choices: decisions made in bulk hold no round of suggestions; ask them one by one"


@pytest.mark.parametrize("question", [QUESTION, "'Which: a or b?'"])
def test_the_schema_takes_what_the_workflow_does(question):
    stage = {"stage": "name", "question": question, "open_choices": True, "max_choices": 3}
    document = {"workflow_name": "naming", "stages": [stage]}

    jsonschema.validate(document, workflow_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "stages": [{**stage, "max_choices": 1}]}, workflow_schema())


def test_the_stage_shown_in_the_manual_is_asked_without_choices():
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)

    workflow = load_workflow(text, source="", base=Path.cwd(), policies=built_in_policies())

    request = workflow.stages[0].request
    assert (request.wants_suggestions, request.max_choices, request.algorithm) == (True, 5, "supermajority")


def test_the_figures_of_the_manual_are_those_that_hold():
    said = set(re.findall(r"at most (\d+) ?\n?characters|\((\d+), at most (\d+)\)", " ".join(PAGE.split())))

    assert said == {(str(LONGEST_SUGGESTION), "", ""), ("", str(MOST_CHOICES), str(MOST_SUGGESTED))}
    assert Fraction(1, 3) == SHARE_OF_TIME
    assert "It has a third of the decision's `timeout`." in PAGE


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"question": "Which: a or b?", "open_choices": "true"}, "--open-choices: agents suggest the choices, and the"),
        ({"question": QUESTION, "open_choices": "true", "choices": ["a", "b"]}, "--open-choices: agents suggest the"),
        ({"question": QUESTION, "max_choices": "3"}, "--max-choices: without open_choices: true"),
    ],
)
def test_flags_that_contradict_each_other_are_told_by_their_names(typed, words, tmp_path, monkeypatch):
    monkeypatch.setenv("MAOS_HOME", str(tmp_path))

    with pytest.raises(ConfigurationError, match=words):
        request_of(typed, roster=None)


@pytest.mark.parametrize(
    ("recorded", "is_refused"),
    [("agent_id,choice\nbob,a\n", True), ("agent_id,suggestion\nbob,Cachet\n", False)],
)
def test_a_recorded_agent_without_a_suggestion_is_refused_by_name(tmp_path, recorded, is_refused):
    (tmp_path / "votes.csv").write_text(recorded)
    (tmp_path / "naming.yaml").write_text(STAGES.format(question=QUESTION))

    found = ""
    try:
        load(tmp_path / "naming.yaml", roster=None)
    except ConfigurationError as error:
        found = str(error)

    words = "stages[0].open_choices: agents suggest the choices, and no suggestion is recorded of bob"
    assert found.endswith(words if is_refused else "")
    assert bool(found) is is_refused

"""The manual's page on workflows: every example in it is what it says it is."""

import re

import jsonschema
import pytest
import yaml

from maos_flows.policies.registry import built_in_policies
from maos_flows.roster import load_roster
from maos_flows.workflow import load_workflow_file, waves, workflow_schema
from maos_flows.workflow.form import StageForm, WorkflowForm
from maos_flows.workflow.schema import SHIPPED
from tests.workflow_examples import REPOSITORY, refused

PAGE = (REPOSITORY / "docs" / "workflows.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
WORKFLOWS = [text for text in EXAMPLES if "workflow_name:" in text]
ROSTERS = [text for text in EXAMPLES if text not in WORKFLOWS]


@pytest.fixture
def folder(tmp_path):
    """A folder with the files that the examples name."""
    (tmp_path / "roster.yaml").write_text(ROSTERS[0])
    (tmp_path / "brief.md").write_text("A brief.")
    return tmp_path


def loaded(folder, text):
    (folder / "workflow.yaml").write_text(text)
    return load_workflow_file(folder / "workflow.yaml", policies=built_in_policies())


@pytest.mark.parametrize("text", WORKFLOWS)
def test_a_workflow_in_the_manual_loads_and_is_valid(folder, text):
    assert loaded(folder, text).stages
    jsonschema.validate(yaml.safe_load(text), workflow_schema())


@pytest.mark.parametrize("text", ROSTERS)
def test_a_roster_in_the_manual_loads(folder, text):
    assert load_roster(folder / "roster.yaml").roster.agents


def test_the_first_example_runs_as_the_manual_says(folder):
    found = waves(loaded(folder, WORKFLOWS[0]))

    assert [[stage.name for stage in wave] for wave in found] == [["quality", "security"], ["go"]]


def test_a_null_gives_back_what_would_be_inherited(folder):
    plan, budget = loaded(folder, next(text for text in WORKFLOWS if "inheriting" in text)).stages

    assert (len(plan.request.context), len(budget.request.context), budget.request.rounds) == (1, 0, 3)


@pytest.mark.parametrize("key", [*StageForm.model_fields, *WorkflowForm.model_fields])
def test_every_key_is_in_the_manual(key):
    assert f"| `{key}` |" in PAGE


def test_problems_are_told_as_in_the_manual():
    text = """workflow_name: w
defaults:
  timeout: 1m
  min_participants: 9
stages:
  - {stage: quality, question: q, min_participants: 1}
  - {stage: b, question: q}
  - {stage: c, question: q, depends_on: [qualty], min_participants: 1}
roster: [{id: a}, {id: b}, {id: c}, {id: d}, {id: e}, {id: f}, {id: g}]
"""

    told = [re.sub(r"line \d+", "line N", line) for line in refused(text)]

    assert all(line in re.sub(r"line \d+", "line N", PAGE) for line in told[1:])
    assert "stages[1].min_participants (from defaults, line 4): 9 is not in 1..7" in refused(text)[1]


def test_shipped_workflows_point_editors_at_the_shipped_schema():
    path = REPOSITORY / "workflows" / "product_development.yaml"

    _, _, address = path.read_text().splitlines()[0].partition("# yaml-language-server: $schema=")

    assert (path.parent / address).resolve() == SHIPPED

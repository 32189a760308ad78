"""The JSON Schema of workflows: what is shipped is what the code reads, for editors that know nothing of it."""

import json
import subprocess
import sys

import jsonschema
import pytest
import yaml

from maos_flows.workflow import workflow_schema
from maos_flows.workflow.__main__ import main
from maos_flows.workflow.form import StageForm
from maos_flows.workflow.schema import SHIPPED, schema_text
from tests.workflow_examples import AGENTS, REPOSITORY, TUTORIAL, refused, workflow_of

VALIDATOR = jsonschema.Draft202012Validator(workflow_schema())
STAGE = {"stage": "a", "question": "q"}
AGENT = {"id": "ana"}


def with_stage(**more):
    return {"workflow_name": "w", "stages": [STAGE | more]}


def with_agent(**more):
    return {"workflow_name": "w", "stages": [STAGE], "roster": [AGENT | more]}


WRONG_IN_FORM = [
    {},
    [],
    "text",
    {"workflow_name": "w"},
    {"workflow_name": "w", "stages": []},
    {"workflow_name": "w", "stages": [STAGE] * 201},
    {"workflow_name": "w", "stages": [7]},
    {"workflow_name": "../x", "stages": [STAGE]},
    {"workflow_name": "w", "stages": [STAGE], "unknown": 1},
    {"workflow_name": "w", "stages": [STAGE], "defaults": {"stage": "a"}},
    {"workflow_name": "w", "stages": [STAGE], "defaults": {"rounds": 0}},
    {"workflow_name": "w", "stages": [{"question": "q"}]},
    with_stage(unknown=1),
    with_stage(stage="A b"),
    with_stage(question=""),
    with_stage(question=["q"]),
    with_stage(threshold=0),
    with_stage(threshold=1.5),
    with_stage(threshold=-1),
    with_stage(threshold="60%"),
    with_stage(threshold=True),
    with_stage(basis="all"),
    with_stage(min_participants=0),
    with_stage(min_participants=1.5),
    with_stage(max_agents=0),
    with_stage(roles="coder"),
    with_stage(roles=[]),
    with_stage(choices="a, b"),
    with_stage(depends_on="b"),
    with_stage(depends_on=["b", "b"]),
    with_stage(on_no_consensus="shrug"),
    with_stage(timeout=0),
    with_stage(timeout="soon"),
    with_stage(retries=-1),
    with_stage(early_stop="yes"),
    with_stage(tie_break="coin"),
    with_stage(justification=True),
    with_stage(context=[]),
    with_stage(context=[{"file": "a", "text": "b"}]),
    with_stage(chair="a b"),
    {"workflow_name": "w", "stages": [STAGE], "roster": []},
    {"workflow_name": "w", "stages": [STAGE], "roster": {}},
    {"workflow_name": "w", "stages": [STAGE], "roster": {"agents": [AGENT], "unknown": 1}},
    {"workflow_name": "w", "stages": [STAGE], "roster": {"agents": [AGENT], "expert_weight": -1}},
    with_agent(id="a b"),
    with_agent(weight=-1),
    with_agent(weight="heavy"),
    with_agent(enabled="yes"),
    with_agent(public_key="abc"),
    with_agent(voter="http"),
    with_agent(voter={"kind": "simulated", "lean": 2}),
    with_agent(voter={"kind": "simulated", "thinking_time": [1]}),
    with_agent(voter={"kind": "command"}),
    with_agent(voter={"kind": "command", "command": []}),
    with_agent(voter={"kind": "command", "command": ["a"], "env": {"1": "x"}}),
    with_agent(voter={"kind": "python"}),
    with_agent(voter={"kind": "recorded", "path": ""}),
    with_agent(voter={"seed": 1}),
]

RIGHT_IN_FORM = [
    with_stage(),
    with_stage(threshold="2/3", basis="cast", timeout="30s", retries=0, choices=["a", 2, True], early_stop=True),
    with_stage(threshold=0.6, timeout=30, chair=None, context="a note", proceed_on=["approve"]),
    with_stage(context=["a", {"text": "b"}, {"name": "c", "text": "d"}]),
    {"workflow_name": "w", "stages": [STAGE], "roster": {"agents": [AGENT], "agent_weights": {"agent": 1.5}}},
    with_agent(weight="2/3", voter="simulated"),
    with_agent(voter={"kind": "simulated", "opinions": {"approve": 0.5}, "thinking_time": "1s", "lean": 0.5}),
    with_agent(voter={"kind": "python", "function": "a.b:c", "timeout": 5}),
]


def test_the_schema_is_a_valid_one():
    jsonschema.Draft202012Validator.check_schema(workflow_schema())


def test_the_shipped_schema_is_the_one_the_code_makes():
    assert SHIPPED.read_text(encoding="utf-8") == schema_text(), "python -m maos_flows.workflow --write-schema mends it"


def test_every_key_is_described_for_those_who_write_it():
    keys = workflow_schema()["$defs"]["StageForm"]["properties"]

    assert set(keys) == set(StageForm.model_fields)
    assert all(key["description"] for key in keys.values())


@pytest.mark.parametrize("document", WRONG_IN_FORM, ids=str)
def test_a_document_wrong_in_form_is_refused_by_schema_and_code(document):
    assert not VALIDATOR.is_valid(document)
    assert refused(json.dumps(document))


@pytest.mark.parametrize("document", RIGHT_IN_FORM, ids=str)
def test_a_document_right_in_form_is_accepted_by_schema_and_code(document):
    VALIDATOR.validate(document)

    assert workflow_of(json.dumps(document)).name == "w"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "workflows").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_workflows_are_valid(path):
    VALIDATOR.validate(yaml.safe_load(path.read_text()))


def test_the_tutorials_document_is_valid():
    VALIDATOR.validate(json.loads(TUTORIAL))


def test_the_agents_of_examples_are_valid():
    VALIDATOR.validate({"workflow_name": "w", "stages": [STAGE], **yaml.safe_load(AGENTS)})


def test_the_schema_is_printed_for_pipes(capsys):
    main([])

    assert capsys.readouterr().out == schema_text()


def test_the_schema_is_written_where_it_is_shipped(monkeypatch, tmp_path):
    monkeypatch.setattr("maos_flows.workflow.__main__.SHIPPED", tmp_path / "schema.json")

    main(["--write-schema"])

    assert (tmp_path / "schema.json").read_text() == schema_text()


def test_the_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "maos_flows.workflow"], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == workflow_schema()

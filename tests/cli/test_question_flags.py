"""The flags of a question stand for the keys of a stage, in every command alike."""

import inspect

import pytest

from maos_flows.cli import batch, decide, task
from maos_flows.cli.question_flags import flag_of, stage_of
from maos_flows.workflow.form import StageForm

COMMANDS = {"decide": decide.decide, "task submit": task.submit, "batch run": batch.run}
NO_STAGE_KEY = {"roster", "resume", "format"}


def test_flags_become_the_text_a_document_would_have():
    typed = {"choices": "a, b,", "algorithm": "raft", "retries": 0, "early_stop": True, "domains": "law", "file": "x"}

    assert stage_of(typed) == {
        "choices": ["a", "b"],
        "consensus_algorithm": "raft",
        "retries": "0",
        "early_stop": "true",
        "expert_domains": ["law"],
    }


def test_what_is_not_given_is_left_to_the_configuration():
    assert stage_of({"rounds": None, "basis": "", "early_stop": False, "roles": " ,"}) == {}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_flag_of_a_question_has_a_default_of_its_own(name):
    given = {flag: of.default for flag, of in inspect.signature(COMMANDS[name]).parameters.items()}

    assert stage_of({**given, "question": ""}) == {}


def test_deciding_here_and_in_the_background_take_the_same_flags():
    here = set(inspect.signature(decide.decide).parameters) - {"resume"}

    assert here <= set(inspect.signature(task.submit).parameters)


def test_every_flag_stands_for_a_key_of_a_stage():
    flags = set(inspect.signature(decide.decide).parameters) - NO_STAGE_KEY

    keys = stage_of(dict.fromkeys(flags, "x"))
    assert set(keys) <= set(StageForm.model_fields)
    assert {flag_of(key) for key in keys} == {f"--{flag.replace('_', '-')}" for flag in flags}

"""Every key acts: for each there is a test, here or in the modules beside, that fails if the key is ignored."""

from pathlib import Path

from maos_flows.config.keys import keys
from maos_flows.policies.registry import built_in_policies
from maos_flows.roster import LoadedRoster
from maos_flows.workflow import question_request
from tests.config import test_algorithm_keys, test_oversight_keys, test_type_keys
from tests.config.acting import ACTS, AGENTS, WEIGHTED, acts, roster

ELSEWHERE = (test_algorithm_keys, test_oversight_keys, test_type_keys)
"""Imported, so that their keys are marked."""


def test_every_key_has_its_test():
    assert sorted(ACTS) == sorted(key.name for key in keys())


@acts("consensus.default_algorithm")
def test_the_default_algorithm_decides_where_none_is_named(asked):
    assert asked(CONSENSUS__DEFAULT_ALGORITHM="supermajority").algorithm == "supermajority"
    assert asked(stage=WEIGHTED, CONSENSUS__DEFAULT_ALGORITHM="supermajority").algorithm == "weighted_voting"


@acts("consensus.voting_timeout")
def test_the_voting_timeout_holds_where_none_is_said(asked):
    assert asked(CONSENSUS__VOTING_TIMEOUT="5m").timeout_seconds == 300
    assert asked(stage={"timeout": "7s"}, CONSENSUS__VOTING_TIMEOUT="5m").timeout_seconds == 7


@acts("consensus.byzantine_tolerance")
def test_byzantine_tolerance_refuses_a_default_that_bears_no_liar(asked, refused):
    assert "simple_majority bears no lying agent" in refused(CONSENSUS__BYZANTINE_TOLERANCE="true")
    tolerant = {"CONSENSUS__BYZANTINE_TOLERANCE": "true", "CONSENSUS__DEFAULT_ALGORITHM": "byzantine_tolerant"}
    assert asked(**tolerant).algorithm == "byzantine_tolerant"
    assert asked(stage=WEIGHTED, **tolerant).algorithm == "weighted_voting"


@acts("agents")
def test_configured_agents_answer_where_nobody_names_others(configured):
    configuration = configured(AGENTS="[{id: zoe}, {id: yan}]")

    def ids(given: LoadedRoster | None) -> list[str]:
        request = question_request(
            {"question": "Shall we?"},
            base=Path(),
            policies=built_in_policies(),
            roster=given,
            configuration=configuration,
        )
        return [agent.id for agent in request.agents]

    assert ids(None) == ["zoe", "yan"]
    assert ids(roster()) == [agent["id"] for agent in AGENTS]

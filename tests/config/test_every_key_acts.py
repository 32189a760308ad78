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


@acts(
    "consensus.explain.model",
    "consensus.explain.every_decision",
    "consensus.explain.base_url",
    "consensus.explain.api_key_env",
    "consensus.explain.max_tokens",
    "consensus.explain.max_cost",
    "consensus.explain.timeout",
)
def test_a_model_sums_every_decision_up_only_where_both_are_said(asked, refused):
    """What each setting does to the request to the model, the tests of summaries say."""
    named = {"CONSENSUS__EXPLAIN__MODEL": "openai:gpt-4o"}
    every = {"CONSENSUS__EXPLAIN__EVERY_DECISION": "true", **named}
    more = {"BASE_URL": "http://127.0.0.1:9/v1", "API_KEY_ENV": "OUR_KEY", "MAX_TOKENS": "99", "MAX_COST": "0.5"}
    whole = every | {f"CONSENSUS__EXPLAIN__{name}": value for name, value in more.items()}

    told = asked(**whole, CONSENSUS__EXPLAIN__TIMEOUT="7s").oversight.summarizer

    assert asked().oversight.summarizer is None
    assert asked(**named).oversight.summarizer is None
    assert asked(**every).oversight.summarizer["model"] == "openai:gpt-4o"
    assert (told["base_url"], told["api_key_env"]) == ("http://127.0.0.1:9/v1", "OUR_KEY")
    assert (told["max_tokens"], told["max_cost"], told["timeout"]) == (99, 0.5, 7.0)
    assert "there is no model" in refused(CONSENSUS__EXPLAIN__EVERY_DECISION="true")
    assert "consensus.explain.model: 'gpt-4o' is not like" in refused(CONSENSUS__EXPLAIN__MODEL="gpt-4o")
    assert "consensus.explain.api_key_env" in refused(**named, CONSENSUS__EXPLAIN__API_KEY_ENV="not a name")


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

"""Resolving: defaults below the file below the environment, unknown keys refused, every value's origin known."""

from pathlib import Path

import pytest

from maos_flows.config import Configuration, resolve
from maos_flows.config.keys import keys
from maos_flows.errors import ConfigurationError

TUTORIAL = Path(__file__).parents[1] / "documents"


@pytest.fixture
def write(tmp_path):
    def write(text: str, **environ: str) -> Configuration:
        (tmp_path / "config.yml").write_text(text)
        return resolve({"MAOS_HOME": str(tmp_path), **environ})

    return write


@pytest.fixture
def refused(write):
    def refused(text: str, **environ: str) -> str:
        with pytest.raises(ConfigurationError) as caught:
            write(text, **environ)
        return str(caught.value)

    return refused


def test_without_a_file_the_defaults_hold(tmp_path):
    configuration = resolve({"MAOS_HOME": str(tmp_path)})

    assert configuration.values.consensus.default_algorithm == "simple_majority"
    assert configuration.values.consensus.voting_timeout == 60
    assert not configuration.is_set("consensus", "voting_timeout")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_a_file_that_says_nothing_leaves_the_defaults(write, tmp_path, text):
    empty = resolve({"MAOS_HOME": str(tmp_path / "elsewhere")})

    assert write(text) == empty
    assert write(text).values == empty.values


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(write):
    text = "consensus:\n  voting_timeout: 90\n  default_algorithm: supermajority\n"
    configuration = write(text, MAOS_CONSENSUS__VOTING_TIMEOUT="5m")

    consensus = configuration.values.consensus
    assert (consensus.voting_timeout, consensus.default_algorithm) == (300, "supermajority")


def test_every_value_tells_where_it_comes_from(write, tmp_path):
    text = "consensus:\n  voting_timeout: 90\n  default_algorithm: supermajority\n"
    configuration = write(text, MAOS_CONSENSUS__VOTING_TIMEOUT="5m")

    assert configuration.origins["consensus", "voting_timeout"] == "environment, MAOS_CONSENSUS__VOTING_TIMEOUT"
    assert configuration.origins["consensus", "default_algorithm"] == f"{tmp_path / 'config.yml'}, line 3"
    assert configuration.origins["consensus", "decision_policies", "routine", "timeout"] == "built in"
    assert ("consensus", "byzantine_tolerance") not in configuration.origins


@pytest.mark.parametrize("name", [key.name for key in keys() if "<" not in key.name and key.name != "agents"])
def test_every_key_has_a_variable(tmp_path, name):
    variable = f"MAOS_{name.replace('.', '__').upper()}"

    with pytest.raises(ConfigurationError, match=variable):
        resolve({"MAOS_HOME": str(tmp_path), variable: "{no: value}"})


def test_roles_kinds_and_types_are_set_by_variables_too(write):
    environ = {
        "MAOS_AGENT_WEIGHTS__TESTER": "1/3",
        "MAOS_AGENT_EXPERTISE__SECURITY_EXPERT__DOMAINS": "[security, encryption]",
        "MAOS_CONSENSUS__DECISION_POLICIES__ROUTINE__TIMEOUT": "1s",
    }
    values = write("", **environ).values

    assert values.agent_weights["tester"] * 3 == 1
    assert values.agent_expertise["security_expert"].domains == ("security", "encryption")
    assert values.consensus.decision_policies["routine"].timeout == 1


def test_b74_a_variable_that_stands_for_no_key_is_refused_with_the_nearest(refused):
    """B74."""
    told = refused("", MAOS_CONSENSUS__VOTIN_TIMEOUT="5")

    assert "MAOS_CONSENSUS__VOTIN_TIMEOUT: it stands for no key" in told
    assert "did you mean 'MAOS_CONSENSUS__VOTING_TIMEOUT'?" in told


@pytest.mark.parametrize(("text", "said"), [("[30", "expected"), ("~", "is empty"), ("a: &b c", "anchor")])
def test_a_variable_whose_text_is_no_value_is_refused_by_its_name(refused, text, said):
    told = refused("", MAOS_CONSENSUS__VOTING_TIMEOUT=text)

    assert "MAOS_CONSENSUS__VOTING_TIMEOUT: " in told
    assert said in told


def test_b74_all_problems_of_a_file_are_named_at_once_with_their_paths_and_lines(refused):
    """B74, A7."""
    text = """consensus:
  voting_timout: 60
  algorithms:
    supermajority:
      threshold: 1.5
      min_participants: 0
  security:
    vote_encrpytion: true
agent_weights:
  coder:
"""
    told = refused(text)

    assert "consensus.voting_timout (line 2): unknown key; did you mean 'voting_timeout'?" in told
    assert "consensus.algorithms.supermajority.threshold (line 5): '1.5' is not a share" in told
    assert "consensus.algorithms.supermajority.min_participants (line 6): it must be at least 1" in told
    assert "consensus.security.vote_encrpytion (line 8): unknown key; did you mean 'vote_encryption'?" in told
    assert "agent_weights.coder (line 10): is empty" in told


@pytest.mark.parametrize("share", ["1.5", "0", "-1", '"60%"', "true", "nan", "1e309"])
def test_b74_a_threshold_that_is_no_share_is_refused(refused, share):
    """B74."""
    text = f"consensus: {{algorithms: {{simple_majority: {{threshold: {share}}}}}}}"

    assert "consensus.algorithms.simple_majority.threshold (line 1): " in refused(text)


@pytest.mark.parametrize("weight", ["-1", "nan", "inf", "1e309", "heavy", "true"])
def test_b34_a_weight_that_is_no_number_is_refused(refused, weight):
    """B34."""
    assert "agent_weights.coder (line 1): " in refused(f"agent_weights: {{coder: {weight}}}")
    assert "agent_expertise.x.weight (line 1): " in refused(f"agent_expertise: {{x: {{weight: {weight}}}}}")


def test_b37_weights_under_which_nobody_counts_are_refused(refused):
    """B37."""
    text = "consensus: {algorithms: {weighted_voting: {expert_weight: 0, regular_weight: 0}}}"

    assert "expert_weight and regular_weight cannot both be 0" in refused(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("consensus: {byzantine_tolerance: true}", "simple_majority bears no lying agent"),
        ("consensus: {default_algorithm: raft, raft: {enabled: false}}", "consensus.raft.enabled is false"),
        (
            "consensus: {raft: {election_timeout_min: 2000, election_timeout_max: 2s}}",
            "2000 is not below election_timeout_max, 2000",
        ),
        ("consensus: {decision_policies: {x: {leader_override: true}}}", "elects no leader"),
        ("consensus: {decision_policies: {important: {threshold: 0.5}}}", "a supermajority needs more than half"),
        ("consensus: {algorithms: {supermajority: {threshold: 0.4}}}", "a supermajority needs more than half"),
        ("consensus: {production_mode: true, audit: {enabled: false}}", "needs audit.enabled: true"),
        ("[]", "must be a mapping"),
        ("just text", "must be a mapping"),
        ("consensus:", "is empty"),
        ("consensus: {contacts: [on-call]}", "write it like slack-webhook/on-call"),
        ("consensus: {raft: {leader_timeout: 0}}", "at least 1 millisecond"),
        ("agents: []", "must not be empty"),
        ("consensus: &a {}", "anchor"),
    ],
)
def test_what_cannot_hold_is_refused(refused, text, said):
    assert said in refused(text)


def test_milliseconds_may_be_given_as_a_duration(write):
    raft = write("consensus: {raft: {leader_timeout: 6s, election_timeout_max: 2.5s}}").values.consensus.raft

    assert (raft.leader_timeout, raft.election_timeout_max) == (6000, 2500)


def test_a_policy_of_ones_own_is_configured_under_its_name(write):
    values = write("consensus: {algorithms: {medical_consensus: {threshold: 0.75}}}").values

    extra = values.consensus.algorithms.__pydantic_extra__
    assert extra is not None
    assert extra["medical_consensus"].threshold * 4 == 3


def test_the_digest_changes_with_what_is_said_and_not_with_how(write):
    one = write("consensus: {voting_timeout: 90}").digest

    assert write("# said\nconsensus:\n  voting_timeout: 90\n").digest == one
    assert write("consensus: {voting_timeout: 91}").digest != one


def test_configured_agents_are_a_roster_relative_to_the_home(write, tmp_path):
    (tmp_path / "ballots.csv").write_text("agent,choice\n")
    configuration = write("agents:\n  - {id: ada, voter: {kind: recorded, path: ballots.csv}}\n")

    assert configuration.roster is not None
    assert configuration.roster.roster.agents[0].settings["path"] == str(tmp_path / "ballots.csv")

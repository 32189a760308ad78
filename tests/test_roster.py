"""Rosters: agents, weights and voters as a document says them."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.roster import LoadedRoster, default_roster, load_roster, roster_from
from maos_flows.selection import select_agents
from maos_flows.strict_yaml import load
from maos_flows.voter_settings import VOTER_KINDS


def roster(text: str, base: Path = Path("/nowhere"), prefix: str = "") -> LoadedRoster:
    return roster_from(load(text, source="roster.yaml"), base=base, prefix=prefix)


def problems(text: str, base: Path = Path("/nowhere"), prefix: str = "") -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        roster(text, base, prefix)
    return [str(problem) for problem in caught.value.problems]


def settings(voter: str, base: Path = Path("/nowhere")):
    return roster(f"[{{id: a, voter: {voter}}}]", base).roster.agents[0].settings


def voter_problems(voter: str, base: Path = Path("/nowhere")) -> list[str]:
    return problems(f"[{{id: a, voter: {voter}}}]", base)


# --- agents ---------------------------------------------------------------------------------------------------------


def test_an_agent_is_read_with_everything_it_says():
    key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    text = f"""
agents:
  - id: ana
    role: analyst
    domains: [finance, data]
    weight: 1.5
    enabled: false
    on_call: true
    public_key: {key}
    voter: {{kind: python, function: "package.module:answer", timeout: 5s, retries: 1}}
  - id: ben
agent_weights: {{analyst: 1.5}}
agent_expertise:
  analyst: {{weight: 3, domains: [finance]}}
  tester: {{domains: [quality]}}
expert_weight: 2.5
regular_weight: 2/3
"""

    loaded = roster(text)

    ana, ben = loaded.roster.agents
    assert (ana.id, ana.role, ana.domains, ana.weight) == ("ana", "analyst", ("finance", "data"), Fraction(3, 2))
    assert (ana.enabled, ana.public_key, ana.voter) == (False, key, "python")
    assert ana.settings == {"function": "package.module:answer", "timeout": 5.0, "retries": 1}
    assert ana.on_call
    assert (ben.role, ben.weight, ben.enabled, ben.on_call) == ("agent", 1, True, False)
    assert ben.voter == "simulated"
    assert loaded.weighing.roles == {"analyst": Fraction(3, 2)}
    assert loaded.weighing.expertise["analyst"].weight == 3
    assert loaded.weighing.expertise["tester"].weight is None
    assert (loaded.weighing.expert_weight, loaded.weighing.regular_weight) == (Fraction(5, 2), Fraction(2, 3))


def test_b08_two_agents_of_the_same_id_are_refused():
    assert problems("agents:\n  - id: a\n  - id: b\n  - id: a\n") == [
        "agents[2].id (line 4): 'a' and 'a' are the same name"
    ]


@pytest.mark.parametrize("twin", ["alice", "ALICE", "\uff21lice", "ali\u217de"])
def test_b09_ids_that_differ_only_in_case_or_unicode_form_are_refused(twin):
    found = problems(f"[{{id: Alice}}, {{id: '{twin}'}}]")

    assert len(found) == 1
    assert "are the same name" in found[0]


def test_b09_an_id_with_outer_spaces_is_refused():
    assert "is not an agent's id" in problems("[{id: alice}, {id: 'alice '}]")[0]


@pytest.mark.parametrize("text", ["[]", "agents: []", "{}", "", "agents:", "7", "agents: {a: 1}"])
def test_b23_a_roster_without_agents_is_refused(text):
    assert problems(text)


def test_b23_a_roster_of_which_nobody_is_enabled_is_refused():
    assert problems("[{id: a, enabled: false}]") == ["no agent is enabled"]


@pytest.mark.parametrize("weight", ["-1", ".nan", "nan", ".inf", "1e309", "heavy", "true", "''", "[1]", "~"])
def test_b34_a_weight_that_is_no_number_of_at_least_0_is_refused(weight):
    assert problems(f"- id: a\n  weight: {weight}\n")[0].startswith("[0].weight (line 2): ")


@pytest.mark.parametrize("weight", ["-1", ".nan", "1e309", "heavy", "true"])
@pytest.mark.parametrize("key", ["expert_weight", "regular_weight"])
def test_b34_a_factor_that_is_no_number_of_at_least_0_is_refused(key, weight):
    assert problems(f"agents: [{{id: a}}]\n{key}: {weight}\n")[0].startswith(f"{key} (line 2): ")


def test_b34_an_adviser_of_weight_0_is_accepted():
    assert roster("[{id: a, weight: 0}]").roster.agents[0].weight == 0


def test_a7_an_unknown_key_is_refused_with_the_nearest_known():
    found = problems("agents:\n  - id: a\n    wieght: 2\nagent_wieghts: {}\n")

    assert found == [
        "agents[0].wieght (line 3): unknown key; did you mean 'weight'?",
        "agent_wieghts (line 4): unknown key; did you mean 'agent_weights'?",
    ]


def test_an_unknown_key_that_is_like_no_other_is_refused_without_a_guess():
    assert problems("[{id: a, xyzzy: 1}]") == ["[0].xyzzy (line 1): unknown key"]


def test_all_problems_are_named_at_once_with_their_paths_in_a_larger_document():
    text = "- id: a b\n  domains: x\n- role: r\n  enabled: yes\n- 7\n- id: c\n  domains: [d, d]\n"

    assert problems(text, prefix="roster") == [
        "roster[0].id (line 1): 'a b' is not an agent's id; allowed are 1 to 64 letters, digits, _ . @ and -",
        "roster[0].domains (line 2): must be a list, like [one, two]",
        "roster[1].id (line 3): is missing",
        "roster[1].enabled (line 4): 'yes' is neither true nor false",
        "roster[2] (line 5): must be a mapping of keys to values",
        "roster[3].domains (line 7): 'd' stands in it twice",
    ]


@pytest.mark.parametrize("key", ["abc", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", "a" * 43, "[1]", "é"])
def test_a_public_key_that_is_none_is_refused(key):
    assert "is not an Ed25519 public key" in problems(f"[{{id: a, public_key: {key}}}]")[0]


def test_a_weight_of_a_role_without_a_name_is_refused():
    assert "it is empty" in problems("agents: [{id: a}]\nagent_weights: {'': 1}\n")[0]


# --- voters ---------------------------------------------------------------------------------------------------------


def test_a_simulated_voter_has_every_setting():
    text = "{kind: simulated, seed: 7, opinions: {approve: 2/3, reject: 0.25}, lean: 0.5, error_rate: 0.1,"
    text += " abstain_rate: 0.2, hang_rate: 0, thinking_time: [10ms, 2s], timeout: 1m, retries: 0}"

    assert settings(text) == {
        "seed": 7,
        "opinions": {"approve": "2/3", "reject": "0.25"},
        "lean": 0.5,
        "error_rate": 0.1,
        "abstain_rate": 0.2,
        "hang_rate": 0.0,
        "thinking_time": [0.01, 2.0],
        "timeout": 60.0,
        "retries": 0,
    }


def test_what_a_simulated_voter_states_is_read_as_json_would_be():
    text = (
        "{kind: simulated, attributes: {peer_reviewed: true, level: rct, seen: null, version: 1.10.0, places: [1, x],"
    )
    text += " risk_assessment: {score: 0.1, loss: -2}}}"

    assert settings(text)["attributes"] == {
        "peer_reviewed": True,
        "level": "rct",
        "seen": None,
        "version": "1.10.0",
        "places": [1, "x"],
        "risk_assessment": {"score": 0.1, "loss": -2},
    }


def test_a_kind_alone_has_that_kinds_defaults():
    assert settings("simulated") == {
        "seed": 0,
        "opinions": {},
        "error_rate": 0.0,
        "abstain_rate": 0.0,
        "hang_rate": 0.0,
        "thinking_time": [0.0, 0.0],
    }


def test_one_thinking_time_is_the_least_and_the_most():
    assert settings("{kind: simulated, thinking_time: 250ms}")["thinking_time"] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("name", "form"), [("b.json", "json"), ("b.jsonl", "jsonl"), ("b.ndjson", "jsonl"), ("b.CSV", "csv")]
)
def test_a_recorded_voter_knows_its_file_and_format(tmp_path, name, form):
    (tmp_path / name).touch()

    found = settings(f"{{kind: recorded, path: {name}, decision_column: task}}", tmp_path)

    assert found == {"path": str(tmp_path / name), "format": form, "decision_column": "task"}


def test_a_command_voter_runs_beside_its_document_with_nothing_of_the_callers_environment(tmp_path):
    assert settings("{kind: command, command: [python3, vote.py, '']}", tmp_path) == {
        "command": ["python3", "vote.py", ""],
        "cwd": str(tmp_path),
        "env": {},
        "pass_env": [],
        "max_output": 1048576,
    }


def test_a_command_voter_has_every_setting(tmp_path):
    (tmp_path / "tools").mkdir()
    text = "{kind: command, command: 'vote \"two words\" $HOME', cwd: tools, env: {A: '1', B: ''}, pass_env: [PATH],"
    text += " max_output: 10}"

    assert settings(text, tmp_path) == {
        "command": ["vote", "two words", "$HOME"],
        "cwd": str(tmp_path / "tools"),
        "env": {"A": "1", "B": ""},
        "pass_env": ["PATH"],
        "max_output": 10,
    }


def test_a_python_voter_may_be_in_a_file(tmp_path):
    (tmp_path / "votes.py").touch()

    found = settings("{kind: python, function: 'votes.py:answer'}", tmp_path)

    assert found == {"function": "answer", "path": str(tmp_path / "votes.py")}


@pytest.mark.parametrize("kind", VOTER_KINDS)
def test_settings_are_plain_json(kind, tmp_path):
    (tmp_path / "b.csv").touch()
    more = {
        "recorded": ", path: b.csv",
        "command": ", command: [a]",
        "python": ", function: 'a:b'",
        "model": ", model: 'openai:gpt-4o'",
        "http": ", url: 'https://agents.example.org/ada'",
    }

    found = settings(f"{{kind: {kind}{more.get(kind, '')}}}", tmp_path)

    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("voter", "told"),
    [
        ("comand", "there is no kind of voter 'comand'; available: simulated, "),
        ("{seed: 1}", "[0].voter (line 1): has no kind"),
        ("[simulated]", "must be a kind of voter, or a mapping with a kind"),
        ("{kind: [a]}", "has no kind"),
        ("{kind: simulated, sed: 1}", "[0].voter.sed (line 1): unknown key; did you mean 'seed'?"),
        ("{kind: simulated, seed: x}", "[0].voter.seed (line 1): 'x' is not a whole number"),
        ("{kind: simulated, lean: 1.1}", "is not in 0..1"),
        ("{kind: simulated, opinions: {a: 0}}", "its weights sum to 0"),
        ("{kind: simulated, opinions: {a: x}}", "[0].voter.opinions.a (line 1): 'x' is not a number"),
        ("{kind: simulated, thinking_time: [2s, 1s]}", "2 s is more than 1 s"),
        ("{kind: simulated, thinking_time: [1s]}", "it must be a duration or two of them"),
        ("{kind: simulated, timeout: 0}", "a duration must be above 0"),
        ("recorded", "[0].voter.path (line 1): is missing"),
        ("{kind: recorded, path: none.csv}", "[0].voter.path (line 1): there is no file /nowhere/none.csv"),
        ("{kind: recorded, path: /dev/null}", "'null' does not end in .csv, .json"),
        ("{kind: command, command: []}", "it names no program"),
        ("{kind: command, command: ['']}", "it names no program"),
        ("{kind: command, command: {a: b}}", "it must be a list of words"),
        ("{kind: command, command: 'a \"b'}", "[0].voter.command (line 1): No closing quotation"),
        ("{kind: command, command: [a], cwd: none}", "[0].voter.cwd (line 1): there is no folder /nowhere/none"),
        ("{kind: command, command: [a], env: {1A: x}}", "is not the name of an environment variable"),
        ("{kind: command, command: [a], env: {A: [x]}}", "it must be text"),
        ("{kind: command, command: [a], pass_env: [A, A]}", "'A' stands in it twice"),
        ("{kind: command, command: [a], max_output: 0}", "it must be at least 1"),
        ("{kind: python, function: answer}", "is not like package.module:function"),
        ("{kind: python, function: 'a-b:answer'}", "is not like package.module:function"),
        ("{kind: python, function: 'none.py:answer'}", "there is no file /nowhere/none.py"),
    ],
)
def test_settings_of_a_voter_that_cannot_be_used_are_refused(voter, told):
    assert told in voter_problems(voter)[0]


def test_a_name_no_file_can_have_is_not_there(tmp_path):
    assert "there is no file" in voter_problems(f"{{kind: recorded, path: {'x' * 300}.csv}}", tmp_path)[0]


# --- files ----------------------------------------------------------------------------------------------------------


def test_paths_of_a_roster_file_are_relative_to_it(tmp_path):
    (tmp_path / "b.csv").touch()
    (tmp_path / "roster.yaml").write_text("agents: [{id: a, voter: {kind: recorded, path: b.csv}}]")

    loaded = load_roster(tmp_path / "roster.yaml")

    assert loaded.roster.agents[0].settings["path"] == str(tmp_path / "b.csv")


def test_problems_of_a_roster_file_name_the_file(tmp_path):
    path = tmp_path / "roster.yaml"
    path.write_text("agents:\n  - id: a b\n")

    with pytest.raises(ConfigurationError) as caught:
        load_roster(path)

    assert str(caught.value).startswith(f"{path}: agents[0].id (line 2): ")


def test_a_roster_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no such file"):
        load_roster(tmp_path / "none.yaml")


# --- the default roster ---------------------------------------------------------------------------------------------


def test_the_default_roster_is_simulated_throughout():
    assert {agent.voter for agent in default_roster().roster.agents} == {"simulated"}


def test_the_default_roster_has_the_roles_and_weights_people_start_with():
    loaded = default_roster()

    roles = [agent.role for agent in loaded.roster.agents]
    experts = ["security_expert", "performance_expert", "domain_expert", "general_developer"]
    on_call = ["doctor", "clinician", "risk_analyst", "financial_analyst", "financial_expert"]
    assert roles == ["researcher", "analyst", "coder", "coder", "tester", "coordinator", *experts, *on_call]
    assert [agent.role for agent in loaded.roster.agents if agent.on_call] == on_call
    assert loaded.weighing.roles["tester"] == 2
    assert {kind: expert.weight for kind, expert in loaded.weighing.expertise.items()} == {
        "security_expert": 3,
        "performance_expert": Fraction(5, 2),
        "domain_expert": 2,
        "general_developer": 1,
    }


@pytest.mark.parametrize(
    ("question", "called"),
    [
        ("Which therapy suits these patients?", ["doctor_001", "clinician_001"]),
        ("Ask a risk analyst.", ["risk_analyst_001"]),
        ("Change the portfolio?", ["risk_analyst_001", "financial_analyst_001", "financial_expert_001"]),
        ("Which database for the analysis of markets?", []),
    ],
)
def test_the_default_rosters_specialists_are_asked_where_it_is_about_their_trade(question, called):
    roster = default_roster().roster

    asked = select_agents(roster, question=question, most=12)

    assert [agent.id for agent in asked if agent.on_call] == called
    assert [agent for agent in asked if not agent.on_call] == [agent for agent in roster.agents if not agent.on_call][
        : 12 - len(called)
    ]


def test_the_default_roster_knows_engineering_and_architecture():
    chosen = select_agents(default_roster().roster, domains=["engineering", "architecture"], most=4)

    assert all({"engineering", "architecture"} & set(agent.domains) for agent in chosen)

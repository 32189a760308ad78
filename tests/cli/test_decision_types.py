"""Decision types as a person uses them: configured, asked under, decided, shown."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from maos_flows.audit.store import AuditStore
from maos_flows.cli.app import app
from maos_flows.cli.running import request_of, resumed_request
from maos_flows.config import settings_from
from maos_flows.request import DecisionRequest, open_decision
from tests.config.standing_in import STANDING_IN
from tests.flows.making import AGENTS
from tests.strategies import NOON

needs_server = pytest.mark.usefixtures("prefect_address")


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MAOS_ROSTER", raising=False)
    return home


@pytest.fixture
def configure(home):
    def configure(text: str) -> None:
        home.mkdir(exist_ok=True)
        (home / "config.yml").write_text(text)

    return configure


def rostered(folder: Path, *functions: str) -> Path:
    """Agents for a, of whom the first is an expert in security, each with a function of its own."""
    lines = ["agents:"]
    for number, function in enumerate(functions):
        domains = "[security]" if number == 0 else "[]"
        voter = f"{{kind: python, function: '{AGENTS}:{function}'}}"
        lines.append(f"  - {{id: agent_{number}, role: a, domains: {domains}, voter: {voter}}}")
    file = folder / "roster.yaml"
    file.write_text("\n".join(lines))
    return file


def maos(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


QUESTION = "How is the security: a or b?"


class TestDecided:
    pytestmark = needs_server

    def test_a_type_decides_by_its_rule_and_its_report_is_shown(self, configure, tmp_path):
        configure("consensus: {audit: {compliance_check: true, decision_justification: required}}")
        roster = rostered(tmp_path, "by_role", "by_role", "by_role")
        made = maos("decide", QUESTION, "--decision-type", "important", "--roster", str(roster), "--format", "json")
        found = json.loads(made.stdout)
        shown = json.loads(maos("show", found["decision_id"], "--compliance", "--format", "json").stdout)

        assert made.exit_code == 0, made.output
        assert found["opening"]["algorithm"] == "supermajority"
        assert found["opening"]["parameters"]["reviewers"] == ["agent_0"]
        held = {row["rule"]: row["held"] for row in shown["compliance"]["findings"]}
        assert held == dict.fromkeys(["algorithm", "threshold", "expert_review", "justification"], True)

    def test_without_the_experts_ballot_nothing_is_reached(self, tmp_path):
        roster = rostered(tmp_path, "crash", "by_role", "by_role", "by_role", "by_role")
        words = ["--decision-type", "important", "--roster", str(roster), "--retries", "0", "--format", "json"]
        made = maos("decide", QUESTION, *words)

        assert made.exit_code == 1
        assert json.loads(made.stdout)["reason"] == "no_expert_review"

    def test_a_flag_weaker_than_the_type_does_not_comply(self, configure, tmp_path):
        configure("consensus: {audit: {compliance_check: true}}")
        roster = rostered(tmp_path, "by_role", "by_role", "crash")
        words = ["--decision-type", "important", "--threshold", "0.6", "--roster", str(roster), "--retries", "0"]
        made = maos("decide", QUESTION, *words, "--format", "json")

        assert made.exit_code == 1
        assert json.loads(made.stdout)["reason"] == "not_compliant"
        assert "a was agreed on against threshold" in json.loads(made.stdout)["explanation"]


def asked(roster: Path, **stage: str) -> DecisionRequest:
    return request_of({"question": QUESTION, **stage}, roster=roster)


def test_an_emergency_is_rafts_with_a_leader_who_may_override(tmp_path):
    request = asked(rostered(tmp_path, "by_role", "by_role", "by_role"), decision_type="emergency")

    assert (request.algorithm, request.timeout_seconds) == ("raft", 10)
    assert request.parameters.settings == {"leader_override": True}
    assert request.oversight.emergency


def test_b50_what_is_configured_later_applies_to_the_next_decision_only(configure, tmp_path, home):
    """B50."""
    roster = rostered(tmp_path, "by_role", "by_role", "by_role")
    configure("consensus: {default_algorithm: weighted_voting, voting_timeout: 30}\nagent_weights: {a: 2}")
    first = asked(roster)
    opening = open_decision(first, STANDING_IN[first.algorithm], decision_id="d-1", now=NOON)
    with AuditStore.open(settings_from({"MAOS_HOME": str(home)}).database_url) as store:
        kept = store.open_decision(opening, first)
        configure("consensus: {default_algorithm: supermajority, voting_timeout: 90}\nagent_weights: {a: 7}")
        taken_up, second = resumed_request("d-1"), asked(roster)
        again = open_decision(taken_up, STANDING_IN[taken_up.algorithm], decision_id="d-1", now=NOON)

        assert taken_up == first
        assert store.open_decision(again, taken_up) == kept
    assert (second.algorithm, second.timeout_seconds) == ("supermajority", 90)
    assert second.oversight.configuration != first.oversight.configuration


def test_a_workflows_stage_is_decided_under_its_type(tmp_path):
    roster = rostered(tmp_path, "by_role", "by_role", "by_role")
    file = tmp_path / "w.yaml"
    stage = "{stage: one, question: 'How is the security: a or b?', decision_type: important}"
    file.write_text(f"workflow_name: w\nroster: {roster.name}\nstages: [{stage}]\n")
    shown = json.loads(maos("workflow", "show", str(file), "--format", "json").stdout)

    assert [stage["consensus_algorithm"] for stage in shown["stages"]] == ["supermajority"]

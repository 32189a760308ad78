"""`maos doctor` on the configuration, and the report of a decision's compliance."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from maos_flows.audit.configuration import ConfigurationChange
from maos_flows.audit.store import AuditStore
from maos_flows.cli.app import app
from maos_flows.cli.configuration_checks import configuration_checks
from maos_flows.config.file import digest_of
from maos_flows.model import Requirement, Rule
from maos_flows.policies.compliance import complying, examine
from tests.audit.samples import SOON, ballot, decision_of, opened


@pytest.fixture
def looked(tmp_path, sqlite_url):
    def looked(text: str | None = None) -> list[tuple[str, str, str]]:
        if text is not None:
            file = tmp_path / "config.yml"
            file.write_text(text)
            file.chmod(0o600)
        env = {"MAOS_HOME": str(tmp_path), "MAOS_DATABASE_URL": sqlite_url}
        return [(check.status, check.name, check.found) for check in configuration_checks(env)]

    return looked


def test_without_a_file_all_is_well(looked, tmp_path):
    assert looked() == [("fine", "decisions' configuration", f"{tmp_path / 'config.yml'}, 0 keys set")]


def test_a_file_that_cannot_be_used_is_wrong(looked):
    ((status, _, found),) = looked("consensus: {voting_timout: 5}")

    assert status == "wrong"
    assert "did you mean 'voting_timeout'?" in found


def test_a_file_that_was_edited_by_hand_is_noticed(looked, tmp_path, sqlite_url):
    text, path = "consensus: {voting_timeout: 5}", str(tmp_path / "config.yml")
    with AuditStore.open(sqlite_url) as store:
        change = ConfigurationChange(SOON, "ana", "set", path, digest_of(""), digest_of(text))
        store.configuration.record(change)

    assert "configuration's history" not in [name for _, name, _ in looked(text)]
    assert "configuration's history" in [name for _, name, _ in looked(f"{text}\n# by hand")]


def test_a_file_others_may_write_is_wrong(looked, tmp_path):
    looked("consensus: {voting_timeout: 5}")
    (tmp_path / "config.yml").chmod(0o666)

    assert ("wrong", "configuration's file", f"others may write {tmp_path / 'config.yml'}") in looked()


def test_production_lists_what_of_it_is_not_met(looked):
    found = [line for line in looked("consensus: {production_mode: true}") if line[1] == "production mode"]

    assert ("note", "production mode") in [line[:2] for line in found]
    said = "\n".join(line[2] for line in found)
    for part in ("agent_authentication is not required", "compliance_check is not true", "there are no contacts"):
        assert part in said
    assert "agents are simulated, and are refused: " in next(line[2] for line in found if line[0] == "wrong")


def test_production_with_all_it_asks_for_is_fine(looked):
    enterprise = (Path(__file__).parents[1] / "documents" / "enterprise-consensus.yml").read_text()
    agents = "agents:\n  - {id: ada, voter: {kind: command, command: cat}}\n"
    found = looked(enterprise.replace("consensus:\n", "consensus:\n  contacts: [slack-webhook/on-call]\n") + agents)

    assert [line for line in found if line[1] == "production mode"] == [
        ("fine", "production mode", "all it asks for is configured")
    ]


def test_a_decision_that_is_open_has_no_report_yet(sqlite_url, home, monkeypatch):
    monkeypatch.setenv("MAOS_DATABASE_URL", sqlite_url)
    with AuditStore.open(sqlite_url) as store:
        opened(store)

    assert "is made when the decision is closed" in CliRunner().invoke(app, ["show", "d-1", "--compliance"]).stdout


@pytest.fixture
def shown(sqlite_url, home, monkeypatch):
    monkeypatch.setenv("MAOS_DATABASE_URL", sqlite_url)

    def shown(*words: str, requirements: tuple[Requirement, ...] | None) -> str:
        with AuditStore.open(sqlite_url) as store:
            opened(store)
            for name in ("ada", "bob", "cyd"):
                store.record_answer(ballot(name))
            decision = decision_of(store)
            if requirements is not None:
                decision = complying(decision, examine(decision, requirements, ()))
            store.close_decision(decision, at=SOON)
        result = CliRunner().invoke(app, ["show", "d-1", "--compliance", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    return shown


KEPT = Requirement(Rule.ALGORITHM, "simple_majority", "consensus.decision_policies.routine.algorithm")
BROKEN = Requirement(Rule.THRESHOLD, "0.9", "consensus.decision_policies.routine.threshold")


def test_a_report_is_shown_rule_by_rule_with_its_sources(shown):
    text = shown(requirements=(KEPT, BROKEN))

    assert "Compliance: broken" in text
    assert "algorithm: held; wanted simple_majority, found simple_majority" in text
    assert "threshold: BROKEN; wanted at least 0.9, found 0.5 (consensus.decision_policies.routine.threshold)" in text
    assert "not compliant" in text


def test_a_report_is_data_for_programs(shown):
    report = json.loads(shown("--format", "json", requirements=(KEPT,)))["compliance"]

    assert (report["held"], report["remark"]) == (True, None)
    assert [row["rule"] for row in report["findings"]] == ["algorithm"]


@pytest.mark.parametrize(("requirements", "said"), [(None, "no report was asked for"), ((), "nothing was asked for")])
def test_where_there_is_no_report_it_says_why(shown, requirements, said):
    assert said in shown(requirements=requirements)

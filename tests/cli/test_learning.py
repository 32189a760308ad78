"""`maos consensus feedback` and `weights`, as typed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from maos_flows.audit.store import AuditStore
from maos_flows.cli.app import app
from maos_flows.cli.watching.evolution import Asked, histories
from maos_flows.errors import MaosError
from tests.test_judging import decided


@pytest.fixture
def store(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AuditStore]:
    """The configured store, with two decisions."""
    monkeypatch.setenv("MAOS_HOME", str(tmp_path))
    monkeypatch.setenv("MAOS_DATABASE_URL", sqlite_url)
    with AuditStore.open(sqlite_url) as opened:
        decided(opened, 1, eve="MongoDB")
        decided(opened, 2, dan="MongoDB")
        yield opened


def run(*arguments: str) -> str:
    """Run a command that succeeds, and give what it printed."""
    result = CliRunner().invoke(app, ["consensus", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_feedback_prints_what_each_agent_gained_or_lost_and_notes_it(store: AuditStore) -> None:
    printed = run("feedback", "d-1", "--correct", "MongoDB", "--by", "ana")

    assert "eve scored 1: 0.847 -> " in printed
    assert "ada scored 0: 0.847 -> " in printed
    told = store.timeline("d-1")[-1]
    assert told.text.startswith("ana told that MongoDB proved right: ada 0.847 -> ")


def test_feedback_as_json_gives_weights_before_and_after(store: AuditStore) -> None:
    (result,) = json.loads(run("feedback", "d-1", "--score", "eve=0.25", "--format", "json"))

    (change,) = result["changes"]
    assert (change["agent"], change["score"], result["error"]) == ("eve", 0.25, None)
    assert change["weight_after"] < change["weight_before"]


def test_a_file_is_taken_line_by_line_and_bad_lines_are_named(store: AuditStore, tmp_path: Path) -> None:
    path = tmp_path / "told.csv"
    path.write_text("decision_id,correct\nd-1,MongoDB\nd-9,MongoDB\nd-2,Oracle\nd-2,PostgreSQL\n", encoding="utf-8")

    result = CliRunner().invoke(app, ["consensus", "feedback", "--file", str(path)])

    assert result.exit_code == 1
    assert result.stdout == "feedback on 2 of 4 decisions was taken; 5 agents learned from it\n"
    assert "line 3: there is no decision 'd-9'" in result.stderr
    assert "line 4: --correct: 'Oracle' was not a choice" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["d-1", "--file", "x.csv"], ["d-9", "--correct", "MongoDB"]])
def test_feedback_that_names_no_decision_is_refused(store: AuditStore, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["consensus", "feedback", *arguments])

    assert isinstance(result.exception, MaosError)
    assert store.learned.agents() == ()


def test_weights_show_a_table_a_chart_and_the_newest_changes(store: AuditStore) -> None:
    run("feedback", "d-1", "--correct", "MongoDB")
    run("feedback", "d-2", "--correct", "MongoDB")

    printed = run("weights")

    lines = printed.splitlines()
    assert lines[0].endswith("right  since the first feedback (highest 1.323)")
    assert [line.split()[0] for line in lines[1:6]] == ["eve", "dan", "ada", "bob", "cyd"]
    assert "the newest 10 of 10 changes" in printed
    assert "d-2  dan  scored 1: " in printed


def test_weights_of_a_decision_are_those_its_agents_had_then(store: AuditStore) -> None:
    run("feedback", "d-1", "--correct", "MongoDB")

    (eve,) = histories(store, Asked(agents=("EVE",)))

    assert (eve.agent, len(eve.changes)) == ("eve", 1)
    assert "no weight has changed yet" in run("weights", "d-1")


def test_weights_as_json_hold_every_change(store: AuditStore) -> None:
    run("feedback", "d-1", "--correct", "MongoDB")

    found = {one["agent"]: one for one in json.loads(run("weights", "--agent", "eve", "--format", "json"))}

    assert found["eve"]["changes"][0]["decision_id"] == "d-1"
    assert found["eve"]["weight"] == found["eve"]["changes"][0]["weight_after"]


@pytest.mark.parametrize(
    ("asked", "words"), [(Asked("d-9"), "no decision 'd-9'"), (Asked(agents=("zoe",)), "no record of 'zoe'")]
)
def test_who_is_not_known_has_no_weights_to_show(store: AuditStore, asked: Asked, words: str) -> None:
    with pytest.raises(MaosError, match=words):
        histories(store, asked)


def test_nobody_learns_where_nobody_chose(store: AuditStore) -> None:
    decided(store, 3, ada="abstain", bob="abstain", cyd="abstain", dan="absent", eve="abstain")

    assert run("feedback", "d-3", "--correct", "MongoDB") == "nobody voted for a choice, so nobody learned\n"


def test_monitoring_the_weight_evolution_ends_with_the_table_and_chart_as_of_now(store: AuditStore) -> None:
    run("feedback", "d-1", "--correct", "MongoDB")

    printed = run("monitor", "d-1", "--weight-evolution")

    assert "told that MongoDB proved right" in printed
    assert "eve scored 1: 0.847 -> " not in printed
    assert "the newest 5 of 5 changes" in printed

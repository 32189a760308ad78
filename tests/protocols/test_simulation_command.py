"""`python -m maos_flows.protocols.simulation`: progress, replay, traces and scenario files, told apart by exit code."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.protocols.simulation import __main__ as command
from maos_flows.protocols.simulation.faults import Profile
from maos_flows.protocols.simulation.scenario import Scenario, check_scenario, read_scenario
from tests.protocols.planted_raft import FOUND_BY_SIMULATION

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("raft-*.txt"))
VOTE_NOT_WRITTEN = next(plant for plant in FOUND_BY_SIMULATION if plant.name == "vote_not_written")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_raft_scenario_runs_as_it_is_written(path):
    assert check_scenario(path) == ""


def test_there_are_raft_scenarios():
    assert len(SCENARIOS) >= 3


def test_clean_seeds_exit_with_0_and_show_progress_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr(command, "PROGRESS_SECONDS", 0.0)

    code = command.main(["--seeds", "3", "--first-seed", "7", "--profile", "uniform", "--events", "200"])

    said = capsys.readouterr()
    assert (code, said.out) == (0, "")
    assert said.err.splitlines()[0].startswith("1/3 seeds, 0 with violations, ")
    assert said.err.splitlines()[-1].endswith(" events/s")


def test_a_failing_seed_prints_itself_its_shortest_prefix_and_a_transcript(capsys, monkeypatch):
    VOTE_NOT_WRITTEN.apply(monkeypatch)

    code = command.main(["--seeds", "3", "--size", "3"])

    said = capsys.readouterr().out
    assert code == 1
    assert said.startswith("seed 0 profile swarm: write_before_send: ")
    assert "shortest prefix: " in said
    assert "--protocol raft --profile swarm --events 600 --size 3 --replay 0" in said
    assert said.count("# protocol: raft") == 1
    assert "seed 2 profile swarm" in said
    assert "VIOLATION write_before_send" in said
    assert "# violation: write_before_send" in said


def test_a_violation_replays_to_the_same_prefix_and_exit_code_1(capsys, monkeypatch):
    VOTE_NOT_WRITTEN.apply(monkeypatch)

    codes = [command.main(["--replay", "1"]) for _ in range(2)]
    first, second = capsys.readouterr().out.split("# protocol: raft\n")[1:]

    assert codes == [1, 1]
    assert first == second


def test_a_replay_prints_the_transcript_and_writes_the_trace(capsys, tmp_path):
    trace = tmp_path / "trace.jsonl"

    code = command.main(["--replay", "4", "--stop-after", "120", "--trace", str(trace)])

    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    assert code == 0
    assert capsys.readouterr().out == Scenario("raft", 4, stop_after=120).transcript()
    assert {"time", "kind", "replica", "role", "term", "vote", "log_length", "log_terms", "commit"} <= lines[0].keys()


def test_a_scenario_that_was_written_checks_and_one_that_differs_does_not(capsys, tmp_path):
    path = tmp_path / "one.txt"

    written = command.main(["--write", str(path), "--replay", "3", "--size", "3", "--stop-after", "80"])
    same = command.main(["--check", str(path)])
    path.write_text(path.read_text().replace("# decided: False", "# decided: True"))
    other = command.main(["--check", str(path), str(path)])

    said = capsys.readouterr()
    assert (written, same, other) == (0, 0, 1)
    assert "-# decided: True" in said.out
    assert "2 scenarios, 2 differ" in said.err


def test_a_scenario_is_written_anew_as_it_says_of_itself(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("# protocol: raft\n# seed: 9\n# profile: calm\n# events: 50\n# stop_after: 60\nold text\n")

    code = command.main(["--write", str(path)])

    assert code == 0
    assert path.read_text() == Scenario("raft", 9, Profile.CALM, events=50, stop_after=60).transcript()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "protocol: '' is not one of"),
        ("# protocol: paxos\n# seed: 1\n", "'paxos' is not one of"),
        ("# protocol: raft\n", "seed: is missing"),
        ("# protocol: raft\n# seed: one\n", "seed: is missing"),
    ],
)
def test_a_scenario_without_its_settings_is_refused(text, message):
    with pytest.raises(ConfigurationError, match=message):
        read_scenario(text, source="file")


@pytest.mark.parametrize("text", ["nonsense", "# protocol: raft\n# seed: 1\n# profile: rough\n", None])
def test_an_unusable_scenario_file_is_wrong_usage(capsys, tmp_path, text):
    path = tmp_path / "one.txt"
    if text is not None:
        path.write_text(text)

    assert command.main(["--check", str(path)]) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--protocol", "paxos"], ["--seeds", "many"], ["--check", "a", "--write", "b"]])
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)

    assert caught.value.code == 2
    assert capsys.readouterr().err


def test_the_package_runs_as_a_program(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["simulation", "--seeds", "1", "--events", "50"])
    monkeypatch.delitem(sys.modules, command.__name__)

    with pytest.raises(SystemExit) as caught:
        runpy.run_module("maos_flows.protocols.simulation", run_name="__main__")

    assert caught.value.code == 0
    assert capsys.readouterr().err.startswith("1/1 seeds, 0 with violations, ")


def test_the_settings_of_a_scenario_are_read_back():
    scenario = Scenario("byzantine", 3, Profile.UNIFORM, events=10, size=4, stop_after=5)

    head = "\n".join(scenario._head())

    assert read_scenario(head, source="file") == scenario

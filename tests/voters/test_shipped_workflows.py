"""The shipped workflows whose agents are local programs: they decide from what they measure and check."""

import asyncio
import importlib
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from maos_flows.model import ABSTAIN, Absence, Ballot, Decision, Outcome, Reason
from maos_flows.policies import deciding, registry
from maos_flows.request import open_decision
from maos_flows.voters import ask
from maos_flows.workflow import load_workflow_file

WORKFLOWS = Path(__file__).parents[2] / "workflows"
POLICIES = registry.PolicyRegistry(registry.SimpleMajority(), registry.Supermajority())


def run(name: str) -> Decision:
    """Decide a workflow's one stage."""
    workflow = load_workflow_file(WORKFLOWS / name, policies=POLICIES)
    (stage,) = workflow.stages
    policy = POLICIES[stage.request.algorithm]
    opening = open_decision(stage.request, policy, decision_id="d-1", now=datetime.now(UTC))

    async def ask_all() -> list[Ballot | Absence]:
        asked = (ask(agent, opening.proposal, retries=0) for agent in stage.request.agents)
        return await asyncio.gather(*asked)

    answers = asyncio.run(ask_all())
    ballots = [answer for answer in answers if isinstance(answer, Ballot)]
    return deciding.decide(
        policy, opening, ballots, absences=[answer for answer in answers if isinstance(answer, Absence)]
    )


def program(name: str, argument: str, choices: list[str]) -> dict:
    """Run an agent's program as a voter does."""
    printed = subprocess.check_output(
        [sys.executable, str(WORKFLOWS / "agents" / name), argument],
        input=json.dumps({"choices": choices}).encode(),
    )
    return json.loads(printed)


def test_compression_choice_is_decided_by_what_each_agent_measured_itself(monkeypatch, tmp_path):
    rows = [f"{number},reading {number * 37 % 101},station-{number % 7}\n" for number in range(6000)]
    (tmp_path / "readings.csv").write_text("".join(rows))
    monkeypatch.setenv("COMPRESSION_FILE", str(tmp_path / "readings.csv"))

    decision = run("compression_choice.yaml")

    votes = Counter(ballot.choice for ballot in decision.ballots)
    assert len(decision.ballots) == 5
    assert len(votes) > 1
    assert (decision.outcome is Outcome.REACHED) == (max(votes.values()) >= 3)
    for ballot in decision.ballots:
        assert ballot.evidence[0] == f"measured on readings.csv, {len(''.join(rows))} bytes"
        assert [line.partition(":")[0] for line in ballot.evidence[1:]] == ["zlib-1", "zlib-6", "bz2-9", "lzma-6"]
        assert "MB/s" in ballot.reasoning
        assert 0.5 <= ballot.confidence <= 1
    by_agent = {ballot.agent_id: ballot for ballot in decision.ballots}
    assert by_agent["archivist"].choice == most("ratio", by_agent["archivist"])
    assert by_agent["writer"].choice == most("compresses", by_agent["writer"])


def most(figure: str, ballot: Ballot) -> str:
    """Find the choice with the largest figure in a ballot's evidence."""
    figures = {
        line.partition(":")[0]: float(line.partition(f"{figure} ")[2].split(" ")[0].rstrip(","))
        for line in ballot.evidence[1:]
    }
    return max(figures, key=figures.__getitem__)


def test_a_compressor_that_cannot_be_measured_is_said_and_not_voted_for(monkeypatch, tmp_path):
    (tmp_path / "text").write_bytes(b"abc " * 5000)
    monkeypatch.setenv("COMPRESSION_FILE", str(tmp_path / "text"))

    some = program("measure_compressor.py", "ratio", ["zstd-3", "zlib-77", "zlib-6"])
    none = program("measure_compressor.py", "ratio", ["zstd-3"])

    assert some["choice"] == "zlib-6"
    assert [line.partition(":")[0] for line in some["evidence"][2:]] == [
        "zstd-3 was not measured",
        "zlib-77 was not measured",
    ]
    assert none["choice"] == ABSTAIN


def test_a_processor_that_is_slow_for_a_while_is_slow_for_every_candidate(monkeypatch):
    monkeypatch.syspath_prepend(WORKFLOWS / "agents")
    measuring = importlib.import_module("measure_compressor")
    now = 0.0
    monkeypatch.setattr(measuring.time, "process_time", lambda: now)

    def work(seconds: float) -> bytes:
        nonlocal now
        now += seconds * (2 if now < measuring.MEASURED_SECONDS else 1)
        return b"done"

    measured = measuring.fastest({"one": partial(work, 0.01), "other": partial(work, 0.011)})

    assert {name: (round(seconds, 6), done) for name, (seconds, done) in measured.items()} == {
        "one": (0.01, b"done"),
        "other": (0.011, b"done"),
    }


def test_without_a_file_the_checkouts_own_texts_are_measured(monkeypatch):
    monkeypatch.delenv("COMPRESSION_FILE", raising=False)

    ballot = program("measure_compressor.py", "memory", ["zlib-6", "bz2-9"])

    assert ballot["choice"] == "zlib-6"
    assert ballot["evidence"][0].startswith("measured on the checkout's ")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A tiny repository that may be released."""
    root = tmp_path / "repository"
    (root / "tests").mkdir(parents=True)
    (root / "sums.py").write_text("def double(number: int) -> int:\n    return number * 2\n")
    (root / "tests" / "test_sums.py").write_text(
        "from sums import double\n\n\ndef test_double() -> None:\n    assert double(2) == 4\n"
    )
    (root / "pyproject.toml").write_text(
        '[project]\nname = "sums"\nversion = "1.2.0"\n'
        'dependencies = ["rich>=13", "click[extra]~=8.1; os_name == \'nt\'"]\n'
        '[tool.mypy]\nfiles = ["sums.py"]\n[tool.pytest.ini_options]\npythonpath = ["."]\n'
    )
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.0] - 2026-11-01\n\n- Doubles.\n\n## 1.1.0\n\n- Adds.\n")
    monkeypatch.setenv("RELEASE_REPOSITORY", str(root))
    monkeypatch.delenv("RELEASE_QUICK", raising=False)
    return root


def test_release_gate_lets_a_sound_repository_go(repository):
    decision = run("release_gate.yaml")

    assert {ballot.agent_id: ballot.choice for ballot in decision.ballots} == dict.fromkeys(
        ("changelog", "dependencies", "lint", "tests", "types"), "go"
    )
    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "go")
    assert "1 passed" in decision.ballots[3].evidence[0]


def test_release_gate_is_vetoed_by_a_failing_test(repository):
    (repository / "sums.py").write_text("def double(number: int) -> int:\n    return number + 3\n")

    decision = run("release_gate.yaml")

    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.VETOED)
    assert "1 failed" in decision.explanation
    assert [ballot.choice for ballot in decision.ballots].count("go") == 4


def test_release_gate_in_a_hurry_collects_the_tests(repository, monkeypatch):
    monkeypatch.setenv("RELEASE_QUICK", "1")

    assert "1 test collected" in program("check_repository.py", "tests", ["go", "no_go"])["reasoning"]


@pytest.mark.parametrize(
    ("check", "file", "content", "said"),
    [
        ("tests", "tests/test_sums.py", "", "no tests"),
        ("lint", "sums.py", "import os\n", "Found 1 error"),
        ("types", "sums.py", "number: int = 'x'\n", "Found 1 error"),
        ("dependencies", "pyproject.toml", '[project]\nname = "x"\ndependencies = ["rich", "a<2", "b>=1"]\n', "2 of 3"),
        ("dependencies", "pyproject.toml", "", "no pyproject.toml with a [project] table"),
        ("dependencies", "pyproject.toml", '[project]\ndependencies = ["a @ https://x.org/a.whl"]\n', "1 of 1"),
        ("changelog", "CHANGELOG.md", "# Changelog\n\n## 1.1.0\n\n- Adds.\n", "no entry for 1.2.0"),
        ("changelog", "CHANGELOG.md", "# Changelog\n\n## 1.2.0\n\n## 1.1.0\n\n- Adds.\n", "no entry for 1.2.0"),
        ("changelog", "CHANGELOG.md", "# Changelog\n\n## 1.2.01\n\n- Adds.\n", "no entry for 1.2.0"),
    ],
)
def test_a_check_that_fails_says_no_go_and_why(check, file, content, said, repository):
    (repository / file).write_text(content)

    ballot = program("check_repository.py", check, ["go", "no_go"])

    assert (ballot["choice"], ballot["veto"]) == ("no_go", True)
    assert said in ballot["reasoning"]


@pytest.mark.parametrize("heading", ["Unreleased", "[Unreleased]", "v1.2.0", "1.2.0 (today)"])
def test_a_changelog_entry_is_found_however_it_is_headed(heading, repository):
    (repository / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n\n- More.\n")

    assert program("check_repository.py", "changelog", ["go", "no_go"])["choice"] == "go"


def test_a_missing_changelog_is_a_no_go(repository):
    (repository / "CHANGELOG.md").unlink()

    assert program("check_repository.py", "changelog", ["go", "no_go"])["choice"] == "no_go"


def test_a_tool_that_is_not_installed_is_an_abstention(repository):
    own = repository / ".venv" / "bin"
    own.mkdir(parents=True)
    (own / "python").write_text("#!/bin/sh\nexit 1\n")
    (own / "python").chmod(0o755)

    ballot = program("check_repository.py", "lint", ["go", "no_go"])

    assert (ballot["choice"], ballot["veto"]) == (ABSTAIN, False)


@pytest.mark.parametrize("name", ["measure_compressor.py", "check_repository.py"])
def test_a_program_without_its_argument_says_what_it_takes(name):
    ended = subprocess.run(
        [sys.executable, str(WORKFLOWS / "agents" / name)], capture_output=True, text=True, check=False, env=os.environ
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("give one ")

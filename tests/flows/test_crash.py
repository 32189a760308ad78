"""kill -9 at any moment, then the same command with --resume: no ballot lost, none asked twice, one decision."""

import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.model import Absence, Ballot, EventKind
from tests.flows import thinkers
from tests.flows.crashing import KILLED, ROOT, Crashes, Kill

pytestmark = pytest.mark.usefixtures("prefect_address")

KILLS = 20
AGENTS = [f"agent_{number}" for number in range(5)]
STAGES = ["first", "second"]
PROGRAM = thinkers.__file__

Place = tuple[str, int, str]
"""Where an answer stands: decision, round, agent."""


@pytest.fixture(scope="module")
def crashes(prefect_address: str) -> Iterator[Crashes]:
    """What starts attempts, pointed at the session's Prefect server."""
    made = Crashes()
    yield made
    made.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A roster of five agents, three of them functions and two of them programs, and a workflow of two stages."""
    program = f"kind: command, command: [python3, {json.dumps(PROGRAM)}], pass_env: [ATTEMPT, ASKED_LOG]"
    function = f"kind: python, function: {json.dumps(f'{PROGRAM}:think')}"
    voters = [function, function, function, program, program]
    lines = [f"  - {{id: {name}, voter: {{{voter}}}}}" for name, voter in zip(AGENTS, voters, strict=True)]
    (tmp_path / "roster.yaml").write_text("\n".join(["agents:", *lines, ""]))
    (tmp_path / "workflow.yaml").write_text(
        "workflow_name: crashing\n"
        "roster: roster.yaml\n"
        "defaults: {timeout: 20m}\n"
        "stages:\n"
        "  - {stage: first, question: Shall we begin?}\n"
        "  - {stage: second, question: Shall we end?, depends_on: [first]}\n"
    )
    return tmp_path


@dataclass
class Story:
    """One store, the attempts at it, and what it must never lose from then on."""

    crashes: Crashes
    folder: Path
    url: str
    attempts: int = 0
    kept: dict[Place, Ballot | Absence] = field(default_factory=dict)
    halfway: int = 0

    def attempt(self, words: Sequence[str], *, kill: Kill | None = None) -> int:
        """Make one attempt and hold what the store has after it against what it had before."""
        self.attempts += 1
        environment = self.environment(self.attempts)
        code = self.crashes.attempt(words, folder=self.folder, environment=environment, kill=kill)
        self.look()
        return code

    def environment(self, attempt: int) -> dict[str, str]:
        return {
            "MAOS_HOME": str(self.folder / "maos"),
            "MAOS_DATABASE_URL": self.url,
            "ASKED_LOG": str(self.folder / "asked.log"),
            "ATTEMPT": str(attempt),
        }

    def look(self) -> None:
        with AuditStore.open(self.url) as store:
            found = {
                (summary.decision_id, answer.round, answer.agent_id): answer
                for summary in store.decisions(limit=1_000)
                for answer in store.answers(summary.decision_id, 1)
            }
            assert store.check() == ()
        assert {place: found.get(place) for place in self.kept} == self.kept, "an answer is lost or changed"
        asked_again = [place for what, place in self.noted(self.attempts) if what == "asked" and place in self.kept]
        assert asked_again == [], "who had answered was asked again"
        self.kept = found
        counts = {name: sum(place[0] == name for place in found) for name, _, _ in found}
        self.halfway += any(count < len(AGENTS) for count in counts.values())

    def noted(self, attempt: int) -> list[tuple[str, Place]]:
        log = self.folder / "asked.log"
        lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        return [(what, (name, int(number), agent)) for by, what, name, number, agent in lines if int(by) == attempt]

    def said(self, name: str) -> str:
        return (self.folder / name).read_text()

    @property
    def again(self) -> list[str] | None:
        """The words that take up what the last attempt began, as it printed them; None if it was not that far."""
        found = re.search(r"if it is interrupted: maos (.*)", self.said("stderr"))
        return shlex.split(found[1]) if found else None


def kill_and_resume(story: Story, words: Sequence[str], *, kills: int) -> list[str]:
    """Kill so many attempts, and give the commands of the runs there were.

    Every other one is killed at a moment spread over how long one takes, the rest after some agents' answers: however
    fast the machine, some die in the middle of a stage. A run that is killed is taken up again with the command it
    printed, until it ends; then the next one begins.
    """
    chance = random.Random(f"{kills} kills")
    moments = [(number % 2, (number + chance.random()) / kills) for number in range(kills)]
    chance.shuffle(moments)
    duration, ended, now = None, [], words
    while moments or now is not words:
        started = time.monotonic()
        code = story.attempt(now, kill=moment(*moments[-1], duration) if moments and duration else None)
        if code == KILLED:
            moments.pop()
            now = story.again or now
            continue
        assert code == 0, story.said("stderr")
        ended.append(story.again or now)
        duration = time.monotonic() - started if now is words else duration
        now = words
    return [command[-1] for command in ended]


def moment(by_answers: int, share: float, duration: float) -> Kill:
    """Give the moment that a share of an attempt stands for, of its time or of the first stage's answers."""
    return Kill(answers=1 + int(share * (len(AGENTS) - 1))) if by_answers else Kill(seconds=duration * share)


def check_decision(store: AuditStore, name: str) -> None:
    """One decision, over one answer of each agent, and a timeline without a gap that tells of each once."""
    decision = store.decision(name)
    assert decision is not None
    assert decision.choice == "approve"
    assert [ballot.agent_id for ballot in decision.ballots] == AGENTS
    assert store.answers(name, 1) == decision.ballots
    timeline = store.timeline(name)
    assert [event.sequence for event in timeline] == list(range(1, len(timeline) + 1))
    kinds = [event.kind for event in timeline]
    assert (kinds.count(EventKind.OPENED), kinds.count(EventKind.DECIDED)) == (1, 1)
    assert sorted(event.agent_id or "" for event in timeline if event.kind is EventKind.BALLOT) == AGENTS


def check_run(store: AuditStore, run_id: str) -> None:
    decisions = {summary.decision_id for summary in store.decisions(run_id=run_id)}
    assert decisions == {f"{run_id}-{stage}" for stage in STAGES}
    for name in decisions:
        check_decision(store, name)
    assert [(stage.stage, stage.outcome) for stage in store.stages(run_id)] == [(name, "reached") for name in STAGES]
    run = store.run(run_id)
    assert run is not None
    assert run.outcome == "completed"


def test_b64_twenty_kills_lose_no_ballot_ask_nobody_twice_and_leave_one_decision(crashes, files, sqlite_url):
    story = Story(crashes, files, sqlite_url)
    runs = kill_and_resume(story, ["workflow", "run", str(files / "workflow.yaml")], kills=KILLS)

    with AuditStore.open(sqlite_url) as store:
        for run_id in runs:
            check_run(store, run_id)
    assert story.halfway >= 3, "hardly any kill found a stage half answered"


def test_b64_kills_do_as_little_on_postgresql(crashes, files, postgres_url):
    story = Story(crashes, files, postgres_url)
    runs = kill_and_resume(story, ["workflow", "run", str(files / "workflow.yaml")], kills=5)

    with AuditStore.open(postgres_url) as store:
        for run_id in runs:
            check_run(store, run_id)


def test_b64_a_decision_is_taken_up_by_the_command_it_printed(files, sqlite_url):
    """With interpreters started afresh, to show that the shortcut of the tests above hides nothing."""
    story = Story(None, files, sqlite_url)  # type: ignore[arg-type]
    words = ["decide", "Shall we?", "--roster", str(files / "roster.yaml"), "--timeout", "20m"]
    with start(words, story.environment(1)) as process:
        command = next(found[1] for line in process.stderr if (found := re.search(r"interrupted: maos (.*)", line)))
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=random.Random("one kill").uniform(0.2, 0.6))
        os.killpg(process.pid, signal.SIGKILL)
    story.look()
    story.attempts = 2
    with start(shlex.split(command), story.environment(2)) as process:
        printed, complaints = process.communicate(timeout=120)

    assert process.returncode == 0, complaints
    assert "reached: approve" in printed
    story.look()
    with AuditStore.open(sqlite_url) as store:
        (summary,) = store.decisions()
        check_decision(store, summary.decision_id)
    assert command == f"decide --resume {summary.decision_id}"


def start(words: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "maos_flows.cli", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("what", ["workflow", "decide"])
def test_b67_what_has_ended_says_the_same_again_and_asks_nobody(crashes, files, sqlite_url, what):
    story = Story(crashes, files, sqlite_url)
    words = {
        "workflow": ["workflow", "run", str(files / "workflow.yaml")],
        "decide": ["decide", "Shall we?", "--roster", str(files / "roster.yaml")],
    }[what]
    assert story.attempt([*words, "--format", "json"]) == 0
    first, again = story.said("stdout"), story.again
    assert again is not None
    code = story.attempt([*again, "--format", "json"])

    assert code == 0
    assert story.said("stdout") == first
    assert story.noted(2) == []


@pytest.mark.parametrize("what", ["workflow", "decide"])
def test_an_id_that_nothing_has_cannot_be_taken_up(crashes, files, sqlite_url, what):
    story = Story(crashes, files, sqlite_url)
    words = {"workflow": ["workflow", "run", str(files / "workflow.yaml")], "decide": ["decide"]}[what]
    code = story.attempt([*words, "--resume", "deadbeef"])

    assert code == 2
    assert re.match(r"maos: error: there is no (workflow run|decision) 'deadbeef' to take up\n", story.said("stderr"))
    assert story.kept == {}

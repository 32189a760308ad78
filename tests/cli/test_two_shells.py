"""Two people decide from two shells, each with a home and a key of its own, while a workflow waits in a third."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.model import AuthClass, Decision, Outcome, Reason

MAOS = (sys.executable, "-c", "from maos_flows.cli.app import main; main()")
WORKFLOW = """
workflow_name: release
roster:
  - {{id: ada, role: engineer, voter: {{kind: simulated, opinions: {{approve: 1}}}}}}
  - {{id: olga, role: owner, voter: human, public_key: {olga}}}
  - {{id: otto, role: owner, voter: human, public_key: {otto}}}
stages:
  - {{stage: review, question: Is it fit to ship?, roles: [engineer]}}
  - stage: sign_off
    question: Do we ship?
    roles: [owner]
    depends_on: [review]
    consensus_algorithm: supermajority
    threshold: 1
    timeout: 10m
  - {{stage: announce, question: Do we tell the press?, roles: [owner], depends_on: [sign_off], timeout: 1s}}
"""
PATIENCE_SECONDS = 180


@dataclass(frozen=True)
class Shell:
    """A shell of somebody's, with a home of its own, on the store they share."""

    home: Path
    store: str

    def start(self, *words: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "MAOS_HOME": str(self.home), "MAOS_DATABASE_URL": self.store}
        pipe = subprocess.PIPE
        return subprocess.Popen([*MAOS, *words], env=environment, cwd=self.home, stdout=pipe, stderr=pipe, text=True)


Ended = tuple[int, str, str]
"""The exit code of a command, what it printed, and what it said beside."""


def ended(process: "subprocess.Popen[str]") -> Ended:
    printed, said = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, printed, said


@dataclass(frozen=True)
class Story:
    """What happened: how the workflow ended, what the shells printed, and what is on record."""

    worked: Ended
    forged: Ended
    inbox: Any
    voted: list[str]
    verified: Ended
    sign_off: Decision
    announce: Decision


def waits_for(store: AuditStore, run_id: str, *people: str) -> bool:
    asked = store.people.of(f"{run_id}-sign_off")
    return {one.question.person.agent_id for one in asked} == set(people)


@pytest.fixture(scope="module")
def story(prefect_address: str, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Run the workflow once, with everybody's commands as they would type them."""
    del prefect_address
    folder = tmp_path_factory.mktemp("shells")
    (folder / "audit.db").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{folder / 'audit.db'}"
    shells = {name: Shell(folder / name, url) for name in ("coordinator", "olga", "otto")}
    for shell in shells.values():
        shell.home.mkdir()
    olga, otto = shells["olga"], shells["otto"]
    making = {name: shells[name].start("key", name) for name in ("olga", "otto")}
    keys = {name: ended(process)[1].strip() for name, process in making.items()}
    (shells["coordinator"].home / "release.yaml").write_text(WORKFLOW.format(**keys))
    working = shells["coordinator"].start("workflow", "run", "release.yaml", "--format", "json")
    try:
        with AuditStore.open(url) as store:
            until = time.monotonic() + PATIENCE_SECONDS
            while not (runs := store.runs()) or not waits_for(store, runs[0].run_id, "olga", "otto"):
                assert time.monotonic() < until, "nobody was asked"
                assert working.poll() is None, working.communicate()[1]
                time.sleep(0.1)
            run_id = runs[0].run_id
            name = f"{run_id}-sign_off"
            listing = olga.start("inbox", "--as", "olga", "--format", "json")
            forging = otto.start("vote", name, "--as", "olga", "--choice", "reject")
            listed, forged = ended(listing), ended(forging)
            voting = [
                olga.start("vote", name, "--as", "olga", "--choice", "approve", "--reasoning", "The tests pass."),
                otto.start("vote", name, "--as", "otto", "--choice", "approve"),
            ]
            voted = [ended(process)[1] for process in voting]
            worked = ended(working)
            verified = ended(otto.start("consensus", "verify", name))
            sign_off, announce = (store.decision(f"{run_id}-{stage}") for stage in ("sign_off", "announce"))
    finally:
        working.kill()
        working.communicate()
    assert sign_off is not None, worked
    assert announce is not None, worked
    return Story(worked, forged, json.loads(listed[1]), voted, verified, sign_off, announce)


def test_two_people_decide_from_two_shells_each_by_a_key_of_its_own(story: Story) -> None:
    """B70: the workflow waits, each answers on its own, and what they said is signed by them and nobody else."""
    decision = story.sign_off

    assert [(item["decision_id"], item["must_sign"]) for item in story.inbox] == [(decision.decision_id, True)]
    assert story.voted == ["olga answered approve (signed)\n", "otto answered approve (signed)\n"]
    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "approve")
    assert {ballot.agent_id: (ballot.auth_class, bool(ballot.signature)) for ballot in decision.ballots} == {
        "olga": (AuthClass.HUMAN, True),
        "otto": (AuthClass.HUMAN, True),
    }
    assert "The tests pass." in {ballot.reasoning for ballot in decision.ballots}
    assert story.verified[0] == 0, story.verified


def test_nobody_answers_for_another_without_its_key(story: Story) -> None:
    code, printed, said = story.forged

    assert (code, printed) == (2, "")
    assert said == "maos: error: --key: the key of olga is not kept here; name its file\n"


def test_what_nobody_answers_in_time_is_not_reached_and_ends_the_workflow_so(story: Story) -> None:
    """B55, B70: silence is never an approval."""
    code, printed, _ = story.worked
    outcomes = {stage["stage"]: stage["outcome"] for stage in json.loads(printed)["stages"]}

    assert (story.announce.outcome, story.announce.reason) == (Outcome.NOT_REACHED, Reason.DEADLINE_PASSED)
    assert {absence.agent_id for absence in story.announce.absences} == {"olga", "otto"}
    assert outcomes == {"review": "reached", "sign_off": "reached", "announce": "not_reached"}
    assert code == 1

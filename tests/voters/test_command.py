"""Voter `command`: whatever a program does becomes a ballot or an absence, in time, and leaves nothing running."""

import asyncio
import json
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from maos_flows.model import ABSTAIN, Absence, AbsenceKind, Agent, Ballot, Context
from maos_flows.voters import ask
from maos_flows.voters.asked import as_asked
from maos_flows.voters.cleaning import REASONING_BYTES, REMOVED

ANSWER = """'{"choice": "MongoDB"}'"""


async def written(file: Path) -> str:
    """Wait for a file that a program writes, at most ten seconds."""
    for _ in range(1000):
        if (text := text_of(file)).endswith("\n"):
            return text
        await asyncio.sleep(0.01)
    raise AssertionError(f"{file} was never written")


def text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def gone(pids: list[int]) -> bool:
    """Wait until none of the processes runs, at most two seconds."""
    for _ in range(200):
        if not any(is_running(pid) for pid in pids):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_program_gets_the_proposal_and_gives_its_ballot(program, proposal):
    agent = program(
        """
        import json, sys
        asked = json.load(sys.stdin)
        print(json.dumps({"choice": asked["choices"][1], "confidence": 0.85, "reasoning": asked["question"],
                          "evidence": [asked["agent"]["id"], asked["deadline"]], "asked": asked}))
        """
    )

    ballot = await ask(agent, proposal)

    assert isinstance(ballot, Ballot)
    assert ballot.choice == "MongoDB"
    assert str(ballot.confidence) == "17/20"
    assert ballot.reasoning == "Which database?"
    assert ballot.evidence == ("ada", proposal.deadline.isoformat())
    assert ballot.voter == "command"
    assert ballot.attributes["asked"] == {
        "decision_id": "d-1",
        "round": 1,
        "question": "Which database?",
        "choices": ["PostgreSQL", "MongoDB"],
        "domains": ["data"],
        "context": [],
        "deadline": proposal.deadline.isoformat(),
        "agent": {"id": "ada", "role": "agent", "domains": []},
    }


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/program"], "/no/such/program cannot be started: No such file"),
        (["no-such-program-on-any-path"], "cannot be started: No such file"),
        (["/etc/passwd"], "/etc/passwd cannot be started: Permission denied"),
        (["/bin"], "/bin cannot be started: Permission denied"),
        (["/bin/echo", "nul\0"], "cannot be run: embedded null byte"),
        ([], "no command is set"),
    ],
)
async def test_a_program_that_cannot_be_started_is_not_tried_again(command, said, proposal):
    absence = await ask(Agent("ada", voter="command", settings={"command": command}), proposal, retries=5)

    assert isinstance(absence, Absence)
    assert absence.kind is AbsenceKind.FAILED
    assert said in absence.explanation
    assert "asked" not in absence.explanation


async def test_a_file_that_is_no_program_is_not_tried_again(tmp_path, proposal):
    file = tmp_path / "nonsense"
    file.write_bytes(b"\x7fELFnonsense")
    file.chmod(0o755)

    absence = await ask(Agent("ada", voter="command", settings={"command": [str(file)]}), proposal)

    assert "Exec format error" in absence.explanation


async def test_a_program_still_being_written_is_tried_again(tmp_path, proposal, soon):
    file = tmp_path / "program"
    shutil.copy("/bin/true", file)
    file.chmod(0o755)
    agent = Agent("ada", voter="command", settings={"command": [str(file)]})

    with open(file, "ab"):  # noqa: ASYNC230, PTH123 - it must stay open while the program is started
        absence = await ask(agent, proposal, retries=1, backoff=soon)

    assert "asked 2 times" in absence.explanation
    assert "could not be started just now: Text file busy" in absence.explanation


async def test_a_missing_directory_is_named(shell, proposal):
    absence = await ask(shell(f"echo {ANSWER}", cwd="/no/such/directory"), proposal)

    assert absence.explanation == "there is no directory /no/such/directory"


async def test_a_program_runs_in_its_directory(shell, proposal, tmp_path):
    ballot = await ask(
        shell("""echo "{\\"choice\\": \\"MongoDB\\", \\"at\\": \\"$PWD\\"}" """, cwd=str(tmp_path)), proposal
    )

    assert ballot.attributes == {"at": str(tmp_path)}


async def test_exit_1_is_tried_again_and_its_last_words_are_kept(shell, proposal, soon, tmp_path):
    agent = shell(f"echo x >> {tmp_path}/calls; echo first >&2; echo 'disk \x1b[31mfull' >&2; echo {ANSWER}; exit 1")

    absence = await ask(agent, proposal, retries=2, backoff=soon)

    assert absence.kind is AbsenceKind.FAILED
    assert absence.explanation == "asked 3 times: it ended with status 1: first | disk full"
    assert (tmp_path / "calls").read_text().split() == ["x"] * 3


async def test_exit_1_without_a_word_is_said_so(shell, proposal):
    absence = await ask(shell("exit 3"), proposal, retries=0)

    assert absence.explanation == "it ended with status 3, saying nothing on stderr"


@pytest.mark.parametrize(("number", "name"), [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGRTMIN + 3, "signal")])
async def test_a_program_ended_by_a_signal_is_said_so(number, name, shell, proposal):
    absence = await ask(shell(f"kill -{int(number)} $$"), proposal, retries=0)

    assert f"it was ended by {name}" in absence.explanation


async def test_a_failure_that_passes_gives_a_ballot(shell, proposal, soon, tmp_path):
    agent = shell(f"if mkdir {tmp_path}/once 2>/dev/null; then exit 1; fi; echo {ANSWER}")

    ballot = await ask(agent, proposal, retries=1, backoff=soon)

    assert ballot.choice == "MongoDB"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("true", "an empty answer"),
        ("echo; echo", "an empty answer"),
        ("echo I vote for MongoDB", "not JSON"),
        ("echo '{\"choice\": 1}'", "choice"),
        ('echo \'"MongoDB" "MongoDB"\'', "not JSON: Extra data"),
        ("printf '\\377\\376'", "not UTF-8"),
        ("head -c 100000 /dev/zero | tr '\\0' '['", "nested deeper"),
    ],
)
async def test_b47_nonsense_is_an_absence_after_its_retries(line, said, shell, proposal, soon):
    absence = await ask(shell(line), proposal, retries=1, backoff=soon)

    assert absence.kind is AbsenceKind.FAILED
    assert absence.explanation.startswith("asked 2 times: ")
    assert said in absence.explanation


async def test_a_json_text_is_the_choice(shell, proposal):
    assert (await ask(shell("""echo '"abstain"'"""), proposal)).choice == ABSTAIN


async def test_a11_a_flood_is_stopped_and_not_tried_again(shell, proposal):
    started = time.monotonic()

    absence = await ask(shell("yes", max_output=100_000), proposal, retries=5)

    assert absence.explanation == "it printed more than 100000 bytes and was stopped"
    assert time.monotonic() - started < 5


async def test_a_flood_on_stderr_is_not_kept(shell, proposal):
    ballot = await ask(shell(f"head -c 5000000 /dev/zero >&2; echo {ANSWER}"), proposal)

    assert ballot.choice == "MongoDB"


async def test_b60_a_megabyte_of_reasoning_is_cut(shell, proposal):
    line = """printf '{"choice": "MongoDB", "reasoning": "'; head -c 1000000 /dev/zero | tr '\\0' x; echo '"}'"""

    ballot = await ask(shell(line), proposal)

    assert len(ballot.reasoning.encode()) == REASONING_BYTES


@pytest.mark.parametrize("line", [f"exec 0<&-; echo {ANSWER}", f"echo {ANSWER}", f"cat > /dev/null; echo {ANSWER}"])
async def test_whether_a_program_reads_its_input_is_its_own_affair(line, shell, proposal):
    large = replace(proposal, context=(Context("text", "x" * 500_000),))

    assert (await ask(shell(line), large)).choice == "MongoDB"


async def test_a_hang_ends_at_the_attempts_timeout(shell, proposal):
    absence = await ask(shell("sleep 60", timeout=0.05), proposal, retries=0)

    assert absence.kind is AbsenceKind.TIMED_OUT
    assert absence.explanation == "no answer within 0.05 s"


async def test_a11_a_hang_ends_at_the_deadline(shell, proposal_within):
    started = time.monotonic()

    absence = await ask(shell("sleep 60"), proposal_within(0.2))

    assert absence.kind is AbsenceKind.TIMED_OUT
    assert absence.explanation == "no answer before the deadline"
    assert time.monotonic() - started < 2


FAMILY = (
    'trap "" TERM; sleep 60 & first=$!; (sleep 60 & echo $! > {0}/inner; wait) & '
    "while [ ! -s {0}/inner ]; do :; done; echo $$ $first $(cat {0}/inner) > {0}/pids; wait"
)
DETACHED = (
    "python3 -ISc 'import os,time; os.setsid(); print(os.getpid(), flush=True); time.sleep(60)' > {0}/pids & wait"
)


@pytest.mark.parametrize("line", [FAMILY, DETACHED])
async def test_cancelling_kills_the_program_with_its_childrens_children(line, shell, proposal, tmp_path):
    asking = asyncio.create_task(ask(shell(line.format(tmp_path)), proposal))
    pids = [int(word) for word in (await written(tmp_path / "pids")).split()]
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await gone(pids)


async def test_a_timeout_kills_a_program_that_ignores_sigterm_and_its_child(shell, proposal_within, tmp_path):
    line = f'trap "" TERM; sleep 60 & echo $$ $! > {tmp_path}/pids; while :; do sleep 60; done'

    absence = await ask(shell(line), proposal_within(1))

    pids = [int(word) for word in (await written(tmp_path / "pids")).split()]
    assert absence.kind is AbsenceKind.TIMED_OUT
    assert len(pids) == 2
    assert await gone(pids)


async def test_a_child_left_behind_neither_delays_the_ballot_nor_stays(shell, proposal, tmp_path):
    started = time.monotonic()

    ballot = await ask(shell(f"sleep 60 & echo $! > {tmp_path}/pids; echo {ANSWER}"), proposal)

    assert ballot.choice == "MongoDB"
    assert time.monotonic() - started < 5
    assert await gone([int((tmp_path / "pids").read_text())])


async def test_no_zombie_is_left(shell, proposal):
    before = {child.pid for child in psutil.Process().children()}

    await asyncio.gather(*(ask(shell(line, timeout=0.3), proposal, retries=0) for line in ("true", "sleep 60", "yes")))

    assert {child.pid for child in psutil.Process().children()} <= before


async def test_the_environment_is_small_and_as_set(shell, proposal, monkeypatch):
    monkeypatch.setenv("LEAKED", "no")
    monkeypatch.setenv("API_KEY", "key-of-the-kingdom")
    agent = shell(
        """echo "{\\"choice\\": \\"MongoDB\\", \\"seen\\": \\"$LEAKED/$LEVEL/${#API_KEY}/${HOME:+home}\\"}" """,
        env={"LEVEL": 5},
        pass_env=["API_KEY", "NOT_SET"],
    )

    ballot = await ask(agent, proposal)

    assert ballot.attributes == {"seen": "/5/18/home"}


@pytest.mark.parametrize("status", [0, 1])
async def test_b73_passed_secrets_are_in_no_ballot_and_no_explanation(status, shell, proposal, monkeypatch):
    monkeypatch.setenv("API_KEY", "key-of-the-kingdom")
    line = """echo "{\\"choice\\": \\"x $API_KEY\\", \\"reasoning\\": \\"$API_KEY\\"}"; echo "$API_KEY" >&2; exit """

    given = await ask(shell(f"{line} {status}", pass_env=["API_KEY"]), proposal, retries=0)

    assert "kingdom" not in repr(given)
    assert REMOVED in repr(given)


async def test_python3_means_the_interpreter_that_runs_us(proposal):
    source = "import json, sys; print(json.dumps({'choice': 'MongoDB', 'ran': sys.prefix}))"

    ballot = await ask(Agent("ada", voter="command", settings={"command": ["python3", "-c", source]}), proposal)

    assert ballot.attributes == {"ran": sys.prefix}


async def test_an_explanation_is_short_whatever_was_said(shell, proposal):
    absence = await ask(shell("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1"), proposal, retries=0)

    assert len(absence.explanation) <= 300


async def test_a3_more_json_than_allowed_is_refused(shell, proposal):
    line = """printf '{"choice": "MongoDB", "reasoning": "'; head -c 70000 /dev/zero | tr '\\0' x; echo '"}'"""

    absence = await ask(shell(line, max_output=65536), proposal)

    assert absence.explanation == "it printed more than 65536 bytes and was stopped"


def test_what_is_asked_is_json(proposal):
    assert json.loads(json.dumps(as_asked(Agent("ada"), proposal)))["agent"]["id"] == "ada"

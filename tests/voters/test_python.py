"""Voter `python`: a function's answer is its ballot; one that raises or hangs is an absence and delays nobody."""

import asyncio
import subprocess
import sys
import threading
import time
from textwrap import dedent

import pytest

from maos_flows.model import AbsenceKind, Agent, Ballot
from maos_flows.voters import ask


@pytest.mark.parametrize("word", ["def", "async def"])
async def test_a_function_gets_the_proposal_and_gives_its_ballot(word, function, proposal):
    agent = function(f"{word} vote(asked): return {{'choice': asked['choices'][0], 'reasoning': asked['question']}}")

    ballot = await ask(agent, proposal)

    assert isinstance(ballot, Ballot)
    assert (ballot.choice, ballot.reasoning, ballot.voter) == ("PostgreSQL", "Which database?", "python")


async def test_a_text_is_the_choice(function, proposal):
    assert (await ask(function("def vote(asked): return 'MongoDB'"), proposal)).choice == "MongoDB"


async def test_a_function_is_found_by_its_module(proposal):
    agent = Agent("ada", voter="python", settings={"function": "operator:itemgetter('x').__call__"})
    known = Agent("ada", voter="python", settings={"function": "json:dumps"})

    assert "is no function of operator" in (await ask(agent, proposal)).explanation
    assert (await ask(known, proposal, retries=0)).attributes == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('boom')", "ValueError: boom"),
        ("raise StopIteration", "StopIteration"),
        ("raise SystemExit(3)", "raised SystemExit: 3"),
        ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("import asyncio; raise asyncio.CancelledError", "raised CancelledError"),
        ("return ValueError('boom')", "ValueError: boom"),
        ("return None", "no answer"),
        ("return {}", "an empty answer"),
        ("return ''", "an empty answer"),
        ("return ['MongoDB']", "not a list"),
        ("return True", "not true"),
    ],
)
@pytest.mark.parametrize("word", ["def", "async def"])
async def test_b47_what_raises_or_gives_nothing_has_failed(word, body, said, function, proposal):
    absence = await ask(function(f"{word} vote(asked): {body}"), proposal, retries=0)

    assert absence.kind is AbsenceKind.FAILED
    assert said in absence.explanation


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "names no function"),
        ({"function": "json"}, "names no function"),
        ({"function": "no_such_package.module:vote"}, "no_such_package.module cannot be loaded: ModuleNotFoundError"),
        ({"function": "json:no_such_function"}, "'no_such_function' is no function of json"),
        ({"function": "json:__name__"}, "is no function of json"),
        ({"function": "vote", "path": "/no/such/file.py"}, "there is no file /no/such/file.py"),
        ({"function": "vote", "path": "/etc/passwd"}, "/etc/passwd is not a Python file"),
    ],
)
async def test_a_function_that_is_not_there_is_not_tried_again(settings, said, proposal):
    absence = await ask(Agent("ada", voter="python", settings=settings), proposal, retries=5)

    assert absence.kind is AbsenceKind.FAILED
    assert said in absence.explanation
    assert "asked" not in absence.explanation


async def test_a_file_that_cannot_be_loaded_says_why_each_time(function, proposal):
    agent = function("import no_such_module_anywhere")

    first, second = await ask(agent, proposal), await ask(agent, proposal)

    assert "ada.py cannot be loaded: ModuleNotFoundError" in first.explanation
    assert second.explanation == first.explanation


async def test_a_file_is_loaded_once_for_all_and_again_when_changed(function, proposal, tmp_path):
    agent = function(
        "from itertools import count\nn = count()\ndef vote(asked): return {'choice': 'MongoDB', 'n': next(n)}"
    )

    many = await asyncio.gather(*(ask(agent, proposal) for _ in range(8)))
    (tmp_path / "ada.py").write_text("def vote(asked): return 'PostgreSQL'")
    changed = await ask(agent, proposal)

    assert sorted(ballot.attributes["n"] for ballot in many) == list(range(8))
    assert changed.choice == "PostgreSQL"


async def test_only_what_may_pass_is_tried_again(function, proposal, soon):
    source = """
        from itertools import count
        from maos_flows.voters import PassingError
        calls = count(1)
        def vote(asked):
            if next(calls) < 3:
                raise {}("down")
            return "MongoDB"
        """

    passing = await ask(function(source.format("PassingError")), proposal, backoff=soon)
    refused = await ask(function(source.format("ConnectionRefusedError")), proposal, backoff=soon)
    wrong = await ask(function(source.format("KeyError")), proposal, backoff=soon)

    assert (passing.choice, refused.choice) == ("MongoDB", "MongoDB")
    assert wrong.explanation == "KeyError: 'down'"


async def test_a_timeout_inside_the_function_is_its_failure_and_passes(function, proposal, soon):
    absence = await ask(function("def vote(asked): raise TimeoutError('the model')"), proposal, retries=1, backoff=soon)

    assert absence.kind is AbsenceKind.FAILED
    assert absence.explanation == "asked 2 times: TimeoutError: the model"


@pytest.mark.parametrize("source", ["def vote(asked): time.sleep(60)", "async def vote(asked): time.sleep(60)"])
async def test_b46_a_blocking_function_delays_neither_the_deadline_nor_others(source, function, proposal_within):
    started = time.monotonic()
    proposal = proposal_within(1)

    hung, fine = await asyncio.gather(
        ask(function(f"import time\n{source}", "hung"), proposal),
        ask(function("def vote(asked): return 'MongoDB'", "fine"), proposal),
    )

    assert hung.kind is AbsenceKind.TIMED_OUT
    assert fine.choice == "MongoDB"
    assert fine.seconds < 1
    assert time.monotonic() - started < 3


def test_b46_a_hung_function_does_not_keep_the_interpreter_from_exiting():
    source = """
        import asyncio, time
        from datetime import UTC, datetime, timedelta
        from maos_flows.model import Agent, Proposal
        from maos_flows.voters import ask
        deadline = datetime.now(UTC) + timedelta(seconds=0.2)
        proposal = Proposal("d", "?", ("a", "b"), deadline=deadline)
        agents = [Agent("a", voter="python", settings={"function": "time:sleep_forever"}),
                  Agent("b", voter="python", settings={"function": "threading:Event.wait"})]
        time.sleep_forever = lambda asked: time.sleep(600)
        async def main():
            for absence in await asyncio.gather(*(ask(agent, proposal) for agent in agents)):
                print(absence.agent_id, absence.kind.value)
        asyncio.run(main())
        """

    ended = subprocess.run(
        [sys.executable, "-c", dedent(source)], capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.stdout.splitlines() == ["a timed_out", "b failed"]
    assert ended.stderr == ""
    assert ended.returncode == 0


async def test_a_coroutine_is_cancelled_at_the_deadline(function, proposal_within, tmp_path):
    marker = tmp_path / "cancelled"
    source = f"""
        import asyncio, pathlib
        async def vote(asked):
            try:
                await asyncio.sleep(60)
            finally:
                pathlib.Path({str(marker)!r}).write_text("yes")
        """

    absence = await ask(function(source), proposal_within(1))

    assert absence.kind is AbsenceKind.TIMED_OUT
    for _ in range(200):
        if marker.exists():
            break
        await asyncio.sleep(0.01)
    assert marker.read_text() == "yes"


async def test_a_coroutine_made_too_late_is_cancelled_at_once(function, proposal_within, tmp_path):
    source = f"""
        import asyncio, pathlib, time
        async def answer():
            try:
                await asyncio.sleep(60)
            finally:
                pathlib.Path({str(tmp_path / "cancelled")!r}).write_text("yes")
        def vote(asked):
            time.sleep(0.3)
            return answer()
        """

    absence = await ask(function(source, "late"), proposal_within(0.1))
    for thread in threading.enumerate():
        if thread.name == "voter-late":
            await asyncio.to_thread(thread.join, 5)

    assert absence.kind is AbsenceKind.TIMED_OUT
    assert not any(thread.name == "voter-late" for thread in threading.enumerate())


async def test_what_a_function_changes_is_its_own_copy(function, proposal):
    agent = function("def vote(asked):\n    asked['choices'].clear()\n    return 'MongoDB'")

    ballot = await ask(agent, proposal)

    assert ballot.choice == "MongoDB"
    assert proposal.choices == ("PostgreSQL", "MongoDB")

"""Voter `command`: a local program that gets the proposal as JSON and gives its ballot as JSON."""

import errno
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maos_flows.model import Agent, Proposal
from maos_flows.voters.asked import as_asked
from maos_flows.voters.cleaning import clean, one_line
from maos_flows.voters.failures import LastingError, PassingError
from maos_flows.voters.process import Finished, run
from maos_flows.voters.strict_json import read_json

MAX_OUTPUT_BYTES = 1024 * 1024
"""What a program may print, unless its settings say otherwise."""
INTERPRETER = "python3"
"""As the first word of a command it means the interpreter that runs us, so that no other has to be installed."""
_INHERITED = ("PATH", "HOME", "LANG")
_MAY_PASS = {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETXTBSY}


async def answer(agent: Agent, proposal: Proposal) -> object:
    """Run the agent's program once and read its answer.

    Raises:
        LastingError: It cannot be started, or floods.
        PassingError: It ended with a status other than 0, or printed no JSON.
    """
    command = [str(word) for word in agent.settings.get("command", ())]
    if not command:
        raise LastingError("no command is set")
    cwd = _directory(agent.settings)
    max_output = int(agent.settings.get("max_output", MAX_OUTPUT_BYTES))
    try:
        finished = await run(
            [sys.executable, *command[1:]] if command[0] == INTERPRETER else command,
            given=json.dumps(as_asked(agent, proposal)).encode() + b"\n",
            cwd=cwd,
            environment=environment(agent.settings),
            max_output=max_output,
        )
    except OSError as error:
        raise _not_started(command[0], error) from error
    except ValueError as error:
        raise LastingError(f"the command cannot be run: {error}") from error
    _check(finished, max_output)
    return read_json(finished.output)


def environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """Give a program's environment: PATH, HOME, LANG, the variables it is said to get, and those set for it."""
    names = (*_INHERITED, *settings.get("pass_env", ()))
    inherited = {name: os.environ[name] for name in names if name in os.environ}
    return inherited | {str(name): str(value) for name, value in settings.get("env", {}).items()}


def _directory(settings: Mapping[str, Any]) -> str | None:
    cwd = settings.get("cwd")
    if cwd is not None and not Path(cwd).is_dir():
        raise LastingError(f"there is no directory {cwd}")
    return None if cwd is None else str(cwd)


def _not_started(program: str, error: OSError) -> LastingError | PassingError:
    if error.errno in _MAY_PASS:
        return PassingError(f"{program} could not be started just now: {error.strerror}")
    return LastingError(f"{program} cannot be started: {error.strerror}")


def _check(finished: Finished, max_output: int) -> None:
    if finished.flooded:
        raise LastingError(f"it printed more than {max_output} bytes and was stopped")
    if finished.status == 0:
        return
    lines = clean(finished.error_tail).strip().splitlines()
    said = f": {one_line(' | '.join(lines[-3:]))}" if lines else ", saying nothing on stderr"
    if finished.status < 0:
        raise PassingError(f"it was ended by {_signal_name(-finished.status)}{said}")
    raise PassingError(f"it ended with status {finished.status}{said}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

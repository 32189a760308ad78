"""Reaching: whether an agent's voter could answer now, without asking it anything."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from maos_flows.model import Agent
from maos_flows.model_settings import key_variables
from maos_flows.voters.cleaning import clean, one_line, scrubber
from maos_flows.voters.command import INTERPRETER, environment
from maos_flows.voters.failures import LastingError, MalformedError, VoterError
from maos_flows.voters.http_exchange import exchange
from maos_flows.voters.http_protocol import health_url
from maos_flows.voters.python import find_function
from maos_flows.voters.strict_json import read_json
from maos_flows.voters.threads import in_daemon_thread


@dataclass(frozen=True, slots=True)
class Reached:
    """Whether an agent's voter can be reached.

    Attributes:
        agent_id: The agent.
        voter: The kind of its voter.
        is_reachable: Whether it can.
        found: What was found, or why it cannot, in a line.
    """

    agent_id: str
    voter: str
    is_reachable: bool
    found: str


async def reach_all(agents: Sequence[Agent], *, timeout_seconds: float) -> tuple[Reached, ...]:
    """Look at all agents' voters at once, each for at most so long; none of it raises."""
    return tuple(await asyncio.gather(*(_reach(agent, timeout_seconds) for agent in agents)))


async def _reach(agent: Agent, timeout_seconds: float) -> Reached:
    try:
        async with asyncio.timeout(timeout_seconds):
            is_reachable, found = True, await _found(agent)
    except TimeoutError:
        is_reachable, found = False, f"nothing within {timeout_seconds:g} s"
    except VoterError as error:
        is_reachable, found = False, str(error)
    except Exception as error:  # noqa: BLE001 - a user's module may raise anything when it is loaded
        is_reachable, found = False, f"{type(error).__name__}: {error}"
    return Reached(agent.id, agent.voter, is_reachable, one_line(scrubber(agent.settings)(clean(found))))


async def _found(agent: Agent) -> str:
    """Say what was found.

    Raises:
        VoterError: It cannot be reached; says why.
    """
    match agent.voter:
        case "http":
            return await _healthy(agent)
        case "command":
            return _program(agent)
        case "python":
            await in_daemon_thread(lambda: find_function(agent.settings), name=f"look-{agent.id}")
            return f"{agent.settings['function']} is there"
        case "model":
            return _provider(agent)
        case "recorded":
            return _file(Path(str(agent.settings["path"])))
        case "human":
            return "a person, who is asked when there is something to answer"
        case _:
            return "a generator, always there"


async def _healthy(agent: Agent) -> str:
    """Ask an agent behind a URL how it is, and check that it is the one the roster means."""
    url = health_url(str(agent.settings["url"]))
    said = read_json(await exchange("GET", url, agent.settings))
    if not isinstance(said, dict) or said.get("status") != "ok":
        raise MalformedError(f"{url} does not say that it is well")
    if said.get("agent") != agent.id:
        raise LastingError(f"at {url} is another agent: {str(said.get('agent'))[:64]!r}")
    if agent.public_key is not None and said.get("public_key") != agent.public_key:
        raise LastingError(f"at {url} it has another key than the roster says")
    return f"well at {url}"


def _program(agent: Agent) -> str:
    program = str(agent.settings["command"][0])
    if program == INTERPRETER:
        return f"{INTERPRETER}, which runs us"
    path = environment(agent.settings).get("PATH", os.defpath)
    cwd = Path(str(agent.settings.get("cwd") or "."))
    found = shutil.which(str(cwd / program) if os.sep in program else program, path=path)
    if found is None:
        raise LastingError(f"there is no program {program}")
    return found


def _provider(agent: Agent) -> str:
    if find_spec("pydantic_ai") is None:
        raise LastingError("pydantic-ai is not installed: pip install 'maos-flows[models]'")
    provider = str(agent.settings["model"]).partition(":")[0]
    own = agent.settings.get("api_key_env")
    names = (str(own),) if own else key_variables(provider)
    present = [name for name in names if os.environ.get(name)]
    if not present and not agent.settings.get("base_url"):
        raise LastingError(f"no key of {provider} is in the environment: {' or '.join(names)}")
    return f"{present[0]} is set" if present else f"at {agent.settings['base_url']}, without a key"


def _file(path: Path) -> str:
    if not path.is_file():
        raise LastingError(f"there is no file {path}")
    return str(path)

"""Serving an agent: what is asked for is checked, then it answers until it is told to end."""

import asyncio
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from pydantic import BaseModel, ConfigDict

from maos_flows.agent_server.answering import Answering
from maos_flows.agent_server.app import Bounds, create_app
from maos_flows.agent_server.given import GivenBallots
from maos_flows.config import settings_from
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import read
from maos_flows.keys import key_in, key_path
from maos_flows.model import Agent
from maos_flows.signing import SigningKey
from maos_flows.strict_yaml import load
from maos_flows.text_types import AgentId
from maos_flows.voter_settings import Voter

CANNOT_BE_SERVED = ("http", "human")
_GRACE_SECONDS = 10
_MOST_CONNECTIONS = 256
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served, and how.

    Attributes:
        agent_id: The agent.
        voter: Its voter, as a roster writes it: a kind, or a mapping in YAML or JSON.
        host: The address to listen at.
        port: The port; 0 for any that is free.
        key_file: Where its key is; by default in the home.
        token_env: The variable that holds the token requests must bear.
        timeout_seconds: How long the voter may take for one attempt.
        at_once: How many questions are answered at the same time.
        max_body: How many bytes a question may have.
    """

    agent_id: str
    voter: str
    host: str = "127.0.0.1"
    port: int = 0
    key_file: Path | None = None
    token_env: str = ""
    timeout_seconds: float = 60.0
    at_once: int = 8
    max_body: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where an agent answers, and its public key."""

    url: str
    public_key: str


class _AgentForm(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: AgentId
    voter: Voter


def key_of(agent_id: str, key_file: Path | None) -> tuple[SigningKey, Path]:
    """Give the key of an agent that is served, made if there is none, and its file.

    Raises:
        StoreError: It can be neither read nor kept, or is another agent's.
    """
    path = key_file or key_path(settings_from(os.environ).home / "agents", agent_id)
    return key_in(path, agent_id), path


def serve(serving: Serving, *, tell: Callable[[Address], None], log: Callable[[str], None]) -> None:
    """Serve an agent until SIGTERM or SIGINT comes; what is being answered then has ten seconds to end.

    Args:
        serving: What is served.
        tell: Told where, once it answers.
        log: Takes one line for each request.

    Raises:
        ConfigurationError: It cannot be served so; names every problem.
        StoreError: Its key, or its ballots, cannot be kept, or another process serves it.
    """
    agent = _agent(serving)
    token = _token(serving, os.environ)
    key, path = key_of(agent.id, serving.key_file)
    listening = _listening(serving)
    given = GivenBallots(path.with_name(f"{path.name}.given"))
    try:
        hosts = () if token else _THIS_MACHINE
        answering = Answering(agent, key, given, timeout_seconds=serving.timeout_seconds, at_once=serving.at_once)
        app = create_app(answering, Bounds(token, hosts, serving.max_body), log)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        tell(Address(f"http://{shown}:{port}/ballot", key.public))
        for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them anew once it has ended: it has by then
            signal.signal(number, lambda *_: None)
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
    finally:
        listening.close()
        given.close()


def _agent(serving: Serving) -> Agent:
    said = {"id": serving.agent_id, "voter": load(serving.voter, source="--voter")}
    form = read(_AgentForm, said)
    if form.voter.kind in CANNOT_BE_SERVED:
        message = f"an agent whose voter is {form.voter.kind} cannot be put behind a URL"
        raise ConfigurationError([Problem("--voter", message)])
    return Agent(form.id, voter=form.voter.kind, settings=form.voter.settings(Path.cwd()))


def _token(serving: Serving, environ: Mapping[str, str]) -> str:
    """Read the token. Without one, the agent is served to this machine alone."""
    if serving.token_env:
        token = environ.get(serving.token_env, "")
        if not token or not (token.isascii() and token.isprintable()) or " " in token:
            message = f"the variable {serving.token_env} holds no token; it is text without spaces"
            raise ConfigurationError([Problem("--token-env", message)])
        return token
    if not _is_loopback(serving.host):
        message = f"{serving.host} can be reached from elsewhere, so a token is needed: name its variable"
        raise ConfigurationError([Problem("--token-env", message)])
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(serving: Serving) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
        return socket.create_server((serving.host, serving.port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        message = f"cannot listen on {serving.host} port {serving.port}: {error}"
        raise ConfigurationError([Problem("--port", message)]) from error

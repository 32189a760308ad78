"""Agents behind URLs for tests: a server that says what it is told to, and remembers what it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from maos_flows.agreement.binding import claims_of, detail_of
from maos_flows.model import Agent, Ballot, Proposal
from maos_flows.signing import SigningKey
from maos_flows.voters.answer import read_answer
from maos_flows.voters.cleaning import scrubber

ANSWER = {"choice": "MongoDB", "confidence": 0.85, "reasoning": "It scales.", "evidence": ["a"], "attributes": {"x": 1}}
JSON = {"Content-Type": "application/json"}


@dataclass
class Asked:
    """One request as it arrived."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


@dataclass
class Remote:
    """A server's address and what it was asked."""

    port: int
    asked: list[Asked] = field(default_factory=list)

    def agent(self, *, public_key: str | None = None, **settings: Any) -> Agent:
        url = f"http://127.0.0.1:{self.port}/ada/ballot"
        own = {"url": url, "allow_private": True, **settings}
        return Agent("ada", voter="http", public_key=public_key, settings=own)


def response(status: int = 200, body: object = None, **headers: str) -> bytes:
    """Write an answer; `_` in a header's name stands for `-`."""
    content = body if isinstance(body, bytes) else json.dumps(ANSWER if body is None else body).encode()
    lines = {
        "Content-Length": str(len(content)),
        **JSON,
        **{name.replace("_", "-"): at for name, at in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} So\r\n{head}\r\n".encode() + content


Respond = Callable[[Asked], bytes | None]


@asynccontextmanager
async def serving(*replies: bytes | Respond | None, tls: SSLContext | None = None) -> AsyncIterator[Remote]:
    """Serve replies one after the other, the last one again and again; None says nothing and keeps the line open."""
    handlers: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            remote.asked.append(Asked(head[0], headers, body))
            reply = replies[min(len(remote.asked), len(replies)) - 1]
            said = reply(remote.asked[-1]) if callable(reply) else reply
            if said is None:
                await reader.read()
                return
            writer.write(said)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    remote = Remote(server.sockets[0].getsockname()[1])
    try:
        yield remote
    finally:
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def signed(key: SigningKey, proposal: Proposal, answer: Mapping[str, Any] = ANSWER, **claims: Any) -> dict[str, Any]:
    """Sign an answer as an agent does; claims given go before those it should have."""
    read = read_answer(answer, scrub=scrubber({}))
    ballot = Ballot(
        proposal.decision_id,
        "ada",
        read.choice,
        confidence=read.confidence,
        reasoning=read.reasoning,
        evidence=read.evidence,
        risk=read.risk,
        veto=read.veto,
        attributes=read.attributes,
    )
    own = {"agent_id": "ada", "choice": ballot.choice, "detail": detail_of(ballot)}
    return {**answer, "signature": key.sign("ballot", {**claims_of(proposal), **own, **claims})}

"""The agent server's application: authenticates, bounds and logs requests, and turns outcomes into statuses."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maos_flows.agent_server.answering import Answering, BusyNowError, NoBallotError, OtherQuestionError
from maos_flows.agent_server.openapi import openapi
from maos_flows.agent_server.questions import NotOursError, read_question
from maos_flows.errors import MaosError
from maos_flows.voters.failures import MalformedError
from maos_flows.voters.http_protocol import VERSION, VERSION_HEADER, VERSIONS

BODY_SECONDS = 10.0
"""How long a request may take to arrive."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What requests may do.

    Attributes:
        token: What they must bear; empty if they need not.
        hosts: The names they may have asked for; empty if any.
        max_body: How many bytes they may have.
    """

    token: str = ""
    hosts: tuple[str, ...] = ()
    max_body: int = 4 * 1024 * 1024


class RefusedError(MaosError):
    """A request that is not let in, with its status."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def create_app(answering: Answering, bounds: Bounds, log: Callable[[str], None]) -> ASGIApp:
    """Make the application of one agent.

    Args:
        answering: Who answers.
        bounds: What requests may do.
        log: Takes one line for each request, without anything that was asked or answered.
    """

    async def ballot(request: Request) -> Response:
        _check_form(request)
        body = await _body(request, bounds.max_body)
        return JSONResponse(await answering.answer(read_question(body, answering.agent)))

    async def health(request: Request) -> Response:
        del request
        return JSONResponse(
            {
                "status": "ok",
                "protocol": VERSIONS[-1],
                "agent": answering.agent.id,
                "voter": answering.agent.voter,
                "public_key": answering.key.public,
                "under_way": answering.under_way,
            }
        )

    async def description(request: Request) -> Response:
        del request
        return JSONResponse(openapi())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        await answering.stop()

    app = Starlette(
        routes=[
            Route("/ballot", _guarded(ballot, bounds), methods=["POST"]),
            Route("/health", _guarded(health, bounds), methods=["GET"]),
            Route("/openapi.json", _guarded(description, bounds), methods=["GET"]),
        ],
        lifespan=lifespan,
    )
    return _logged(app, log)


_Endpoint = Callable[[Request], Awaitable[Response]]


def _guarded(endpoint: _Endpoint, bounds: Bounds) -> _Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            _check_host(request, bounds)
            _check_token(request, bounds)
            response = await endpoint(request)
        except MaosError as error:
            response = _refused(error)
        response.headers[VERSION_HEADER] = str(_spoken(request) or VERSIONS[-1])
        return response

    return guarded


def _check_host(request: Request, bounds: Bounds) -> None:
    """Refuse a name that is not this machine's, where no token is asked for: a web page may have led here."""
    if bounds.hosts and request.url.hostname not in bounds.hosts:
        raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "this server goes by another name")


def _check_token(request: Request, bounds: Bounds) -> None:
    given = request.headers.get("Authorization", "").encode("latin-1", errors="replace")
    if bounds.token and not hmac.compare_digest(given, f"Bearer {bounds.token}".encode()):
        raise RefusedError(HTTPStatus.UNAUTHORIZED, "the token is missing or wrong")


def _check_form(request: Request) -> None:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a question is application/json")
    if _spoken(request) is None:
        known = " and ".join(map(str, VERSIONS))
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"these are versions {known} of the protocol")


def _spoken(request: Request) -> int | None:
    """Give the version a request is made under, the first if it does not say; None if nobody here speaks it."""
    said = request.headers.get(VERSION_HEADER, str(VERSION))
    return next((version for version in VERSIONS if said == str(version)), None)


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a question has at most {most} bytes")
    except TimeoutError as error:
        raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "the question did not arrive in time") from error
    except ClientDisconnect as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the question broke off") from error
    return bytes(body)


def _refused(error: MaosError) -> Response:
    headers: dict[str, str] = {}
    match error:
        case RefusedError():
            status = error.status
            if status is HTTPStatus.UNAUTHORIZED:
                headers["WWW-Authenticate"] = "Bearer"
        case NotOursError() | OtherQuestionError():
            status = HTTPStatus.CONFLICT
        case MalformedError():
            status = HTTPStatus.BAD_REQUEST
        case BusyNowError():
            status = HTTPStatus.TOO_MANY_REQUESTS
            headers["Retry-After"] = "1"
        case NoBallotError() if error.is_late:
            status = HTTPStatus.GATEWAY_TIMEOUT
        case _:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
    return JSONResponse({"error": str(error)}, status_code=status, headers=headers)


def _logged(app: ASGIApp, log: Callable[[str], None]) -> ASGIApp:
    """Log a line for each request: who, what, status and time. The path is one of ours, or is not shown."""

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, noting)
        finally:
            client: Any = scope.get("client") or ("?",)
            path = scope["path"] if scope["path"] in {"/ballot", "/health", "/openapi.json"} else "(another path)"
            method = scope["method"] if scope["method"] in {"GET", "POST", "HEAD", "OPTIONS"} else "(another)"
            log(f"{client[0]} {method} {path} {status or 'broken off'} {time.monotonic() - started:.3f} s")

    return logged

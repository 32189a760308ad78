"""One exchange with an agent behind a URL, bounded in where it leads, in time and in size.

The name is resolved once, every address it has is judged, and the connection goes to an address that was judged: a
name that means something else a moment later leads nowhere (DNS rebinding). Redirects are not followed.
"""

import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import httpx

from maos_flows.addresses import literal_address, refusal_of
from maos_flows.voters.cleaning import clean, one_line
from maos_flows.voters.failures import BusyError, LastingError, PassingError
from maos_flows.voters.http_protocol import VERSION, VERSION_HEADER
from maos_flows.voters.threads import in_daemon_thread

MAX_ANSWER_BYTES = 1024 * 1024
"""What an agent may answer, unless its settings say otherwise."""
CONNECT_SECONDS = 5.0
"""How long connecting may take, unless settings say otherwise; the rest is bounded by the attempt's time."""

_MAY_PASS = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_SAID_BYTES = 2048
"""How much of a refusal's text is read."""
_JSON = "application/json"


async def exchange(
    method: str, url: str, settings: Mapping[str, Any], *, body: bytes | None = None, version: int = VERSION
) -> bytes:
    """Send a request and give the body of the answer, which is JSON and not larger than allowed.

    Args:
        method: GET or POST.
        url: The agent's address.
        settings: Its voter's: `token_env`, `allow_private`, `use_proxy`, `max_answer`, `connect_timeout`, `ca_file`.
        body: JSON.
        version: The version of the protocol it is asked under.

    Raises:
        PassingError: It cannot be reached just now, the connection broke, or it said to come again (429, 502 to 504).
        LastingError: It may not be asked there, refused, redirected, flooded, or answered something else than JSON.
    """
    address = httpx.URL(url)
    headers = {"Accept": _JSON, "Accept-Encoding": "identity", VERSION_HEADER: str(version), **_token(settings)}
    if body is not None:
        headers["Content-Type"] = _JSON
    unreached: PassingError | None = None
    for target in await _targets(address, settings):
        request = httpx.Request(
            method,
            target,
            headers={"Host": address.netloc.decode(), **headers},
            content=body,
            extensions={} if literal_address(address.host) else {"sni_hostname": address.raw_host.decode()},
        )
        try:
            async with _sent(request, settings) as response:
                return await _read(response, int(settings.get("max_answer", MAX_ANSWER_BYTES)), version)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            unreached = _not_connected(address, error)
        except httpx.HTTPError as error:
            raise PassingError(f"the connection to {address.host} broke: {_named(error)}") from error
    assert unreached is not None
    raise unreached


@asynccontextmanager
async def _sent(request: httpx.Request, settings: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
    """Send a request on a connection of its own; whoever leaves closes it, read or not."""
    timeout = httpx.Timeout(None, connect=float(settings.get("connect_timeout", CONNECT_SECONDS)))
    by_proxy = bool(settings.get("use_proxy"))
    async with httpx.AsyncClient(verify=_tls(settings.get("ca_file")), trust_env=by_proxy, timeout=timeout) as client:
        response = await client.send(request, stream=True, auth=None, follow_redirects=False)
        try:
            yield response
        finally:
            await response.aclose()


async def _targets(url: httpx.URL, settings: Mapping[str, Any]) -> list[httpx.URL]:
    """Give the addresses to connect to, in order; through a proxy it is the proxy that resolves names."""
    allow_private = bool(settings.get("allow_private"))
    if settings.get("use_proxy") and literal_address(url.host) is None:
        return [url]
    found = await _resolved(url)
    for address in found:
        why = refusal_of(address, allow_private=allow_private)
        if why is not None:
            raise LastingError(f"{url.host} is not asked: {why}")
    return [url.copy_with(host=address) for address in found]


async def _resolved(url: httpx.URL) -> list[str]:
    host, port = url.raw_host.decode().strip("[]"), url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await in_daemon_thread(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), name=f"resolve-{host[:40]}"
        )
    except (socket.gaierror, UnicodeError) as error:
        words = f"the name {host[:100]} cannot be resolved: {error}"
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
            raise PassingError(words) from error
        raise LastingError(words) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _token(settings: Mapping[str, Any]) -> dict[str, str]:
    """Give the header that authenticates us; the token is read when it is needed and kept nowhere."""
    name = settings.get("token_env")
    if name is None:
        return {}
    token = os.environ.get(name, "")
    if not token:
        raise LastingError(f"the variable {name}, which is to hold its token, is not set")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise LastingError(f"the variable {name} holds no token: it has spaces or characters that cannot be sent")
    return {"Authorization": f"Bearer {token}"}


@lru_cache(maxsize=32)
def _tls(ca_file: str | None) -> ssl.SSLContext:
    """Give what certificates are checked with: the usual authorities, or those of a file. Made once, for it is slow."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise LastingError(f"the certificates in {ca_file} cannot be read: {error}") from error


async def _read(response: httpx.Response, most: int, version: int) -> bytes:
    status = response.status_code
    if status != HTTPStatus.OK:
        raise await _refusal(response)
    if response.headers.get(VERSION_HEADER, str(version)) != str(version):
        spoken = one_line(clean(response.headers[VERSION_HEADER]), most=20)
        raise LastingError(f"it speaks version {spoken} of the protocol; this is version {version}")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise LastingError(f"it answered {one_line(clean(kind), most=60) or 'something'} instead of {_JSON}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise LastingError("it answered in a compressed form, which was not asked for")
    body = await _at_most(response, most)
    if len(body) > most:
        raise LastingError(f"it answered more than {most} bytes")
    return body


async def _at_most(response: httpx.Response, most: int) -> bytes:
    """Read a body until it is over, or beyond what is allowed by no more than a piece."""
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > most:
            break
    return bytes(body)


async def _refusal(response: httpx.Response) -> PassingError | LastingError:
    """Read an answer that is none: a status that may pass, with when to come again, or one that lasts."""
    status = response.status_code
    if response.is_redirect:
        return LastingError(f"it redirects ({status}), and redirects are not followed")
    said = one_line(clean((await _at_most(response, _SAID_BYTES))[:_SAID_BYTES].decode(errors="replace")), most=200)
    words = f"it answered {status} {_phrase(status)}{f': {said}' if said else ''}"
    if status in _MAY_PASS:
        return BusyError(words, _retry_after(response.headers.get("Retry-After", "")))
    return LastingError(words)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(no known status)"


def _retry_after(text: str) -> float:
    """Read when to come again (RFC 9110 section 10.2.3): seconds from now; 0 if it does not say."""
    if text.strip().isdecimal() and text.isascii():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())


def _not_connected(url: httpx.URL, error: httpx.TransportError) -> PassingError:
    """Say why there is no connection; a certificate that is not right does not get right by asking again."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            raise LastingError(f"{url.host} cannot prove to be itself: {cause}") from error
        cause = cause.__cause__ or cause.__context__
    return PassingError(f"no connection to {url.host} on port {url.port or url.scheme}: {_named(error)}")


def _named(error: Exception) -> str:
    return f"{error}" or type(error).__name__

"""Prefect's API over plain HTTP, for commands that must answer before `import prefect` would have ended."""

import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from maos_flows.errors import ConfigurationError, Problem, ServerError

_BUSY = {429, 502, 503, 504}
"""Answers after which a server is asked again: on SQLite it says 503 whenever two of its writes meet."""

_BUSY_SECONDS = 20
_FIRST_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Prefect server is, and what it wants to see before it answers.

    Attributes:
        url: Its API, such as `http://127.0.0.1:4200/api`.
        api_key: The key of Prefect Cloud.
        auth_string: `user:password` of a server that asks for it.
        certificate: A file of certificates to trust instead of the usual ones.
        ui: Where people look at it, if that is not beside the API.
    """

    url: str
    api_key: str = field(default="", repr=False)
    auth_string: str = field(default="", repr=False)
    certificate: str = ""
    ui: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which Prefect finds it."""
        named = {
            "PREFECT_API_URL": self.url,
            "PREFECT_API_KEY": self.api_key,
            "PREFECT_API_AUTH_STRING": self.auth_string,
            "PREFECT_API_SSL_CERT_FILE": self.certificate,
        }
        return {name: value for name, value in named.items() if value}

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return urlsplit(self.url).hostname in {"127.0.0.1", "localhost", "::1"}

    def page(self, path: str) -> str:
        """Give the address of a page of its UI."""
        ui = self.ui or self.url.removesuffix("/api")
        if "api.prefect.cloud" in ui:
            ui = ui.replace("api.prefect.cloud/api/accounts", "app.prefect.cloud/account")
            ui = ui.replace("workspaces", "workspace")
        return f"{ui.rstrip('/')}/{path}"


def configured_address(environ: Mapping[str, str]) -> Address | None:
    """Give the server that the environment or Prefect's active profile names; None if neither does.

    Raises:
        ConfigurationError: What they name is no address.
    """
    named = {**_active_profile(environ), **{name: value for name, value in environ.items() if value}}
    url = named.get("PREFECT_API_URL", "").rstrip("/")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError([Problem("PREFECT_API_URL", f"{url!r:.80} is no address like http://HOST:4200/api")])
    return Address(
        url,
        named.get("PREFECT_API_KEY", ""),
        named.get("PREFECT_API_AUTH_STRING", ""),
        named.get("PREFECT_API_SSL_CERT_FILE", ""),
        named.get("PREFECT_UI_URL", ""),
    )


def _active_profile(environ: Mapping[str, str]) -> dict[str, str]:
    """Read Prefect's active profile; one that cannot be read names nothing, and Prefect itself complains of it."""
    home = Path(environ.get("PREFECT_HOME") or Path(environ.get("HOME") or Path.home()) / ".prefect").expanduser()
    path = Path(environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml").expanduser()
    if not path.exists():
        return {}
    import tomllib  # noqa: PLC0415 - it costs 20 ms, and there is seldom a profile

    with suppress(OSError, tomllib.TOMLDecodeError):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        profile = document.get("profiles", {}).get(environ.get("PREFECT_PROFILE") or document.get("active"), {})
        return {name: str(value) for name, value in profile.items()}
    return {}


class PrefectApi:
    """Asks one Prefect server; every failure is a `ServerError` of one line."""

    def __init__(self, address: Address, *, timeout_seconds: float = 10) -> None:
        self.address = address
        self._timeout = timeout_seconds
        self._client = str(uuid4())
        self._token: str | None = None
        self._answered_at: datetime | None = None
        self._opener = _opener(address)

    def get(self, path: str) -> Any:
        """Read something.

        Raises:
            ServerError: The server cannot be reached or refuses; its `status` tells which.
        """
        return self._ask("GET", path, None)

    def find(self, path: str) -> Any | None:
        """Read something that may not be there; None if it is not.

        Raises:
            ServerError: The server cannot be reached or refuses.
        """
        try:
            return self.get(path)
        except ServerError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make or ask for something.

        Raises:
            ServerError: The server cannot be reached or refuses.
        """
        return self._ask("POST", path, body)

    def answered_at(self) -> datetime | None:
        """Give the server's time when it answered last, to the second; None if it does not tell."""
        return self._answered_at

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            return self._ask_once(method, path, body)
        except ServerError as error:
            if error.status not in _BUSY:
                raise
        return self._ask_again(method, path, body)

    def _ask_again(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        import tenacity  # noqa: PLC0415 - it costs 50 ms, and a server is rarely busy

        busy = tenacity.retry_if_exception(lambda error: isinstance(error, ServerError) and error.status in _BUSY)
        waiting = tenacity.wait_random_exponential(multiplier=0.1, max=1)
        stop = tenacity.stop_after_delay(_BUSY_SECONDS)
        time.sleep(_FIRST_PAUSE_SECONDS)
        return tenacity.Retrying(stop=stop, wait=waiting, retry=busy, reraise=True)(self._ask_once, method, path, body)

    def _ask_once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            return self._send(method, path, body)
        except ServerError as error:
            if error.status != HTTPStatus.FORBIDDEN or self._token is not None or method == "GET":
                raise
        # It may want proof that no web page speaks through a browser, and gives that proof to whoever can read it.
        self._token = self._send("GET", f"/csrf-token?client={self._client}", None)["token"]
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address.url}{path}", data=data, method=method, headers=self._headers())  # noqa: S310 - checked to be http or https
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                text = answer.read()
                self._answered_at = _instant(answer.headers.get("Date"))
            return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            raise ServerError(f"the Prefect server {self.address.url} {_refusal(error)}", status=error.code) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ServerError(f"the Prefect server {self.address.url} cannot be reached: {reason}") from error
        except ValueError as error:
            raise ServerError(f"{self.address.url} does not answer like a Prefect server") from error

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.address.api_key:
            headers["Authorization"] = f"Bearer {self.address.api_key}"
        elif self.address.auth_string:
            encoded = base64.b64encode(self.address.auth_string.encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
        if self._token is not None:
            headers |= {"Prefect-Csrf-Token": self._token, "Prefect-Csrf-Client": self._client}
        return headers


def _opener(address: Address) -> urllib.request.OpenerDirector:
    """Make what opens connections: no proxy stands between us and our own machine."""
    handlers: list[urllib.request.BaseHandler] = []
    if address.is_local:
        handlers.append(urllib.request.ProxyHandler({}))
    if address.url.startswith("https:") and address.certificate:
        if not os.access(address.certificate, os.R_OK):
            raise ConfigurationError([Problem("PREFECT_API_SSL_CERT_FILE", f"{address.certificate} cannot be read")])
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=address.certificate)))
    return urllib.request.build_opener(*handlers)


def _instant(text: str | None) -> datetime | None:
    with suppress(ValueError):
        return parsedate_to_datetime(text) if text else None
    return None


def _refusal(error: urllib.error.HTTPError) -> str:
    """Say in one line what a server answered."""
    said = ""
    with suppress(OSError, ValueError):
        body = json.loads(error.read(10_000))
        detail = body.get("detail", body) if isinstance(body, dict) else body
        said = detail if isinstance(detail, str) else json.dumps(detail)
    if error.code == HTTPStatus.UNAUTHORIZED:
        return "wants to know who asks: set PREFECT_API_AUTH_STRING or PREFECT_API_KEY"
    return f"answered {error.code}: {' '.join(said.split())[:300] or error.reason}"

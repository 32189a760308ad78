"""Prefect's API over plain HTTP: who is asked, with what, and what is made of the answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from maos_flows.errors import ConfigurationError, ServerError
from maos_flows.flows.api import Address, PrefectApi, configured_address


class Stand(ThreadingHTTPServer):
    """A server that answers from a list, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def address(self) -> Address:
        return Address(f"http://127.0.0.1:{self.server_port}/api")


class Answering(BaseHTTPRequestHandler):
    server: Stand

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        status, body = self.server.answers.pop(0)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the name http.server calls

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def stand() -> Iterator[Stand]:
    server = Stand()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_busy_server_is_asked_again(stand):
    stand.answers = [(503, {}), (503, {}), (200, {"id": "x"})]

    assert PrefectApi(stand.address).post("/flows/", {"name": "f"}) == {"id": "x"}
    assert len(stand.asked) == 3


def test_a_server_that_wants_a_token_gets_one(stand):
    stand.answers = [(403, {"detail": "Missing CSRF token."}), (200, {"token": "t"}), (200, 1), (200, 2)]
    api = PrefectApi(stand.address)
    made = (api.post("/flows/", {}), api.post("/flows/", {}))

    assert made == (1, 2)
    assert [headers.get("Prefect-Csrf-Token") for _, _, headers in stand.asked] == [None, None, "t", "t"]


def test_what_is_not_there_is_none(stand):
    stand.answers = [(404, {"detail": "Not Found"})]

    assert PrefectApi(stand.address).find("/flow_runs/x") is None


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, {"detail": "Unauthorized"}), "wants to know who asks: set PREFECT_API_AUTH_STRING or PREFECT_API_KEY"),
        ((422, {"detail": "no such\nthing"}), "answered 422: no such thing"),
        ((409, [1]), r"answered 409: \[1\]"),
        ((500, b"<html>"), "answered 500: Internal Server Error"),
        ((200, b"<html>"), "does not answer like a Prefect server"),
    ],
)
def test_what_a_server_refuses_is_one_clear_line(stand, answer, told):
    stand.answers = [answer]

    with pytest.raises(ServerError, match=told) as raised:
        PrefectApi(stand.address).find("/x")
    assert "\n" not in str(raised.value)


def test_a_server_that_is_not_there_is_one_clear_line():
    with pytest.raises(ServerError, match=r"the Prefect server http://127\.0\.0\.1:1/api cannot be reached") as raised:
        PrefectApi(Address("http://127.0.0.1:1/api")).get("/health")
    assert raised.value.status is None


@pytest.mark.parametrize(
    ("address", "header"),
    [({"auth_string": "ana:secret"}, "Basic YW5hOnNlY3JldA=="), ({"api_key": "pnu_1"}, "Bearer pnu_1")],
)
def test_a_server_is_told_who_asks(stand, address, header):
    stand.answers = [(200, True)]
    PrefectApi(Address(stand.address.url, **address)).get("/health")

    assert stand.asked[0][2]["Authorization"] == header


def test_secrets_are_not_shown():
    address = Address("http://h/api", api_key="pnu_1", auth_string="ana:secret")

    assert "pnu_1" not in repr(address)
    assert "secret" not in repr(address)


def test_a_server_tells_its_time(stand):
    stand.answers = [(200, True)]
    api = PrefectApi(stand.address)
    before = api.answered_at()
    api.get("/health")

    assert before is None
    assert api.answered_at() is not None


def test_a_certificate_that_is_not_there_is_refused():
    with pytest.raises(ConfigurationError, match="PREFECT_API_SSL_CERT_FILE"):
        PrefectApi(Address("https://h/api", certificate="/no/such/file"))


@pytest.mark.parametrize(
    ("address", "page"),
    [
        (Address("http://127.0.0.1:4200/api"), "http://127.0.0.1:4200/runs/x"),
        (Address("http://h/api", ui="https://ui.example/"), "https://ui.example/runs/x"),
        (
            Address("https://api.prefect.cloud/api/accounts/a/workspaces/w"),
            "https://app.prefect.cloud/account/a/workspace/w/runs/x",
        ),
    ],
)
def test_pages_are_those_of_the_ui(address, page):
    assert address.page("runs/x") == page


class TestConfigured:
    PROFILES = 'active = "work"\n[profiles.work]\nPREFECT_API_URL = "http://profile/api"\nPREFECT_API_KEY = "k"\n'

    @pytest.fixture
    def environ(self, tmp_path) -> dict[str, str]:
        (tmp_path / "profiles.toml").write_text(self.PROFILES)
        return {"PREFECT_HOME": str(tmp_path), "HOME": str(tmp_path)}

    def test_the_environment_comes_before_the_profile(self, environ):
        found = configured_address({**environ, "PREFECT_API_URL": "http://environment/api/"})

        assert found == Address("http://environment/api", api_key="k")

    def test_the_active_profile_counts(self, environ):
        assert configured_address(environ) == Address("http://profile/api", api_key="k")

    def test_a_profile_that_is_not_there_names_no_server(self, environ):
        assert configured_address({**environ, "PREFECT_PROFILE": "other"}) is None

    def test_a_broken_file_of_profiles_names_no_server(self, environ, tmp_path):
        (tmp_path / "profiles.toml").write_text("][")

        assert configured_address(environ) is None

    @pytest.mark.parametrize("url", ["localhost:4200", "ftp://h/api", "http://"])
    def test_an_address_that_is_none_is_refused(self, url, tmp_path):
        with pytest.raises(ConfigurationError, match="PREFECT_API_URL"):
            configured_address({"PREFECT_API_URL": url, "HOME": str(tmp_path)})

    def test_what_prefect_needs_to_find_it_is_passed_on(self):
        address = Address("https://h/api", api_key="k", certificate="/c.pem")

        assert address.environment == {
            "PREFECT_API_URL": "https://h/api",
            "PREFECT_API_KEY": "k",
            "PREFECT_API_SSL_CERT_FILE": "/c.pem",
        }

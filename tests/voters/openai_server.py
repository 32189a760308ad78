"""A local server that speaks OpenAI's Chat Completions, or whatever a test has it say, however wrong."""

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

Reply = Callable[["_Handler", dict[str, Any]], None]
FORM = "cast_ballot"
_KEYS = ("Authorization", "x-api-key", "x-goog-api-key")
"""Where providers' clients put the key."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: "OpenAIServer"


class OpenAIServer:
    """Answers with the replies given, one a request, and with the last one from then on.

    Attributes:
        requests: What was asked, in order, as it came.
        keys: The key each request carried.
        paths: Where each was posted to.
    """

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.paths: list[str] = []
        self._replies = replies
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def next_reply(self, request: dict[str, Any], key: str, path: str) -> Reply:
        with self._lock:
            self.requests.append(request)
            self.keys.append(key)
            self.paths.append(path)
            return self._replies[min(len(self.requests), len(self._replies)) - 1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def owner(self) -> OpenAIServer:
        return cast("_Server", self.server).owner

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = next((self.headers[name] for name in _KEYS if self.headers[name]), "")
        self.owner.next_reply(request, key, self.path)(self, request)

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing on the terminal."""


def completion(message: dict[str, Any], *, finish: str = "stop", tokens: tuple[int, int] = (100, 20)) -> Reply:
    def reply(handler: _Handler, request: dict[str, Any]) -> None:
        sent, received = tokens
        body = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": request["model"],
            "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}],
            "usage": {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received},
        }
        handler.send(200, json.dumps(body).encode())

    return reply


def call(name: str, arguments: str, **more: Any) -> Reply:
    made = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return completion({"content": None, "tool_calls": [made]}, finish="tool_calls", **more)


def ballot(choice: Any = "PostgreSQL", *, tokens: tuple[int, int] = (100, 20), **fields: Any) -> Reply:
    whole = {"choice": choice, "confidence": 0.9, "reasoning": "Joins.", **fields}
    return call(FORM, json.dumps(whole), tokens=tokens)


def form(arguments: str) -> Reply:
    """Fill in the form with this very text."""
    return call(FORM, arguments)


def says(text: str) -> Reply:
    return completion({"content": text})


def fails(status: int, message: str = "no", headers: dict[str, str] | None = None, **more: Any) -> Reply:
    body = json.dumps({"error": {"message": message, "type": "error", "code": None, **more}}).encode()
    return lambda handler, _request: handler.send(status, body, headers)


def garbles(body: bytes) -> Reply:
    return lambda handler, _request: handler.send(200, body)


def hangs(handler: _Handler, _request: dict[str, Any]) -> None:
    """Keep the caller waiting until the server closes."""
    handler.owner.closing.wait()
    handler.close_connection = True


def by_role(choices: Sequence[str]) -> Reply:
    """Give each asker the next of these choices."""
    left = iter(choices)
    lock = threading.Lock()

    def reply(handler: _Handler, request: dict[str, Any]) -> None:
        with lock:
            choice = next(left, choices[-1])
        ballot(choice)(handler, request)

    return reply

"""Ports of this machine: the first free one from a wished one on."""

import socket

from maos_flows.errors import StackError

_MOST_TRIED = 100
_LAST = 65_535


def free_port(wished: int) -> int:
    """Give the first port from `wished` on that nobody listens on.

    Raises:
        StackError: None is free.
    """
    for port in range(wished, min(wished + _MOST_TRIED, _LAST + 1)):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StackError(f"no port from {wished} to {min(wished + _MOST_TRIED - 1, _LAST)} is free; choose one with --port")

"""What a model may use while it makes up its mind: Python functions, and servers of the Model Context Protocol."""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic_ai.toolsets import AbstractToolset

from maos_flows.voters.command import INTERPRETER, environment
from maos_flows.voters.python import find_function


def tools_of(settings: Mapping[str, Any]) -> tuple[Callable[..., Any], ...]:
    """Find the functions that settings name, each `package.module:function`.

    Raises:
        LastingError: One is not there.
    """
    return tuple(find_function({"function": name}) for name in settings.get("tools", ()))


def toolsets_of(settings: Mapping[str, Any]) -> tuple[AbstractToolset[Any], ...]:
    """Make what talks to the servers that settings name: an address, or a program that is started for each ballot."""
    servers = settings.get("mcp_servers", ())
    if not servers:
        return ()
    from fastmcp.client.transports import StdioTransport  # noqa: PLC0415 - only agents with such servers need it
    from pydantic_ai.mcp import MCPToolset  # noqa: PLC0415 - as above

    given = environment({"pass_env": settings.get("mcp_env", ())})
    made: list[AbstractToolset[Any]] = []
    for server in servers:
        if server.startswith(("http://", "https://")):
            made.append(MCPToolset(server, id=server))
            continue
        program, *arguments = shlex.split(server)
        program = sys.executable if program == INTERPRETER else program
        transport = StdioTransport(program, arguments, env=given, cwd=str(Path.cwd()), keep_alive=False)
        made.append(MCPToolset(transport, id=server))
    return tuple(made)

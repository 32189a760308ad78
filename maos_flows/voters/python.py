"""Voter `python`: a function that gets the proposal as a dict, called where it can delay nobody."""

import asyncio
import hashlib
import importlib
import importlib.util
import inspect
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from maos_flows.model import Agent, Proposal
from maos_flows.voters.asked import as_asked
from maos_flows.voters.failures import LastingError, VoterError
from maos_flows.voters.threads import in_daemon_thread

_files = threading.RLock()
"""Held while a file is loaded: several agents may name the same one at once."""


async def answer(agent: Agent, proposal: Proposal) -> object:
    """Call the agent's function once, in a thread of its own; an async one gets an event loop there.

    So a function that blocks, async or not, blocks nobody else. It cannot be stopped from outside: it is left
    behind, and a coroutine is cancelled.

    Raises:
        LastingError: There is no such function, or it cannot be loaded.
        Exception: Whatever the function raises.
    """
    settings, asked, stop = agent.settings, as_asked(agent, proposal), _Stop()

    def call() -> object:
        reply = find_function(settings)(asked)
        if inspect.isawaitable(reply):
            reply = asyncio.run(stop.watch(reply))
        return dict(reply) if isinstance(reply, Mapping) else reply

    try:
        return await in_daemon_thread(call, name=f"voter-{agent.id}")
    finally:
        stop.stop()


class _Stop:
    """Carries a cancellation into the event loop of another thread."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopped = False

    async def watch(self, awaitable: Awaitable[object]) -> object:
        """Await in a way that `stop` can cancel."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        if self._is_stopped and self._task is not None:
            self._task.cancel()
        return await awaitable

    def stop(self) -> None:
        """Cancel what is watched, if anything still is."""
        self._is_stopped = True
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # that loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._task.cancel)


def find_function(settings: Mapping[str, Any]) -> Callable[[dict[str, Any]], object]:
    """Find the function that settings name: `package.module:function`, or a name in the file at `path`.

    Raises:
        LastingError: It is not there, is no function, or its module cannot be loaded.
    """
    name, path = str(settings.get("function", "")), settings.get("path")
    module_name, _, attribute = name.rpartition(":")
    if not attribute or not (module_name or path):
        raise LastingError(f"{name!r} names no function; write package.module:function, or set path")
    try:
        function = _load_file(Path(path)) if path else importlib.import_module(module_name)
    except VoterError:
        raise
    except Exception as error:
        place = path or module_name
        raise LastingError(f"{place} cannot be loaded: {type(error).__name__}: {error}") from error
    for part in attribute.split("."):
        function = getattr(function, part, None)
    if not callable(function):
        raise LastingError(f"{attribute!r} is no function of {path or module_name}")
    found: Callable[[dict[str, Any]], object] = function
    return found


def _load_file(path: Path) -> ModuleType | Any:
    """Load a file as a module, once for each content."""
    if not path.is_file():
        raise LastingError(f"there is no file {path}")
    name = f"maos_voter_{hashlib.sha256(str(path).encode() + b'0' + path.read_bytes()).hexdigest()[:16]}"
    with _files:
        if name in sys.modules:
            return sys.modules[name]
        specification = importlib.util.spec_from_file_location(name, path)
        if specification is None or specification.loader is None:
            raise LastingError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        try:
            specification.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

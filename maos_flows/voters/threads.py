"""Calls that may block, each in a daemon thread of its own: one that hangs delays nobody, not even our exit.

`asyncio.to_thread` would not do: its threads are waited for when the loop closes.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Value = TypeVar("Value")


async def in_daemon_thread(call: Callable[[], Value], *, name: str) -> Value:
    """Await a call made in a daemon thread; when cancelled, leave the thread to itself.

    Raises:
        Exception: Whatever the call raised; `SystemExit` and the like come as `RuntimeError`.
    """
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[Callable[[], Value]] = loop.create_future()
    context = contextvars.copy_context()

    def deliver(result: Callable[[], Value]) -> None:
        if not finished.done():
            finished.set_result(result)

    def run() -> None:
        result = _outcome(call, context)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(deliver, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return (await finished)()


def _outcome(call: Callable[[], Value], context: contextvars.Context) -> Callable[[], Value]:
    """Make a call and give back what returns its value or raises its exception, where somebody waits for it."""
    try:
        value = context.run(call)
    except Exception as error:  # noqa: BLE001 - a voter may raise anything; it is raised again where it is awaited
        failure = error
    except BaseException as error:  # noqa: BLE001 - SystemExit in a voter must not end us
        failure = RuntimeError(f"raised {type(error).__name__}: {error}")
    else:
        return lambda: value

    def fail() -> Value:
        raise failure

    return fail

"""One thread that writes for many: whatever is waiting is committed at once, and nobody fails for another."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from maos_flows.errors import StoreError

Value = TypeVar("Value")

MOST_TOGETHER = 200
"""How many pieces of work share a transaction: enough that a commit costs little, and others get their turn."""


class _Work(Generic[Value]):
    """Something to be done within a transaction, and who waits for it."""

    def __init__(self, do: Callable[[], Value]) -> None:
        self._do = do
        self._answer: Callable[[], None] = lambda: None
        self.future: Future[Value] = Future()
        # Who waits may give up, the work is done all the same: a ballot that has arrived is kept.
        self.future.set_running_or_notify_cancel()

    def run(self) -> None:
        """Do it; what came of it is told later, once it is committed."""
        value = self._do()
        self._answer = lambda: self.future.set_result(value)

    def tell(self) -> None:
        self._answer()

    def fail(self, error: BaseException) -> None:
        self.future.set_exception(error)


class Writer:
    """Does work handed to it in order, by a thread of its own, which starts with the first piece.

    Args:
        together: Begins a transaction that everything done in the block belongs to.
    """

    def __init__(self, together: Callable[[], AbstractContextManager[None]]) -> None:
        self._together = together
        self._waiting: SimpleQueue[_Work[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._state = threading.Lock()
        self._is_closed = False

    def hand_over(self, do: Callable[[], Value]) -> "Future[Value]":
        """Hand over work; the future has its value once that is on disk, or what it raised, and then nothing is kept.

        What is handed over may run twice, the first time undone, and so must do nothing but write.

        Raises:
            StoreError: The store is closed.
        """
        work = _Work(do)
        with self._state:
            if self._is_closed:
                raise StoreError("the audit store is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="maos-audit-writer", daemon=True)
                self._thread.start()
            self._waiting.put(work)
        return work.future

    def close(self) -> None:
        """Finish what was handed over, and end the thread."""
        with self._state:
            self._is_closed = True
            thread, self._thread = self._thread, None
            if thread is not None:
                self._waiting.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, is_last = self._batch(first)
            self._commit(batch)
            if is_last:
                return

    def _batch(self, first: _Work[Any]) -> tuple[list[_Work[Any]], bool]:
        """Give the first piece of work with all that is waiting behind it, and whether nothing comes after them."""
        batch = [first]
        with suppress(Empty):
            while len(batch) < MOST_TOGETHER:
                work = self._waiting.get_nowait()
                if work is None:
                    return batch, True
                batch.append(work)
        return batch, False

    def _commit(self, batch: list[_Work[Any]]) -> None:
        try:
            with self._together():
                for work in batch:
                    work.run()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised again where it is waited for
            if len(batch) == 1:
                batch[0].fail(error)
                return
            for work in batch:  # each for itself, so that one that cannot be written costs the others nothing
                self._commit([work])
            return
        for work in batch:
            work.tell()

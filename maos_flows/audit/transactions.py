"""A store's transactions: one writer at a time in SQLite, and several calls in one where that is asked for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sqlalchemy import Connection, Engine

from maos_flows.audit.engine import is_sqlite, speaking_of, transaction


class Transactions:
    """Begins the transactions of one store.

    Args:
        engine: The store's engine.
        undone: Is called when what several calls did together was undone.
    """

    def __init__(self, engine: Engine, *, undone: Callable[[], None]) -> None:
        self._engine = engine
        self._undone = undone
        # SQLite has one writer at a time. Threads queue here, in turn; between processes it waits by trying again.
        self._turn: AbstractContextManager[object] = threading.Lock() if is_sqlite(engine.url) else nullcontext()
        self._this_thread = threading.local()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Begin a write transaction, unless this thread is within one already: the only place where one begins.

        A log over the rows has its place here: its entries are added and its head is advanced before the commit, so
        that rows and log are on disk together or not at all. No agent and no policy is ever called within one.
        """
        held = self._held()
        if held is not None:
            with speaking_of(self._engine):
                yield held
            return
        with self._turn, transaction(self._engine, writes=True) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Begin a transaction that reads; within one that writes it sees what that has written."""
        held = self._held()
        if held is not None:
            with speaking_of(self._engine):
                yield held
            return
        with transaction(self._engine, writes=False) as connection:
            yield connection

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all that this thread does in the block one transaction; an error in it undoes everything."""
        try:
            with self.writing() as connection:
                self._this_thread.connection = connection
                try:
                    yield
                finally:
                    self._this_thread.connection = None
        except BaseException:
            self._undone()
            raise

    def _held(self) -> Connection | None:
        held: Connection | None = getattr(self._this_thread, "connection", None)
        return held

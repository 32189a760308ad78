"""Watch decisions while they run: a live view on a terminal, plain lines elsewhere. It only reads the audit store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from threading import Event as Signal
from threading import Thread

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from maos_flows.audit.store import AuditStore
from maos_flows.cli.output import say
from maos_flows.cli.watching.lines import lines_of
from maos_flows.cli.watching.reading import Reader, Timelines
from maos_flows.cli.watching.screen import overview
from maos_flows.cli.watching.sections import Look
from maos_flows.errors import StoreError
from maos_flows.model import Event

INTERVAL_SECONDS = 0.2
_LINES_SHOWN = 6
_LOOK = Look()


@contextmanager
def watching(store: AuditStore, decisions: Callable[[AuditStore], Sequence[str]]) -> Iterator[None]:
    """Show on stderr what happens to some decisions while the body runs.

    Args:
        store: Where they are recorded.
        decisions: Gives the ids of the decisions there are by now.
    """
    console = Console(stderr=True)
    timelines = Timelines(store, decisions)
    stop = Signal()
    follow = partial(_follow_live, console=console) if console.is_terminal else _follow_in_lines
    thread = Thread(target=follow, args=(timelines, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _lines(news: Sequence[tuple[Reader, Event]]) -> list[str]:
    shown = [(reader, event) for reader, event in news if event.kind in _LOOK.kinds]
    return [line for reader, event in shown for line in lines_of(event, reader, _LOOK, mark=reader.name)]


def _follow_in_lines(timelines: Timelines, stop: Signal) -> None:
    while True:
        last = stop.wait(INTERVAL_SECONDS)
        try:
            for line in _lines(timelines.news()):
                say(line)
        except StoreError:
            pass  # the store was busy: what was missed is read the next time
        if last:
            return


def _follow_live(timelines: Timelines, stop: Signal, *, console: Console) -> None:
    lines: list[str] = []
    with Live(console=console, transient=True, refresh_per_second=5) as live:
        while not stop.wait(INTERVAL_SECONDS):
            try:
                lines += _lines(timelines.news())
            except StoreError:
                continue  # the store was busy: what was missed is read the next time
            recent = Text("\n".join(lines[-_LINES_SHOWN:]), style="dim")
            live.update(Group(overview(timelines.readers.values(), datetime.now(UTC)), recent))

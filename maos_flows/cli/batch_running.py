"""Run a batch in the foreground: progress while it runs, a summary at the end, the exit code it earned."""

import asyncio
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from maos_flows.audit.batches import BatchRecord
from maos_flows.bulk.batch import parameters_of
from maos_flows.bulk.output import Output
from maos_flows.bulk.standing import Standing, headline
from maos_flows.cli.answering import say_who_answers
from maos_flows.cli.batch_input import Loaded
from maos_flows.cli.batch_printing import print_batch
from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, fail, say
from maos_flows.cli.servers import begin_server, prepare_prefect, print_watch_address
from maos_flows.errors import NotFoundError

SECONDS_BETWEEN_LINES = 2.0
"""How often a line tells how far a batch is where there is no terminal."""


def run_batch(loaded: Loaded, *, command: list[str], output: Format) -> NoReturn:
    """Run a batch to its end, print what came of it, and leave: 0 if every question was decided, 1 if not.

    Raises:
        NotFoundError: There is no batch of that id to take up.
        ConflictError: There is, and it began with other input or parameters.
    """
    prepare_prefect()
    from maos_flows.flows.batch import Limits, compile_batch
    from maos_flows.flows.stores import audit_store

    batch, store = loaded.batch, audit_store()
    if loaded.is_resumed:
        _check_is_the_same(loaded, store.batches.find(batch.batch_id), store)
    say_who_answers(batch.agents)
    begin_server()
    taken_up = shlex.join(["maos", *command, "--resume", batch.batch_id])
    limits = Limits(loaded.questions_at_once, loaded.kinds)
    try:
        with _shown(batch.batch_id, taken_up) as notice:
            flow = compile_batch(batch, Output(loaded.output), limits=limits, notice=notice)
            state = asyncio.run(_run(flow, batch.batch_id))
    except KeyboardInterrupt:
        fail(f"interrupted; take it up with: {taken_up}")
    kept = store.batches.find(batch.batch_id)
    if kept is None or kept.finished_at is None:
        fail(f"the batch {batch.batch_id} broke off: {state.message}; take it up with: {taken_up}")
    print_watch_address(state)
    standing = print_batch(
        kept, store.batches.chunks(batch.batch_id), output=output, written_to=loaded.output, bad_lines=loaded.bad_lines
    )
    all_decided = standing.reached == standing.questions and not loaded.bad_lines
    sys.exit(0 if all_decided else EXIT_NO_CONSENSUS)


def again(context: typer.Context) -> list[str]:
    """Give the words that were typed after `maos`, less `--resume`, so that the same command can be typed again."""
    words = ["batch", str(context.info_name)]
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        source = context.get_parameter_source(str(parameter.name))
        if source is None or source.name != "COMMANDLINE" or parameter.name == "resume":
            continue
        if parameter.param_type_name == "argument":
            words.append(str(value))
        elif isinstance(value, bool):
            words.append(parameter.opts[0])
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                words += [parameter.opts[0], str(getattr(one, "value", one))]
    return words


def _check_is_the_same(loaded: Loaded, kept: BatchRecord | None, store: Any) -> None:
    batch = loaded.batch
    if kept is None:
        raise NotFoundError(
            f"there is no batch {batch.batch_id[:80]!r} to take up; `maos batch list` shows what there is"
        )
    store.batches.open(
        BatchRecord(
            batch.batch_id,
            kept.source,
            batch.algorithm,
            len(batch.questions),
            parameters_of(batch),
            kept.started_at,
        )
    )


async def _run(flow: Any, batch_id: str) -> Any:
    from maos_flows.flows.edges import state_of
    from maos_flows.flows.session import prefect_session

    async with prefect_session():
        return await state_of(flow(batch_id, return_state=True))


@contextmanager
def _shown(batch_id: str, taken_up: str) -> Iterator[Any]:
    """Give what shows how far a batch is, on stderr: a bar on a terminal, plain lines elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(batch_id, taken_up)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("", total=None)
        announced = False

        def show(standing: Standing) -> None:
            nonlocal announced
            if not announced:
                console.print(_announcement(batch_id, taken_up), markup=False, highlight=False, soft_wrap=True)
                announced = True
            progress.update(bar, total=standing.questions, completed=standing.done, description=headline(standing))

        yield show


class _Lines:
    """Tells how far a batch is in lines, not more often than anybody would read them."""

    def __init__(self, batch_id: str, taken_up: str) -> None:
        self._announcement: str | None = _announcement(batch_id, taken_up)
        self._last = monotonic()

    def __call__(self, standing: Standing) -> None:
        if self._announcement is not None:
            say(self._announcement)
            self._announcement = None
        now = monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES or standing.done == standing.questions:
            self._last = now
            share = 100 * standing.done // standing.questions
            say(f"{standing.done:,} of {standing.questions:,} ({share} %): {headline(standing)}")


def _announcement(batch_id: str, taken_up: str) -> str:
    return f"batch {batch_id}; if it is interrupted: {taken_up}"

"""What came of a batch, for people and for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from maos_flows.audit.batches import BatchRecord, ChunkRecord
from maos_flows.bulk.standing import Standing, batch_as_plain, headline, standing_of, summary_rows
from maos_flows.cli.output import Format, print_json
from maos_flows.cli.render import clean


def print_batch(
    batch: BatchRecord,
    chunks: Sequence[ChunkRecord],
    *,
    output: Format,
    written_to: Path | None = None,
    bad_lines: int | None = None,
) -> Standing:
    """Print how far a batch is and what came of its questions, and give that."""
    standing = standing_of(batch.questions, [chunk.counts for chunk in chunks])
    if output is Format.JSON:
        data = batch_as_plain(batch, chunks)
        if written_to is not None:
            data |= {"output": str(written_to), "bad_lines": bad_lines}
        print_json(data)
        return standing
    left = standing.questions - standing.done
    print(
        f"batch {batch.batch_id}: {headline(standing)}, of {standing.questions:,} questions"
        f"{f'; {left:,} to do' if left else ''} ({clean(Path(batch.source).name)}, {clean(batch.algorithm)})"
    )
    _print_table(summary_rows(standing), ("outcome", "reason", "questions", "share"), right=("questions", "share"))
    if bad_lines:
        print(f"bad lines left out: {bad_lines:,}")
    if written_to is not None:
        print(f"decisions: {written_to}; each is shown by maos show with its decision_id or run_id")
    return standing


def print_batches(batches: Sequence[dict[str, Any]]) -> None:
    """Print batches, a line each."""
    if not batches:
        print("no batches yet")
        return
    rows = [
        {
            "batch": batch["batch_id"],
            "started": batch["started_at"][:19].replace("T", " "),
            "done": f"{batch['done']:,} of {batch['questions']:,}",
            "decided": f"{batch['reached']:,}",
            "by": batch["algorithm"],
            "file": batch["source"],
        }
        for batch in batches
    ]
    _print_table(rows, tuple(rows[0]), right=("done", "decided"))


def _print_table(rows: Sequence[dict[str, Any]], headings: Sequence[str], *, right: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(
            heading, justify="right" if heading in right else "left", overflow="fold", no_wrap=heading != "file"
        )
    for row in rows:
        cells = (row[heading] for heading in headings)
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else clean(cell) for cell in cells))
    Console().print(table)

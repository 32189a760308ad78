"""Tasks as people and programs read them."""

import os
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from rich.console import Console
from rich.table import Table

from maos_flows.audit.store import AuditStore, Submission, SubmissionKind
from maos_flows.cli.render import clean
from maos_flows.errors import NotFoundError
from maos_flows.flows.submitting import known_server, requires_consensus
from maos_flows.records import to_plain

_GOOD = {"reached", "overridden", "completed"}


def find_task(store: AuditStore, name: str) -> Submission:
    """Find what was handed in under an id.

    Raises:
        NotFoundError: Nothing was.
    """
    found = store.submission(name)
    if found is not None:
        return found
    near = get_close_matches(name, [submission.id for submission in store.submissions(limit=200)], n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `maos task list` shows what there is"
    raise NotFoundError(f"there is no task {name[:80]!r}{hint}")


def status_of(submission: Submission) -> str:
    """Say in a word how far a task is: `submitted`, `running`, `cancelling`, or how it ended."""
    if submission.outcome is not None:
        return submission.outcome
    if submission.cancelled_at is not None:
        return "cancelling" if submission.begun_at is not None else "cancelled"
    return "submitted" if submission.begun_at is None else "running"


def has_failed(submission: Submission) -> bool:
    """Say whether a decision that had to be reached was not."""
    return submission.is_over and requires_consensus(submission) and status_of(submission) not in _GOOD


def plain_task(submission: Submission) -> dict[str, Any]:
    """Give a task as plain data."""
    times = {name: to_plain(getattr(submission, name)) for name in ("submitted_at", "begun_at", "cancelled_at")}
    return {
        "task_id": submission.id,
        "kind": submission.kind.value,
        "title": submission.title,
        "status": status_of(submission),
        "outcome": submission.outcome,
        "requires_consensus": requires_consensus(submission),
        "flow_run_id": submission.flow_run_id,
        "url": _page(submission),
        **times,
    }


def print_tasks(submissions: Sequence[Submission]) -> None:
    """Print a table of tasks."""
    if not submissions:
        print("nothing was submitted")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("task", "kind", "submitted", "status", "title"):
        table.add_column(heading, no_wrap=heading != "title")
    for submission in submissions:
        when = f"{submission.submitted_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(submission.id, submission.kind.value, when, status_of(submission), clean(submission.title))
    Console().print(table, markup=False)


def print_task(submission: Submission) -> None:
    """Print one task."""
    print(f"{submission.id}: {status_of(submission)}")
    print(clean(submission.title))
    print(f"{submission.kind.value}, submitted {submission.submitted_at:%Y-%m-%d %H:%M:%S} UTC")
    if submission.kind is SubmissionKind.DECISION:
        print(f"consensus: {'required' if requires_consensus(submission) else 'not required'}")
    page = _page(submission)
    if page:
        print(f"in the Prefect UI: {page}")


def _page(submission: Submission) -> str | None:
    api = known_server(os.environ)
    if api is None or submission.flow_run_id is None:
        return None
    return api.address.page(f"runs/flow-run/{submission.flow_run_id}")

"""Submissions: what was handed in is kept once, and tells how far it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from maos_flows.audit.store import AuditStore, Submission, SubmissionKind, WorkflowRun
from maos_flows.errors import ConflictError, NotFoundError
from tests.audit.samples import opened

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def submission(name: str = "d-1", *, kind: SubmissionKind = SubmissionKind.DECISION, minutes: int = 0) -> Submission:
    return Submission(name, kind, "Which one?", b"{}", NOW + timedelta(minutes=minutes))


def test_what_is_submitted_is_kept_as_it_was(store: AuditStore) -> None:
    kept = store.submit(submission())

    assert kept == submission() == store.submission("d-1")


def test_submitting_again_is_the_same_submission(store: AuditStore) -> None:
    store.submit(submission())
    store.note_flow_run("d-1", "f-1")

    assert store.submit(submission(minutes=5)) == replace(submission(), flow_run_id="f-1")
    assert len(store.submissions()) == 1


def test_something_else_under_the_same_id_is_refused(store: AuditStore) -> None:
    store.submit(submission())

    with pytest.raises(ConflictError, match="something else was submitted as 'd-1'"):
        store.submit(replace(submission(), content=b"[]"))


def test_a_flow_run_made_for_a_lost_one_takes_its_place(store: AuditStore) -> None:
    store.submit(submission())
    store.note_flow_run("d-1", "f-1")

    assert store.note_flow_run("d-1", "f-2").flow_run_id == "f-2"


def test_the_first_cancelling_counts(store: AuditStore) -> None:
    store.submit(submission())
    store.cancel_submission("d-1", at=NOW)

    cancelled = store.cancel_submission("d-1", at=NOW + timedelta(hours=1))

    assert cancelled.cancelled_at == NOW
    assert cancelled.is_over


def test_what_was_not_submitted_is_not_found(store: AuditStore) -> None:
    assert store.submission("d-9") is None
    with pytest.raises(NotFoundError, match="d-9"):
        store.note_flow_run("d-9", "f-1")
    with pytest.raises(NotFoundError, match="d-9"):
        store.cancel_submission("d-9", at=NOW)


def test_a_submission_tells_how_far_its_decision_is(store: AuditStore) -> None:
    store.submit(submission())
    waiting = store.submission("d-1")
    opening = opened(store)
    begun = store.submission("d-1")

    assert waiting is not None
    assert begun is not None
    assert waiting.begun_at is None
    assert begun.begun_at == opening.opened_at
    assert not begun.is_over


def test_a_submission_tells_how_its_run_ended(store: AuditStore) -> None:
    store.submit(submission("w-1", kind=SubmissionKind.WORKFLOW))
    store.open_run(WorkflowRun("w-1", "flow", "{}", "/", {}, NOW))
    store.close_run("w-1", outcome="completed", at=NOW + timedelta(minutes=1))

    found = store.submission("w-1")

    assert found is not None
    assert (found.begun_at, found.outcome, found.is_over) == (NOW, "completed", True)


def test_the_newest_come_first_and_the_open_ones_alone_if_asked(store: AuditStore) -> None:
    for minute, name in enumerate(("d-1", "d-2", "w-1", "d-3")):
        store.submit(submission(name, minutes=minute))
    opened(store)
    store.cancel_submission("d-1", at=NOW)  # it is begun: what runs must still be stopped
    store.cancel_submission("d-2", at=NOW)
    store.open_run(WorkflowRun("w-1", "flow", "{}", "/", {}, NOW))
    store.close_run("w-1", outcome="completed", at=NOW)

    assert [found.id for found in store.submissions()] == ["d-3", "w-1", "d-2", "d-1"]
    assert [found.id for found in store.submissions(open_only=True)] == ["d-3", "d-1"]
    assert [found.id for found in store.submissions(limit=1)] == ["d-3"]

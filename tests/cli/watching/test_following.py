"""`maos consensus monitor --follow`: what is shown as it is written, and how watching ends."""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from threading import Thread
from typing import Any

import pytest

from maos_flows.audit.store import AuditStore, Submission, SubmissionKind
from maos_flows.cli import monitor as command
from maos_flows.cli.watching.following import GRACE, PATIENCE, Ending
from maos_flows.errors import NotFoundError, StoreError
from maos_flows.model import EventKind, Parameters
from maos_flows.quorum import Threshold
from tests.audit.samples import DEADLINE, NOON, SOON, ballot, opened, opening_of, request_to, run_of
from tests.cli.watching.watched import Followed, answer, asked, close, decided, maos, note


class TestFollowing:
    def test_what_is_written_meanwhile_is_shown_once_and_in_order(self, store):
        asked(store)
        steps = [
            lambda: answer(store, 0),
            lambda: answer(store, 1, 2),
            lambda: answer(store, 3, 4),
            lambda: close(store),
        ]
        followed = Followed(store, "d-1", *steps)
        whole = maos("monitor", "d-1").stdout.splitlines()

        assert followed.ending is Ending.REACHED
        assert followed.lines == whole

    def test_another_that_writes_is_followed_to_the_end(self, store, sqlite_url):
        request = request_to()
        store.open_decision(opening_of(request, now=datetime.now(UTC)), request)

        def write() -> None:
            with AuditStore.open(sqlite_url) as other:
                answer(other)
                close(other)

        writer = Thread(target=write)
        writer.start()
        result = maos("monitor", "d-1", "--follow", "--timeout", "60s")
        writer.join()

        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines()[-1].endswith("simple majority reached: PostgreSQL (3 of 5)")
        assert len(result.stdout.splitlines()) == 7

    def test_a_decision_that_is_not_reached_is_exit_code_1(self, store):
        decided(store, algorithm="supermajority", parameters=Parameters(Threshold(Fraction(2, 3))))
        result = maos("monitor", "d-1", "--follow")

        assert result.exit_code == 1
        assert "supermajority not reached: below threshold" in result.stdout

    def test_details_end_with_the_whole_decision(self, store):
        decided(store)
        printed = maos("monitor", "d-1", "--follow", "--detailed").stdout

        assert "reached: PostgreSQL" in printed
        assert "margin    1 ballot" in printed

    def test_a_submission_is_waited_for_and_says_so_once(self, store):
        store.submit(Submission("d-1", SubmissionKind.DECISION, "Which?", b"{}", NOON))
        followed = Followed(store, "d-1", *[lambda: None] * 3, lambda: decided(store))

        assert followed.ending is Ending.REACHED
        assert followed.lines[0] == "d-1 was submitted at 12:00:00 and is not opened yet; waiting"
        assert "12:00:00 - round 1" in followed.lines[1]

    def test_a_submission_that_nobody_takes_up_names_what_to_look_at(self, store):
        store.submit(Submission("d-1", SubmissionKind.DECISION, "Which?", b"{}", NOON))
        followed = Followed(store, "d-1", seconds=40)

        assert followed.ending is Ending.TIMED_OUT
        assert [line for line in followed.lines if "`maos status`" in line] == followed.lines[1:2]
        assert followed.lines[-1] == "watched long enough; d-1 goes on without being watched"

    def test_a_submission_cancelled_before_it_was_opened_ends(self, store):
        store.submit(Submission("d-1", SubmissionKind.DECISION, "Which?", b"{}", NOON))
        followed = Followed(store, "d-1", lambda: store.cancel_submission("d-1", at=NOON))

        assert followed.ending is Ending.CANCELLED
        assert followed.lines[-1] == "d-1 was cancelled before it was opened"

    def test_without_follow_a_submission_says_what_it_is(self, store):
        store.submit(Submission("d-1", SubmissionKind.DECISION, "Which?", b"{}", NOON))
        result = maos("monitor", "d-1")
        found = json.loads(maos("show", "d-1", "--format", "json").stdout)

        assert (result.exit_code, result.stdout) == (0, "d-1 is submitted and not opened yet\n")
        assert (found["task_id"], found["outcome"]) == ("d-1", None)
        assert "submitted at 2026-03-01 12:00:00, not opened yet" in maos("show", "d-1").stdout

    def test_a_dead_decision_ends_the_watching_and_names_the_way_on(self, store):
        asked(store)
        answer(store, 0)
        seconds = (DEADLINE + GRACE - SOON).total_seconds()
        followed = Followed(store, "d-1", seconds=10 * seconds)

        assert followed.ending is Ending.SILENT
        assert "no sign of life since 2026-03-01 12:00:05 UTC" in followed.lines[-1]
        assert followed.lines[-1].endswith("maos decide --resume d-1")

    def test_a_dead_decision_is_exit_code_1(self, store):
        asked(store)

        assert maos("monitor", "d-1", "--follow").exit_code == 1

    def test_a_decision_that_waits_for_a_person_is_not_taken_for_dead(self, store):
        asked(store)
        until = DEADLINE + timedelta(minutes=30)
        note(store, EventKind.ESCALATED, "a person is asked", until=until.isoformat())
        note(store, EventKind.ESCALATED, "soon", until="soon")
        followed = Followed(store, "d-1", seconds=25 * 60)

        assert followed.ending is Ending.TIMED_OUT

    def test_a_store_that_is_busy_for_a_while_is_asked_again(self, store, monkeypatch):
        asked(store)
        timeline, looks = store.timeline, iter(range(100))

        def busy(*given: Any, **named: Any) -> Any:
            if next(looks) in range(1, 20):
                raise StoreError("the audit store is busy")
            return timeline(*given, **named)

        monkeypatch.setattr(store, "timeline", busy)
        followed = Followed(store, "d-1", partial(later, store))

        assert followed.ending is Ending.REACHED
        assert len(followed.lines) == 8

    def test_a_store_that_stays_away_is_an_error(self, store, monkeypatch):
        asked(store)
        waited: list[float] = []

        def away(*_: Any, **__: Any) -> Any:
            waited.append(1)
            raise StoreError("the audit store is away")

        monkeypatch.setattr(store, "timeline", away)

        with pytest.raises(StoreError, match="is away"):
            Followed(store, "d-1")
        assert len(waited) == PATIENCE.total_seconds() + 2

    def test_what_one_look_found_is_not_lost_when_it_fails_further_on(self, store, monkeypatch):
        store.open_run(run_of())
        for name in ("one", "two"):
            opened(store, f"r-1-{name}", run_id="r-1")
        timeline, looks = store.timeline, iter(range(100))

        def broken(*given: Any, **named: Any) -> Any:
            if next(looks) == 1:
                raise StoreError("the audit store is busy")
            return timeline(*given, **named)

        monkeypatch.setattr(store, "timeline", broken)
        followed = Followed(store, "r-1", seconds=3)

        assert [line.split("] ")[0] for line in followed.lines[:2]] == ["12:00:00 - [one", "12:00:00 - [two"]

    def test_ctrl_c_ends_the_watching_with_130_and_leaves_the_decision_alone(self, store, monkeypatch):
        opened(store)

        def interrupted(_: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(command, "sleep", interrupted)
        monkeypatch.setattr("maos_flows.cli.watching.following.GRACE", timedelta(days=300_000))
        result = maos("monitor", "d-1", "--follow")

        assert result.exit_code == 130
        assert store.decision("d-1") is None
        assert len(store.timeline("d-1")) == 1

    @pytest.mark.parametrize("words", [["monitor", "d-9"], ["monitor", "d-9", "--follow"], ["show", "d-9"]])
    def test_an_unknown_id_is_an_error_with_the_nearest_one(self, store, words):
        opened(store)
        result = maos(*words)

        assert isinstance(result.exception, NotFoundError)
        assert "did you mean d-1?" in str(result.exception)

    def test_a_duration_that_is_none_is_refused(self, store):
        opened(store)
        result = maos("monitor", "d-1", "--follow", "--timeout", "soon")

        assert "--timeout" in str(result.exception)


class TestRuns:
    def test_a_runs_decisions_are_followed_stage_by_stage(self, store):
        store.open_run(run_of())
        steps = [
            lambda: opened(store, "r-1-concept", run_id="r-1"),
            lambda: store.record_answer(ballot(decision_id="r-1-concept")),
            lambda: opened(store, "r-1-review", run_id="r-1"),
            lambda: store.close_run("r-1", outcome="completed", at=SOON),
        ]
        followed = Followed(store, "r-1", *steps)

        assert followed.ending is Ending.REACHED
        assert followed.lines == [
            "12:00:00 - [concept] round 1, simple_majority among 5: Which database?",
            "12:00:05 - [concept] ada votes: PostgreSQL (reason: It is known.)",
            "12:00:00 - [review] round 1, simple_majority among 5: Which database?",
        ]

    def test_a_run_that_stopped_is_exit_code_1(self, store):
        store.open_run(run_of())
        store.close_run("r-1", outcome="stopped", at=SOON)

        assert maos("monitor", "r-1", "--follow").exit_code == 1

    def test_a_run_that_says_nothing_between_stages_ends_the_watching(self, store):
        store.open_run(run_of())
        store.note_stage("r-1", "concept", outcome="reached", explanation="", at=SOON)
        followed = Followed(store, "r-1", seconds=10_000)

        assert followed.ending is Ending.SILENT
        assert followed.lines[-1].endswith("maos workflow run FILE --resume r-1")

    def test_what_a_section_lacks_is_said_of_each_stage(self, store):
        store.open_run(run_of())
        opened(store, "r-1-concept", run_id="r-1")
        printed = maos("monitor", "r-1", "--weight-evolution").stdout

        assert "[concept] --weight-evolution: no weight was changed" in printed
        assert "r-1-concept is open; round 1: 0 of 5 answered" in printed


def later(store: AuditStore) -> None:
    answer(store)
    close(store)

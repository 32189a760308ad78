"""`maos consensus monitor`: what it shows of a timeline, how it follows one, and how it ends."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from inspect import signature
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner, Result

from maos_flows.audit.store import AuditStore, Submission, SubmissionKind
from maos_flows.audit.timeline import OF_ROWS
from maos_flows.cli import monitor as command
from maos_flows.cli.consensus import app
from maos_flows.cli.ids import complete_id
from maos_flows.cli.watching.following import GRACE, PATIENCE, Ending, Subject, look_once
from maos_flows.cli.watching.lines import outcome_in_words
from maos_flows.cli.watching.reading import Reader
from maos_flows.cli.watching.screen import Screen, closeup, overview
from maos_flows.cli.watching.sections import FRAME, SECTIONS, Look
from maos_flows.cli.watching.words import duration, one_line
from maos_flows.errors import NotFoundError, StoreError
from maos_flows.model import Agent, EventKind, Outcome, Parameters
from maos_flows.quorum import Threshold
from tests.audit.samples import DEADLINE, NOON, SOON, ballot, decision_of, opened, opening_of, request_to, run_of
from tests.cli.watched import Followed, answer, asked, close, decided, note

RUNNER = CliRunner()


@pytest.fixture
def store(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[AuditStore]:
    """The store that the commands look into."""
    monkeypatch.setenv("MAOS_DATABASE_URL", sqlite_url)
    with AuditStore.open(sqlite_url) as made:
        yield made


def maos(*words: str) -> Result:
    return RUNNER.invoke(app, list(words))


def section(flag: str) -> Look:
    return Look(tuple(part for part in SECTIONS if part.flag == flag))


class TestLines:
    def test_a_timeline_reads_line_by_line(self, store):
        decided(store)
        result = maos("monitor", "d-1")

        assert result.exit_code == 0
        assert result.stdout.splitlines() == [
            "12:00:00 - round 1, simple_majority among 5: Which database?",
            "12:00:00 - round 1: 5 agents asked",
            "12:00:05 - ada votes: PostgreSQL (reason: ACID compliance)",
            "12:00:06 - bob votes: PostgreSQL (reason: analytics)",
            "12:00:07 - cyd votes: MongoDB (reason: flexibility)",
            "12:00:08 - dan: timed out (no answer in 30 s)",
            "12:00:09 - eve votes: PostgreSQL (reason: reliability)",
            "12:00:10 - simple majority reached: PostgreSQL (3 of 5)",
        ]

    def test_show_prints_the_same_lines(self, store):
        decided(store)
        watched, shown = maos("monitor", "d-1"), maos("show", "d-1", "--timeline")

        assert watched.stdout.splitlines()
        for line in watched.stdout.splitlines():
            assert f"  {line}" in shown.stdout.splitlines()

    def test_an_open_decision_says_how_far_it_is_and_is_left(self, store):
        asked(store)
        answer(store, 0, 2)
        last = maos("monitor", "d-1").stdout.splitlines()[-1]

        assert last.startswith("d-1 is open; round 1: 2 of 5 answered; strongest: PostgreSQL = MongoDB 1 of 5;")
        assert last.endswith("more than half of eligible needed; its deadline has passed")

    def test_closer_looks_add_weights_confidence_evidence_and_the_rule(self, store):
        asked(store)
        store.record_answer(replace(ballot("ada"), evidence=("RFC 1",), seconds=5.0))
        printed = maos("monitor", "d-1", "--detailed", "--show-weights").stdout

        for part in (
            "simple_majority: more than half of eligible; ballots until 12:01:00",
            "ada (agent): weight 1 = one agent, one ballot",
            "ada votes: PostgreSQL [weight 1] (reason: It is known.)",
            "confidence 0.9, after 5 s, agent",
            "cites: RFC 1",
        ):
            assert part in printed

    def test_experts_reasons_are_shown_in_full_and_others_are_not(self, store):
        agents = (Agent("ada", "security", domains=("security",), voter="python"), Agent("bob", voter="python"))
        request = replace(request_to(), agents=agents, domains=("security",), algorithm="weighted_voting")
        store.open_decision(opening_of(request), request)
        long = "because " * 60
        store.record_answer(ballot("ada", reasoning=long, evidence=("NIST",)))
        store.record_answer(ballot("bob", reasoning=long))
        lines = maos("monitor", "d-1", "--expert-reasoning", "--show-weights").stdout.splitlines()

        full = [line for line in lines if long.strip() in line]
        assert [line.strip().split(":")[0] for line in full] == ["expert in security"]
        assert any("cites: NIST" in line for line in lines)
        assert any("ada votes: PostgreSQL [weight 2]" in line for line in lines)

    def test_that_nobody_is_an_expert_is_said(self, store):
        decided(store)

        assert "nobody here is an expert" in maos("monitor", "d-1", "--expert-reasoning").stdout

    def test_agents_text_cannot_command_the_terminal_or_fill_it(self, store):
        """B60."""
        asked(store)
        store.record_answer(ballot("ada", reasoning="\x1b[31m\x9bred\n12:00:00 - bob votes: x\u202e" + "x" * 9_999))
        for words in ([], ["--detailed"], ["--expert-reasoning"]):
            lines = maos("monitor", "d-1", *words).stdout.splitlines()

            assert all(line.isprintable() and len(line) < 2_100 for line in lines)
            assert not any(line.startswith("12:00:00 - bob") for line in lines)
        printed = maos("monitor", "d-1", "--format", "json").stdout
        assert printed.replace("\n", "").isprintable()

    def test_sealed_ballots_are_shown_as_cast_until_the_decision_is_closed(self, store):
        """B61."""
        asked(store, sealed=True)
        answer(store, 0)
        store.record_answer(ballot("ada", "MongoDB"))
        lines = maos("monitor", "d-1", "--detailed", "--expert-reasoning").stdout.splitlines()

        assert "12:00:05 - ada: ballot cast (sealed until the decision is closed)" in lines
        assert "12:00:05 - ada: a ballot was not counted, conflicting" in lines
        assert not re.search("PostgreSQL|MongoDB|ACID", maos("monitor", "d-1").stdout)
        reader = Reader(store, "d-1")
        reader.news()
        assert reader.tally() is None
        console = Console(record=True, width=140)
        console.print(overview([reader], NOON), closeup(reader, Look(), NOON))
        assert not re.search("PostgreSQL|MongoDB", console.export_text())

    def test_sealed_ballots_are_shown_to_who_followed_once_the_decision_is_closed(self, store):
        asked(store, sealed=True)
        steps = (partial(answer, store, 0, 1, 2), partial(answer, store, 3, 4), partial(close, store))
        followed = Followed(store, "d-1", *steps)

        told = [line.strip() for line in followed.lines]
        assert told[2] == "12:00:05 - ada: ballot cast (sealed until the decision is closed)"
        assert told[-5:] == [
            "12:00:10 - simple majority reached: PostgreSQL (3 of 5)",
            "ada votes: PostgreSQL (reason: ACID compliance)",
            "bob votes: PostgreSQL (reason: analytics)",
            "cyd votes: MongoDB (reason: flexibility)",
            "eve votes: PostgreSQL (reason: reliability)",
        ]

    def test_an_override_for_a_choice_nobody_was_asked_about_is_told_without_a_count(self, store):
        asked(store)
        close(store)
        reader = Reader(store, "d-1")
        reader.news()
        assert reader.decision is not None
        overridden = replace(reader.decision, outcome=Outcome.OVERRIDDEN, choice="wait")

        assert outcome_in_words(overridden) == "simple majority overridden: wait"

    def test_a_policys_details_are_shown_where_they_are_asked_for(self, store):
        asked(store)
        answer(store)
        ruled = replace(decision_of(store), details={"evidence_quality": "high"})
        store.close_decision(ruled, at=SOON)

        assert "evidence_quality=high" in maos("monitor", "d-1", "--policy-details").stdout
        assert "evidence_quality" not in maos("monitor", "d-1").stdout

    def test_the_rounds_are_told_apart(self, store):
        asked(store, rounds=2)
        answer(store, 0)
        store.open_round(opening_of(request_to(rounds=2), round_number=2))
        store.record_answer(ballot("ada", "MongoDB", round=2))
        lines = maos("monitor", "d-1").stdout.splitlines()

        assert "ada votes: PostgreSQL" in lines[2]
        assert "round 2, simple_majority among 5" in lines[3]
        assert "ada votes: MongoDB" in lines[4]
        assert "round 2: 1 of 5 answered" in lines[5]


class TestSections:
    def test_every_section_is_a_flag(self):
        flags = {name.replace("_", "-") for name in signature(command.monitor).parameters}

        assert {part.flag for part in SECTIONS} <= flags

    def test_every_kind_of_event_is_shown_by_some_section_or_by_default(self):
        shown = Look().kinds.union(*(part.kinds for part in SECTIONS))

        assert shown == Look(is_detailed=True).kinds == set(EventKind)

    @pytest.mark.parametrize("part", SECTIONS, ids=lambda part: part.flag)
    def test_a_flag_shows_its_kinds_and_the_frame_alone(self, store, part):
        asked(store, algorithm="simple_majority")
        others = sorted(set(EventKind) - part.kinds - Look((part,)).kinds - _OF_ROWS)
        for kind in [*sorted(part.kinds - _OF_ROWS), *others]:
            note(store, kind, f"told of {kind}")
        printed = maos("monitor", "d-1", f"--{part.flag}").stdout

        told = set(re.findall(r"told of (\w+)", printed))
        assert told == part.kinds - _OF_ROWS
        assert "round 1, simple_majority" in printed

    @pytest.mark.parametrize(
        ("flag", "words"),
        [
            ("raft-leader", "decided by simple_majority: there is no leader"),
            ("raft-election", "decided by simple_majority: there are no elections"),
            ("raft-details", "decided by simple_majority: there is no leader and no replicated log"),
            ("byzantine-detection", "decided by simple_majority: agents do not check each other"),
            ("adaptive-behavior", "decided by simple_majority: its algorithm was fixed"),
            ("weight-evolution", "--weight-evolution: no weight was changed"),
            ("partition-behavior", "--partition-behavior: no agent was cut off"),
            ("policy-details", "--policy-details: the policy noted nothing"),
        ],
    )
    def test_a_flag_without_anything_to_show_says_so(self, store, flag, words):
        opened(store)
        printed = maos("monitor", "d-1", f"--{flag}").stdout

        assert words in printed

    def test_a_flag_with_something_to_show_does_not(self, store):
        opened(store)
        note(store, EventKind.WEIGHT, "ada weighs 2", "ada")
        printed = maos("monitor", "d-1", "--weight-evolution").stdout

        assert "12:00:05 - ada weighs 2" in printed
        assert "no weight was changed" not in printed

    def test_several_flags_add_up(self, store):
        opened(store)
        note(store, EventKind.LEADER, "ada leads in term 1", "ada", term=1)
        note(store, EventKind.WEIGHT, "ada weighs 2", "ada")
        note(store, EventKind.RISK, "ada: high", "ada")
        printed = maos("monitor", "d-1", "--weight-evolution", "--raft-leader").stdout

        assert "ada leads" in printed
        assert "ada weighs 2" in printed
        assert "ada: high" not in printed

    def test_details_show_an_events_data(self, store):
        opened(store)
        note(store, EventKind.VOTE, "bob votes for ada", "bob", term=3, granted=True)

        assert "granted=True, term=3" in maos("monitor", "d-1", "--detailed").stdout
        assert "bob votes for ada" not in maos("monitor", "d-1").stdout


_OF_ROWS = OF_ROWS | FRAME
"""What the store writes itself, or what is shown with every section."""


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
        followed = Followed(store, "d-1", lambda: decided_later(store))

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


class TestJson:
    def test_every_event_is_an_object_a_line_and_the_decision_is_the_last(self, store):
        decided(store)
        note(store, EventKind.VOTE, "bob votes for ada", "bob", term=3)
        lines = [
            json.loads(line) for line in maos("monitor", "d-1", "--follow", "--format", "json").stdout.splitlines()
        ]

        assert [line["type"] for line in lines] == [*["event"] * 9, "decision"]
        assert [line["sequence"] for line in lines[:-1]] == list(range(1, 10))
        assert lines[2]["answer"]["reasoning"] == "ACID compliance"
        assert (lines[-1]["outcome"], lines[-1]["choice"], lines[-1]["strength"]) == ("reached", "PostgreSQL", "3/5")
        assert "timeline" not in lines[-1]

    def test_flags_filter_events_and_speak_as_notices(self, store):
        decided(store)
        printed = maos("monitor", "d-1", "--raft-leader", "--format", "json").stdout
        lines = [json.loads(line) for line in printed.splitlines()]

        assert [line.get("kind", line["type"]) for line in lines] == ["opened", "notice", "decided", "decision"]

    def test_a_run_is_the_last_with_its_decisions(self, store):
        store.open_run(run_of())
        opened(store, "r-1-concept", run_id="r-1")
        last = json.loads(maos("monitor", "r-1", "--format", "json").stdout.splitlines()[-1])

        assert (last["type"], last["run_id"]) == ("run", "r-1")
        assert "timeline" not in last["decisions"][0]


class TestScreen:
    def console(self) -> Console:
        return Console(record=True, width=140, force_terminal=True, markup=False, highlight=False, emoji=False)

    def shown(self, store: AuditStore, name: str, look: Look) -> str:
        console, subject = self.console(), Subject(store, name)
        with Screen(look, subject, console) as screen:
            look_once(subject, screen, look)
            screen.notice("the watcher speaks")
            screen.tick(subject, NOON + timedelta(seconds=26))
            screen.refresh()
        return console.export_text()

    def test_it_shows_agents_tally_threshold_and_time_left_below_the_lines(self, store):
        asked(store)
        answer(store, 0, 2, 3)
        text = self.shown(store, "d-1", Look(shows_weights=True))

        for part in (
            "12:00:05 - ada votes: PostgreSQL",
            "the watcher speaks",
            "Which database?",
            "1 of 5",
            "timed out",
            "asked",
            "weight 1",
            "round 1: 3 of 5 answered",
            "more than half of eligible needed; 34 s left",
        ):
            assert part in text

    def test_it_shows_a_runs_decisions_a_line_each(self, store):
        store.open_run(run_of())
        for name in ("one", "two"):
            opened(store, f"r-1-{name}", run_id="r-1")
        text = self.shown(store, "r-1", Look())

        assert re.search(r"r-1-one\s+0/5.*more than half\s+34 s left\s+asking", text)

    def test_a_large_electorate_is_counted_rather_than_listed(self, store):
        opened(store, "d-1", *(f"agent_{number:03}" for number in range(200)))
        text = self.shown(store, "d-1", Look())

        assert "0 of 200 answered" in text
        assert "agent_100" not in text

    def test_a_decision_that_ended_shows_how(self, store):
        decided(store)
        console, reader = self.console(), Reader(store, "d-1")
        reader.news()
        console.print(overview([reader], NOON))

        assert re.search(r"d-1\s+5/5.*PostgreSQL 3 of 5\s+more than half\s+reached", console.export_text())

    def test_it_is_chosen_on_a_terminal(self, store, monkeypatch):
        decided(store)
        monkeypatch.setenv("FORCE_COLOR", "1")
        result = maos("monitor", "d-1", "--follow")

        assert result.exit_code == 0
        assert "simple majority reached" in result.stdout


class TestCompletion:
    def test_ids_of_decisions_runs_and_submissions_complete(self, store):
        opened(store)
        store.open_run(run_of())
        store.submit(Submission("d-2", SubmissionKind.DECISION, "Which?", b"{}", NOON))

        assert complete_id("d-") == [("d-1", "Which database?"), ("d-2", "Which?")]
        assert complete_id("r") == [("r-1", "release")]

    def test_completing_makes_no_store_and_raises_nothing(self, home, monkeypatch):
        assert complete_id("") == []
        assert not home.exists()
        monkeypatch.setenv("MAOS_DATABASE_URL", "nonsense")
        assert complete_id("") == []


class TestWords:
    @given(st.text(max_size=3_000), st.integers(1, 300))
    def test_a_line_is_printable_bounded_and_single_spaced(self, text, most):
        line = one_line(text, most)

        assert line.isprintable()
        assert len(line) <= most
        assert "  " not in line

    @pytest.mark.parametrize(
        ("seconds", "words"), [(None, "-"), (0.42, "0.42 s"), (5.0, "5 s"), (34.4, "34 s"), (125, "2 min 5 s")]
    )
    def test_durations_read_as_people_write_them(self, seconds, words):
        assert duration(seconds) == words


def decided_later(store: AuditStore) -> None:
    answer(store)
    close(store)

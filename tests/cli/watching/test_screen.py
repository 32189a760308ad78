"""What `maos consensus monitor` prints for programs, draws on a terminal and completes."""

import json
import re
from datetime import timedelta

from rich.console import Console

from maos_flows.audit.store import AuditStore, Submission, SubmissionKind
from maos_flows.cli.ids import complete_id
from maos_flows.cli.watching.following import Subject, look_once
from maos_flows.cli.watching.reading import Reader
from maos_flows.cli.watching.screen import Screen, overview
from maos_flows.cli.watching.sections import Look
from maos_flows.model import EventKind
from tests.audit.samples import NOON, opened, run_of
from tests.cli.watching.watched import answer, asked, decided, maos, note


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

    def test_completing_makes_no_store_and_raises_nothing(self, bare_home, monkeypatch):
        assert complete_id("") == []
        assert not bare_home.exists()
        monkeypatch.setenv("MAOS_DATABASE_URL", "nonsense")
        assert complete_id("") == []

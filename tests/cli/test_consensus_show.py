"""`maos consensus show`, `stats` and `analyze`: what they say of decisions, for people and for programs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from maos_flows.audit.store import AuditStore, Submission, SubmissionKind
from maos_flows.cli.consensus import app
from maos_flows.cli.lookup import find
from maos_flows.cli.watching.conflicts import conflict_lines, conflicts
from maos_flows.cli.watching.figures import figure_lines, figures
from maos_flows.model import ABSTAIN, AbsenceKind, EventKind, Fault, Parameters
from tests.audit.samples import NOON, SOON, absence, ballot, decision_of, opened, opening_of, request_to, run_of
from tests.cli.watched import answer, asked, close, decided, note

RUNNER = CliRunner()


@pytest.fixture
def store(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[AuditStore]:
    """The store that the commands look into."""
    monkeypatch.setenv("MAOS_DATABASE_URL", sqlite_url)
    with AuditStore.open(sqlite_url) as made:
        yield made


def maos(*words: str) -> Result:
    result = RUNNER.invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result


def printed(*words: str) -> list[str]:
    return maos(*words).stdout.splitlines()


def told(*words: str) -> Any:
    return json.loads(maos(*words, "--format", "json").stdout)


class TestParticipation:
    def test_it_says_who_answered_how_fast_and_why_not(self, store):
        decided(store)

        assert printed("show", "d-1", "--participation") == [
            "Which database?",
            "simple majority reached: PostgreSQL (3 of 5)",
            "Participation: 4 of 5 answered",
            "  dan (agent): timed out after 8 s; no answer in 30 s",
            "  eve (agent): answered after 9 s",
            "  cyd (agent): answered after 7 s",
            "  bob (agent): answered after 6 s",
            "  ada (agent): answered after 5 s",
            "decision  d-1",
        ]

    def test_an_agent_that_is_still_asked_is_waited_for_and_not_absent(self, store):
        """B83."""
        asked(store, parameters=Parameters(min_participants=3))
        answer(store, 0)
        found = told("show", "d-1", "--participation")

        assert found["outcome"] is None
        assert [seat["answer"] for seat in found["participation"]["agents"]] == ["ballot", *["waiting"] * 4]
        assert "Participation: 1 of 5 answered; at least 3 needed" in printed("show", "d-1", "--participation")

    def test_why_a_ballot_did_not_count_stands_beside_its_agent(self, store):
        asked(store)
        store.record_answer(ballot("ada", "MySQL"))
        found = told("show", "d-1", "--participation")

        (ada,) = [seat for seat in found["participation"]["agents"] if seat["agent_id"] == "ada"]
        assert ada["why"].startswith("invalid choice: 'MySQL' is not a choice")

    def test_of_a_run_every_decision_is_shown(self, store):
        store.open_run(run_of())
        for name in ("one", "two"):
            opened(store, f"r-1-{name}", run_id="r-1")

        assert [line for line in printed("show", "r-1", "--participation") if line.startswith("decision")] == [
            "decision  r-1-one",
            "decision  r-1-two",
        ]
        assert len(told("show", "r-1", "--participation")["decisions"]) == 2

    def test_of_a_submission_there_is_nothing_to_show_yet(self, store):
        store.submit(Submission("d-1", SubmissionKind.DECISION, "Which?", b"{}", NOON))

        assert printed("show", "d-1", "--participation") == ["d-1 is submitted and not opened yet"]
        assert told("show", "d-1", "--participation")["participation"] is None


class TestConflicts:
    def test_they_say_who_stands_for_what_and_what_would_have_changed_it(self, store):
        decided(store)

        assert printed("show", "d-1", "--vote-conflicts")[2:-1] == [
            "Conflicts: 2 choices; more than half of eligible needed",
            "  PostgreSQL 3 (decided): ada, bob, eve",
            "  MongoDB 1: cyd",
            "  would have changed it: 1 ballot cast otherwise: any one of ada, bob, eve",
        ]

    def test_where_nothing_was_reached_they_say_what_was_lacking(self, store):
        asked(store)
        answer(store, 0, 1, 2, 3)
        store.record_answer(ballot("eve", ABSTAIN))
        store.record_answer(ballot("ada", "MongoDB"))
        close(store)
        lines = printed("show", "d-1", "--vote-conflicts")

        assert "  would have changed it: 1 more for PostgreSQL" in lines
        assert "  would have changed it: the ballots of those who gave none, who weigh 1" in lines
        assert "  abstained: eve" in lines
        assert any(line.startswith("  cast two ballots: ada") for line in lines)

    def test_where_all_agree_there_is_none(self, store):
        asked(store)
        store.record_answer(ballot())

        assert "Conflicts: none" in printed("show", "d-1", "--vote-conflicts")[2]

    def test_a_veto_is_named(self, store):
        asked(store, parameters=Parameters(veto=("ada",)))
        store.record_answer(ballot("ada", "MongoDB", veto=True))
        for agent in ("bob", "cyd", "dan", "eve"):
            store.record_answer(ballot(agent))
        close(store)

        assert "  would have changed it: no veto by ada" in printed("show", "d-1", "--vote-conflicts")

    def test_sealed_ballots_stay_sealed(self, store):
        """B61."""
        asked(store, sealed=True)
        answer(store, 0, 2)
        store.record_answer(ballot("ada", "MongoDB"))
        found = find(store, "d-1")
        assert found.opening is not None

        conflicting, measured = conflicts(found, found.opening), figures(found, found.opening)
        shown = json.dumps([conflicting, measured, found.as_plain()["ballots"]])
        lines = [*conflict_lines(conflicting), *figure_lines(measured)]
        assert "Conflicts: ballots are sealed until the decision is closed" in lines
        assert "weights        sealed until the decision is closed" in lines
        assert "MongoDB" not in shown
        assert found.ballots == ()


class TestLeadership:
    def test_the_current_leader_is_the_last_of_the_timeline(self, store):
        opened(store, algorithm="simple_majority")
        note(store, EventKind.LEADER, "ada leads in term 1", "ada", term=1)
        note(store, EventKind.LEADER, "bob leads in term 2", "bob", term=2)
        found = told("show", "d-1", "--raft-leader")

        assert (found["current_leader"], found["term"]) == ("bob", 2)
        assert [change["leader"] for change in found["leaders"]] == ["ada", "bob"]
        assert printed("show", "d-1", "--raft-leader")[2:5] == [
            "Leader: bob (term 2)",
            "  12:00:05 - ada leads in term 1",
            "  12:00:05 - bob leads in term 2",
        ]

    def test_a_leader_that_is_gone_is_none(self, store):
        opened(store)
        note(store, EventKind.LEADER, "ada leads in term 1", "ada", term=1)
        note(store, EventKind.LEADER, "there is no leader")

        assert told("show", "d-1", "--raft-leader")["current_leader"] is None

    def test_an_algorithm_without_leaders_says_so(self, store):
        opened(store)

        assert told("show", "d-1", "--raft-leader")["current_leader"] is None
        assert "Leader: none; decided by simple_majority: there is no leader" in printed("show", "d-1", "--raft-leader")


class TestMisbehaviour:
    def test_proof_and_suspicion_are_told_apart(self, store):
        asked(store)
        answer(store)
        note(store, EventKind.EVIDENCE, "ada signed two ballots", "ada", kind="equivocation")
        note(store, EventKind.EVIDENCE, "cyd signed two ballots", "cyd", kind="equivocation")
        note(store, EventKind.SUSPICION, "bob's claim is disputed", "bob", kind="disputed_claim")
        note(store, EventKind.ISOLATED, "ada is kept out", "ada")
        note(store, EventKind.ISOLATED, "bob is kept out", "bob")
        note(store, EventKind.RELEASED, "bob is let in", "bob")
        note(store, EventKind.INJECTED, "a drill makes ada lie")
        store.close_decision(
            replace(decision_of(store), faults=(Fault("ada", "equivocation", True, ("b1", "b2")),)), at=SOON
        )
        found = told("show", "d-1", "--byzantine-detection")["byzantine_detection"]

        assert found["proven"] == [
            {"agent_id": "ada", "kind": "equivocation", "evidence": ["b1", "b2"]},
            {"agent_id": "cyd", "kind": "equivocation", "evidence": ["cyd signed two ballots"]},
        ]
        assert [fault["agent_id"] for fault in found["suspected"]] == ["bob"]
        assert found["isolated"] == ["ada"]
        lines = printed("show", "d-1", "--byzantine-detection")
        assert lines[2:-1] == [
            "Misbehaviour: 2 proven, 1 suspected",
            "  ada: proven, equivocation (b1; b2)",
            "  cyd: proven, equivocation (cyd signed two ballots)",
            "  bob: suspected, disputed claim (bob's claim is disputed)",
            "  ada: kept out of later electorates",
            "  drill: a drill makes ada lie",
        ]

    def test_nothing_found_is_said_with_how_far_anybody_looked(self, store):
        opened(store)
        store.record_answer(ballot("ada"))
        store.record_answer(ballot("ada", "MongoDB"))
        lines = printed("show", "d-1", "--byzantine-detection")

        assert lines[2].startswith(
            "Misbehaviour: none proven, none suspected; decided by simple_majority: agents do not"
        )
        assert lines[3].startswith("  ada: a second ballot was not counted")


class TestTogether:
    def test_aspects_add_up_and_go_with_the_whole(self, store):
        decided(store)
        text = maos("show", "d-1", "--participation", "--raft-leader", "--votes").stdout

        assert "Ballots" in text
        assert "Participation: 4 of 5" in text
        assert "Leader: none" in text

    def test_without_flags_a_program_gets_everything(self, store):
        decided(store)
        found = told("show", "d-1")

        assert (found["task_id"], found["choice"], len(found["timeline"])) == ("d-1", "PostgreSQL", 8)


class TestStats:
    def test_the_figures_of_a_decision(self, store):
        decided(store)
        found = told("stats", "d-1")

        assert found["participation"] == {"asked": 5, "answered": 4, "rate": 0.8}
        assert found["seconds"] == {
            "to_first_ballot": 5.0,
            "to_last_ballot": 9.0,
            "to_decision": 10.0,
            "median_answer": 6.5,
            "slowest_answer": 9.0,
        }
        assert (found["strength"], found["margin"], found["cost"]) == ("0.6", 1, None)
        assert found["confidence"] == {"stated": 4, "lowest": 0.9, "median": 0.9, "highest": 0.9}
        assert found["weights"] == {"PostgreSQL": "3", "MongoDB": "1"}

    def test_they_read_line_by_line(self, store):
        decided(store)

        assert printed("stats", "d-1") == [
            "Which database?",
            "simple majority reached: PostgreSQL (3 of 5)",
            "outcome        reached: PostgreSQL (simple_majority, more than half of eligible needed)",
            "participation  4 of 5 (80 %)",
            "first ballot   after 5 s, last after 9 s",
            "answers        median 6.5 s, slowest 9 s",
            "decided        after 10 s",
            "strength       0.6, margin 1 ballot",
            "confidence     0.9 to 0.9, median 0.9 (4 stated)",
            "weights        PostgreSQL 3, MongoDB 1",
            "decision  d-1",
        ]

    def test_what_is_not_there_yet_is_shown_as_unknown(self, store):
        """B83."""
        opened(store)
        found = told("stats", "d-1")

        assert set(found["seconds"].values()) == {None}
        assert (found["outcome"], found["strength"], found["confidence"]["stated"]) == (None, None, 0)
        assert "decided        after -" in printed("stats", "d-1")

    def test_costs_are_what_ballots_state_and_nonsense_is_left_out(self, store):
        asked(store)
        for agent, cost in (("ada", 0.25), ("bob", 1), ("cyd", "much"), ("dan", True)):
            store.record_answer(ballot(agent, attributes={"cost": cost}, voter="simulated", confidence=None))
        store.record_answer(ballot("eve", "MySQL"))

        assert told("stats", "d-1")["cost"] == 1.25
        lines = printed("stats", "d-1")
        assert "cost           1.25, as stated on the ballots" in lines
        assert "simulated      4 ballots from a generator" in lines
        assert "not counted    1" in lines

    def test_without_an_id_the_newest_are_counted_together(self, store):
        decided(store)
        opened(store, "d-2")
        opened(store, "d-3", algorithm="supermajority")
        store.record_answer(absence("ada", AbsenceKind.FAILED, decision_id="d-3"))
        store.close_decision(decision_of(store, "d-3"), at=NOON + timedelta(seconds=2))
        found = told("stats")

        assert (found["decisions"], found["open"], found["outcomes"]) == (3, 1, {"not_reached": 1, "reached": 1})
        assert (found["reached_rate"], found["median_seconds"], found["slowest_seconds"]) == (0.5, 6.0, 10.0)
        assert found["algorithms"]["supermajority"]["median_seconds"] == 2.0
        assert printed("stats") == [
            "the newest 3 decisions: 1 open, 0 with simulated ballots",
            "outcomes       not reached 1, reached 1",
            "decided        median after 6 s, slowest 10 s",
            "  simple_majority: 2 decisions, 100 % reached, median 10 s",
            "  supermajority: 1 decision, 0 % reached, median 2 s",
        ]
        assert told("stats", "--limit", "1")["decisions"] == 1

    def test_of_nothing_there_are_no_figures_and_no_division_by_it(self, store):
        assert told("stats")["reached_rate"] is None
        assert printed("stats")[1] == "outcomes       -"


class TestAnalyze:
    def test_where_the_time_went(self, store):
        store.submit(Submission("d-1", SubmissionKind.DECISION, "Which?", b"{}", NOON - timedelta(seconds=10)))
        decided(store)
        opened(store, "d-2", "ada")
        store.record_answer(ballot(decision_id="d-2"))
        store.close_decision(decision_of(store, "d-2"), at=NOON + timedelta(seconds=4))

        slowest = "eve 9 s (ballot), dan 8 s (timed out), cyd 7 s (ballot), bob 6 s (ballot), ada 5 s (ballot)"
        assert printed("analyze", "d-1", "--performance")[2:-1] == [
            "Performance: 20 s in all",
            "  waiting to be opened: 10 s (50 %)",
            "  waiting for answers: 9 s (45 %)",
            "  deciding and recording: 1 s (5 %)",
            "  opening: 0 s (0 %)",
            f"  slowest agents: {slowest}",
            "  usual by the same algorithm: 4 s (median of 1 other decision)",
        ]

    def test_phases_and_rounds_have_their_share(self, store):
        asked(store, rounds=2)
        answer(store, 0)
        note(store, EventKind.PHASE, "the agents check each other", phase="cross_validation")
        store.open_round(opening_of(request_to(rounds=2), round_number=2))
        found = told("analyze", "d-1", "--performance")["performance"]

        spans = {span["what"]: span["seconds"] for span in found["spans"]}
        assert spans.keys() == {"opening", "waiting for answers", "deciding and recording", "cross validation"}
        assert spans["waiting for answers"] == 5.0

    def test_a_fault_proven_here_stands_beside_its_agent(self, store):
        asked(store)
        answer(store)
        faults = (Fault("ada", "equivocation", is_proof=True),)
        store.close_decision(replace(decision_of(store), faults=faults), at=SOON)

        assert "  ada: answered after 5 s; proven: equivocation" in printed("analyze", "d-1", "--agent-behavior")

    def test_the_longest_waited_for_is_named(self, store):
        decided(store)

        assert printed("analyze", "d-1", "--performance")[-2] == (
            "  most of it was spent waiting for answers, longest for eve"
        )

    def test_agents_are_not_blamed_for_time_they_did_not_take(self, store):
        asked(store)
        store.record_answer(ballot("ada", seconds=0.1))
        close(store)

        assert printed("analyze", "d-1", "--performance")[-2] == (
            "  most of it was spent starting calls and recording answers; no agent took longer than 0.1 s"
        )

    def test_behaviour_is_told_here_and_on_record_and_a_minority_is_no_fault(self, store):
        """B15, B16."""
        asked(store)
        answer(store)
        store.record_answer(ballot("ada", "MongoDB"))
        note(store, EventKind.SUSPICION, "bob is late", "bob", kind="delay")
        close(store)
        lines = printed("analyze", "d-1", "--agent-behavior")

        assert "  ada: answered after 5 s; 1 ballot not counted" in lines
        assert "  bob: answered after 6 s; suspected: delay" in lines
        assert "  cyd: answered after 7 s; in the minority" in lines
        assert "    1 decision, 1 ballot, median 7 s; in the minority in 1 of 1" in lines
        assert "    1 decision, 0 ballots, median -; in the minority in 0 of 0; timed out 1" in lines
        assert "  To have been in the minority is no fault." in lines
        found = told("analyze", "d-1", "--agent-behavior")["agent_behavior"]["agents"]
        assert [agent["here"]["in_minority"] for agent in found] == [False, False, True, None, False]
        assert [agent["here"]["proven"] for agent in found] == [[]] * 5

    def test_without_a_flag_everything_is_analysed(self, store):
        opened(store)
        found = told("analyze", "d-1")

        assert {"agent_behavior", "performance"} <= found.keys()
        assert found["performance"]["seconds"] == 0

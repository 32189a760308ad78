"""`maos consensus stats` and `analyze`: figures of decisions, and where their time went."""

from dataclasses import replace
from datetime import timedelta

from maos_flows.audit.store import Submission, SubmissionKind
from maos_flows.model import AbsenceKind, EventKind, Fault
from tests.audit.samples import NOON, SOON, absence, ballot, decision_of, opened, opening_of, request_to
from tests.cli.watching.watched import answer, asked, close, decided, note, printed, told


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

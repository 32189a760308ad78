"""`maos consensus show`: what its flags say of decisions, for people and for programs."""

import json
from dataclasses import replace

from maos_flows.audit.store import Submission, SubmissionKind
from maos_flows.cli.lookup import find
from maos_flows.cli.watching.conflicts import conflict_lines, conflicts
from maos_flows.cli.watching.figures import figure_lines, figures
from maos_flows.model import ABSTAIN, EventKind, Fault, Parameters
from tests.audit.samples import NOON, SOON, ballot, decision_of, opened, run_of
from tests.cli.watching.watched import answer, asked, close, decided, maos, note, printed, told


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

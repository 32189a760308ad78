"""What raft promises: a leader really elected, an order that a majority holds, and nothing committed by a minority."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.agreement.deciding import Collected
from maos_flows.agreement.faults import Crash, Delay, Partition, Script, Span
from maos_flows.agreement.raft import RaftPacing, RaftReplicas
from maos_flows.agreement.running import run_virtually
from maos_flows.agreement.telling import Agreed, Happening
from maos_flows.errors import ConfigurationError
from maos_flows.model import Absence, AbsenceKind, Ballot, Decision, EventKind, Outcome, Reason, RejectionReason
from maos_flows.policies.raft import RaftTiming
from maos_flows.protocols.raft_decision import BallotEntry, Opening
from tests.agreement.council import RAFT, collected, decided, names, opening_of

SLOW = RaftTiming(5_000, 1_000, 2_000)


def council(size: int, *, seed: int = 1, down: tuple[str, ...] = (), **pacing: Any) -> RaftReplicas:
    agents = names(size)
    ballots = [BallotEntry("d-1", agent, f"ballot of {agent}", "x") for agent in agents if agent not in down]
    opening = Opening("d-1", ("x", "y"), agents, "digest")
    timing = SLOW if pacing else RaftTiming()
    return RaftReplicas(opening, ballots, down=set(down), timing=timing, seed=seed, pacing=RaftPacing(**pacing))


def run(replicas: RaftReplicas, faults: Script | None = None) -> tuple[Agreed, list[Happening]]:
    happened: list[Happening] = []
    return run_virtually(replicas, faults or Script(), happened.extend), happened


def told(happened: list[Happening], kind: EventKind) -> Iterator[Happening]:
    return (one for one in happened if one.kind is kind)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 9])
def test_all_ballots_are_ordered_by_a_leader_that_a_majority_voted_for(size: int):
    agreed, happened = run(council(size))

    assert set(agreed.agents) == set(names(size))
    votes = [one for one in told(happened, EventKind.VOTE) if one.data["granted"]]
    (leader,) = told(happened, EventKind.LEADER)
    for_leader = [one for one in votes if one.data["vote_for"] == leader.agent_id and one.at <= leader.at]
    assert len({voter for one in for_leader for voter in one.data["voters"]}) + 1 >= size // 2 + 1
    assert agreed.details["commit_index"] == size + 3
    assert [entry["entry"].split(" ")[0] for entry in agreed.details["log"]][-1] == "CLOSE,"


def test_who_votes_alike_at_one_moment_stands_in_one_line():
    _, happened = run(council(4))

    (leader,) = told(happened, EventKind.LEADER)
    voters = [name for name in names(4) if name != leader.agent_id]
    (votes,) = told(happened, EventKind.VOTE)
    assert votes.text == f"{', '.join(voters)} vote for {leader.agent_id} in term 1"
    assert (votes.agent_id, votes.data["voters"]) == (None, voters)


@pytest.mark.parametrize("seed", range(10))
def test_a_leader_that_is_up_is_heard_by_all_and_nobody_stands_against_it(seed: int):
    _, happened = run(council(5, seed=seed, gathering=20_000))

    (leader,) = told(happened, EventKind.LEADER)
    assert max(one.at for one in happened) > leader.at + 10_000
    assert [one.text for one in told(happened, EventKind.ELECTION) if one.at > leader.at] == []


def test_clocks_are_not_in_step_so_that_two_seldom_stand_at_once():
    runs = [run(council(7, seed=seed)) for seed in range(100)]

    first = [next(told(happened, EventKind.ELECTION)).at for _, happened in runs]
    assert min(first) >= 150
    assert max(first) < 300
    assert len({at % 15 for at in first}) > 10
    assert sum(agreed.details["elections"] > 1 for agreed, _ in runs) <= 12


def test_a_single_vote_is_told_as_its_agents():
    _, happened = run(council(2))

    (leader,) = told(happened, EventKind.LEADER)
    (vote,) = told(happened, EventKind.VOTE)
    assert vote.text == f"{vote.agent_id} votes for {leader.agent_id} in term 1"


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_ballots_are_handed_in_once_a_leader_is_known_and_nobody_waits_for_a_time_to_ask_again(seed: int):
    agreed, happened = run(council(7, seed=seed))

    (leader,) = told(happened, EventKind.LEADER)
    assert agreed.is_agreed
    assert max(one.at for one in told(happened, EventKind.COMMIT)) <= leader.at + 10


def test_the_same_seed_gives_the_same_run():
    assert run(council(5, seed=9)) == run(council(5, seed=9))
    assert run(council(5, seed=9))[1] != run(council(5, seed=10))[1]


@given(st.integers(0, 2**32), st.integers(0, 6), st.integers(0, 2_000))
@settings(max_examples=30, deadline=None)
def test_b78_at_most_one_leader_a_term_whoever_crashes(seed: int, victim: int, at: int):
    """B78: two candidates of a term never both lead it, and what was decided is all that was cast."""
    faults = Script((Span(Crash(names(7)[victim]), at, at + 500), Span(Crash(names(7)[(victim + 3) % 7]), at + 100)))
    agreed, happened = run(council(7, seed=seed), faults)

    terms = [one.data["term"] for one in told(happened, EventKind.LEADER) if one.agent_id is not None]
    assert len(terms) == len(set(terms))
    assert agreed.is_agreed


def test_b78_the_minority_of_a_partition_commits_nothing_and_catches_up():
    """B78: three of seven, cut off with or without the leader, never commit; healed, their logs are made whole."""
    for seed in range(4):
        faults = Script((Span(Partition((names(7)[:3],)), 20_000, 100_000),))
        replicas = council(7, seed=seed, gathering=60_000, give_up=300_000, linger=200_000)
        agreed, happened = run(replicas, faults)

        (stalled,) = told(happened, EventKind.STALLED)
        assert stalled.data == {"at_ms": 20_000, "agents": list(names(7)[:3]), "needed": 4}
        cut_off = [one for one in told(happened, EventKind.COMMIT) if 20_100 < one.at < 100_000]
        assert {one.agent_id for one in cut_off} <= set(names(7)[3:])
        caught_up = {one.agent_id for one in told(happened, EventKind.RECOVERED) if one.data["kind"] == "caught_up"}
        assert caught_up == set(names(7)[:3])
        assert set(agreed.agents) == set(names(7))


def test_b78_when_the_leader_crashes_another_is_elected_and_the_log_is_made_whole():
    """B78: the timeout, the candidate, the votes, the new leader; the old one comes back and follows."""
    agreed, first = run(council(5, gathering=60_000, give_up=300_000, linger=200_000))
    assert agreed.leader is not None
    agreed, happened = run(
        council(5, gathering=60_000, give_up=300_000, linger=200_000),
        Script((Span(Crash(agreed.leader), 20_000, 80_000),)),
    )

    after = [one for one in happened if one.at >= 20_000]
    kinds = [one.kind for one in after]
    assert kinds[0] is EventKind.FAILURE
    causes = [one.data["cause"] for one in told(after, EventKind.ELECTION)]
    assert {"leader_timeout", "candidate"} <= set(causes)
    leaders = [one.agent_id for one in told(happened, EventKind.LEADER)]
    assert leaders[0] == next(told(first, EventKind.LEADER)).agent_id != leaders[-1]
    assert [one.data["kind"] for one in told(after, EventKind.RECOVERED)] == ["restarted", "caught_up"]
    assert len(agreed.agents) == 5


def test_without_a_majority_there_is_no_leader_and_no_decision():
    agreed, _ = run(council(5, down=names(5)[:3]))

    assert not agreed.is_agreed
    assert "only 2 of 5 replicas are up" in agreed.explanation


def test_a_majority_that_stays_away_ends_the_run_in_time():
    faults = Script(tuple(Span(Crash(agent), 100) for agent in names(5)[:3]))
    agreed, _ = run(council(5), faults)

    assert not agreed.is_agreed
    assert "committed the closing in time" in agreed.explanation


def test_a_slow_replica_does_not_keep_the_others_from_deciding():
    agreed, _ = run(council(5), Script((Span(Delay("a00", 40)),)))

    assert agreed.is_agreed


# --- decisions ------------------------------------------------------------------------------------------------------


def decision_of(choices: dict[str, str | None], **parameters: Any) -> Decision:
    opening = opening_of(len(choices), RAFT, **parameters)
    return decided(opening, collected(opening, choices), policy=RAFT)


def test_the_policy_counts_what_stands_in_the_log():
    decision = decision_of({"a00": "x", "a01": "x", "a02": "y", "a03": None, "a04": "x"})

    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "x")
    assert "led by" in decision.explanation
    assert decision.certificate is None


def test_b17_with_a_majority_absent_nothing_is_decided():
    """B17: absence of more than can be borne is never an approval."""
    decision = decision_of({"a00": "x", "a01": "x", "a02": None, "a03": None, "a04": None})

    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.TOO_MANY_FAULTS)


def test_a_ballot_that_never_reached_the_log_is_kept_and_not_counted():
    opening = opening_of(5, RAFT)
    faults = Script((Span(Crash("a00")),))
    decision = decided(opening, collected(opening, dict.fromkeys(names(5), "x")), policy=RAFT, faults=faults)

    assert [(one.ballot.agent_id, one.reason) for one in decision.rejected] == [("a00", RejectionReason.NOT_AGREED)]
    assert len(decision.ballots) == 4


def test_agents_that_are_not_needed_keep_their_replicas():
    opening = opening_of(3, RAFT)
    spared = Absence("d-1", "a02", AbsenceKind.NOT_NEEDED)
    what = Collected((Ballot("d-1", "a00", "x"), Ballot("d-1", "a01", "x")), (spared,))
    decision = decided(opening, what, policy=RAFT)

    assert decision.outcome is Outcome.REACHED
    assert decision.details["agreement"]["replicas"]["a02"]["role"] != "down"


def test_b79_a_leaders_override_is_recorded_as_its_own_decision_and_never_as_consensus():
    """B79: outcome `overridden`, with the tally it overrode; without the right to it nothing is decided."""
    tied = {"a00": "x", "a01": "x", "a02": "y", "a03": "y"}

    plain = decision_of(tied)
    decision = decision_of(tied, settings={"leader_override": True})

    leader = decision.details["agreement"]["leader"]
    assert plain.outcome is Outcome.NOT_REACHED
    assert (decision.outcome, decision.reason) == (Outcome.OVERRIDDEN, Reason.LEADER_OVERRIDE)
    assert decision.choice == tied[leader]
    assert decision.details["overrode"] == {"reason": "tie", "by": leader}
    assert decision.tally.units == {"x": 2, "y": 2}


def test_b79_a_leader_that_abstained_or_a_consensus_or_a_veto_leaves_nothing_to_override():
    """B79: the leader decides only what the ballots do not."""
    allowed = {"leader_override": True}

    assert decision_of(dict.fromkeys(names(3), "abstain"), settings=allowed).outcome is Outcome.NOT_REACHED
    assert decision_of(dict.fromkeys(names(3), "x"), settings=allowed).outcome is Outcome.REACHED
    opening = opening_of(3, RAFT, settings=allowed, veto=("a00",))
    ballots = (Ballot("d-1", "a00", "y", veto=True, reasoning="no"), Ballot("d-1", "a01", "x"))
    vetoed = decided(opening, Collected(ballots), policy=RAFT)
    assert (vetoed.outcome, vetoed.reason) == (Outcome.NOT_REACHED, Reason.VETOED)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"leader_timeout": 5}, "5 is not a whole number of milliseconds from 10"),
        ({"leader_timeout": True}, "True is not a whole number"),
        ({"election_timeout_min": "1s"}, "'1s' is not a whole number"),
        ({"election_timeout_min": 9_999_999}, "9999999 is not a whole number"),
        ({"election_timeout_min": 400}, "300 is not above the minimum, 400"),
        ({"leader_override": "perhaps"}, "'perhaps' is not true or false"),
        ({"leaders": 2}, "raft has no such parameter; it has leader_timeout"),
    ],
)
def test_times_that_no_election_could_be_held_with_are_refused(given: dict[str, Any], complaint: str):
    with pytest.raises(ConfigurationError) as refused:
        RAFT.settings(given)

    assert complaint in str(refused.value)


def test_times_may_be_written_as_text():
    assert RAFT.settings({"leader_timeout": "5000", "leader_override": "true"}) == {
        "leader_timeout": 5_000,
        "leader_override": True,
    }

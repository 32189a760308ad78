"""Raft under every fault of the simulator: no violation, live after healing, the same for the same seed."""

import json
import os
import subprocess
import sys

import pytest

from maos_flows.protocols.raft_log import Saved
from maos_flows.protocols.raft_messages import AppendReply, Entry, VoteReply, VoteRequest
from maos_flows.protocols.raft_requests import Fate, FateKind, ReadIndex
from maos_flows.protocols.simulation.faults import Profile
from maos_flows.protocols.simulation.raft import run
from maos_flows.protocols.simulation.raft_invariants import RaftInvariants
from maos_flows.protocols.simulation.world import Settings
from maos_flows.protocols.step import Envelope, Fault
from tests.protocols.raft_support import TRIO, follower, leader, make, terms
from tests.protocols.seeds import blocks


@pytest.mark.parametrize("first", blocks(0, 400, size=50, measured={0}))
def test_400_swarm_seeds_are_clean_and_live(first):
    reports = [run(seed, Profile.SWARM) for seed in range(first, first + 50)]

    assert [report for report in reports if not (report.is_clean and report.decided)] == []


@pytest.mark.parametrize("first", blocks(0, 100, size=50, measured={0}))
def test_100_uniform_seeds_are_clean_and_live(first):
    reports = [run(seed, Profile.UNIFORM) for seed in range(first, first + 50)]

    assert [report for report in reports if not (report.is_clean and report.decided)] == []


@pytest.mark.parametrize("profile", list(Profile))
def test_a_seed_runs_the_same_twice_and_another_runs_differently(profile):
    once, twice, other = run(11, profile), run(11, profile), run(12, profile)

    assert once == twice
    assert once.trace_hash != other.trace_hash


def test_a_seed_runs_the_same_under_every_hash_seed():
    program = "from maos_flows.protocols.simulation.raft import run; print([run(s).trace_hash for s in range(4)])"

    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]

    assert said[0] == said[1] == f"{[run(seed).trace_hash for seed in range(4)]}\n"


def test_watching_a_run_does_not_change_it():
    lines, trace = [], []

    watched = run(5, Profile.SWARM, Settings(observe=lines.append, trace=trace.append))

    assert watched == run(5, Profile.SWARM)
    assert lines
    assert trace


def test_a_prefix_is_the_beginning_of_the_run():
    whole, prefix = [], []

    run(5, Profile.SWARM, Settings(observe=whole.append))
    run(5, Profile.SWARM, Settings(observe=prefix.append, stop_after=200))

    assert prefix == whole[: len(prefix)]


def test_the_trace_tells_every_state_change_as_plain_json():
    lines = []
    for seed in (6, 8, 11):
        run(seed, Profile.SWARM, Settings(trace=lines.append))

    assert {line["kind"] for line in lines} == {"state", "send", "receive", "write", "apply"}
    assert {line["role"] for line in lines} == {"follower", "pre_candidate", "candidate", "leader", "down"}
    assert json.loads(json.dumps(lines)) == lines
    assert all(len(line["log_terms"]) == line["log_length"] for line in lines if line["role"] != "down")


def test_nothing_is_sent_in_the_trace_before_its_term_is_written():
    lines = []
    run(6, Profile.SWARM, Settings(trace=lines.append))

    written = {}
    for line in lines:
        if line["kind"] == "write":
            written[line["replica"]] = line["written_term"]
        elif line["kind"] == "send" and not line["message"]["type"].startswith("PreVote"):
            assert line["message"]["term"] <= written.get(line["replica"], 0)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
def test_every_size_of_electorate_is_live(size):
    assert run(1, Profile.UNIFORM, Settings(size=size)).decided


# The net itself: each invariant sees what breaks it.


@pytest.fixture
def net():
    """Three replicas watched by the invariants, their disks as the test sets them."""
    disks = dict.fromkeys(TRIO, Saved())
    return RaftInvariants(disks), disks


def found(invariants):
    return [violation.invariant for violation in invariants.take()]


def test_a_replica_that_forgets_what_it_wrote_is_seen(net):
    invariants, disks = net
    disks["a"] = Saved(3, "b", terms(1))

    invariants.born("a", make())

    assert found(invariants) == ["restart"]


def test_a_term_that_falls_on_disk_is_seen(net):
    invariants, _ = net

    invariants.wrote("a", Saved(3), Saved(2))

    assert found(invariants) == ["term_monotone"]


def test_two_votes_in_a_term_are_seen(net):
    invariants, _ = net

    invariants.wrote("a", Saved(), Saved(2, "b"))
    invariants.wrote("a", Saved(2, "b"), Saved(2, "c"))

    assert found(invariants) == ["one_vote"]


@pytest.mark.parametrize(
    "message",
    [VoteRequest(2, 0, 0), VoteReply(2, is_granted=True), VoteReply(3, is_granted=False), AppendReply(2, True, 1, 0)],
)
def test_a_message_ahead_of_the_disk_is_seen(net, message):
    invariants, disks = net
    disks["a"] = Saved(2, "c")

    invariants.sent(Envelope("a", "b", message))

    assert "write_before_send" in found(invariants)


def test_a_replica_that_goes_back_is_seen(net):
    invariants, _ = net
    replica = make()
    invariants.born("a", replica)
    replica.term = 3
    invariants.changed("a")

    replica.term = 2
    invariants.changed("a")

    assert found(invariants) == ["monotone"]


def test_a_commit_beyond_the_log_is_seen(net):
    invariants, _ = net
    replica = make()
    invariants.born("a", replica)

    replica.commit = 1
    invariants.changed("a")

    assert found(invariants) == ["applied_committed_stored"]


def test_two_leaders_of_a_term_are_seen(net):
    invariants, disks = net
    for agent in ("a", "b"):
        replica = leader()
        disks[agent] = Saved(replica.term, replica.vote, replica.log.entries)
        invariants.born(agent, replica)

    assert found(invariants) == ["election_safety"]


def test_a_leader_that_changes_its_log_is_seen(net):
    invariants, disks = net
    replica = leader(1)
    disks["a"] = Saved(replica.term, replica.vote, replica.log.entries)
    invariants.born("a", replica)

    replica.log.replace_from(1, [Entry(1, "other")])
    invariants.changed("a")

    assert "leader_append_only" in found(invariants)


def test_two_logs_that_differ_before_an_equal_entry_are_seen(net):
    invariants, disks = net
    disks |= {"a": Saved(2, None, terms(1, 2)), "b": Saved(2, None, (Entry(1, "other"), *terms(1, 2)[1:]))}

    for agent in ("a", "b"):
        invariants.born(agent, make(saved=disks[agent]))

    assert set(found(invariants)) == {"log_matching"}


def test_a_commit_that_only_a_minority_has_on_disk_is_seen(net):
    invariants, disks = net
    disks["a"] = Saved(1, None, terms(1))
    replica = follower(1)
    invariants.born("a", replica)

    replica.commit = 1
    invariants.changed("a")

    assert found(invariants) == ["commit_on_quorum"]


def test_another_entry_committed_at_the_same_place_is_seen(net):
    invariants, disks = net
    disks |= {"a": Saved(1, None, terms(1)), "b": Saved(1, None, terms(1)), "c": Saved(2, None, (Entry(2),))}
    for agent in TRIO:
        replica = make(saved=disks[agent])
        invariants.born(agent, replica)
        replica.commit = 1
        invariants.changed(agent)

    assert found(invariants) == ["state_machine_safety"]


def test_a_proposal_committed_twice_is_seen(net):
    invariants, disks = net
    twice = Saved(1, None, (Entry(1, "x", "k"), Entry(1, "x", "k")))
    disks |= dict.fromkeys(TRIO, twice)
    replica = make(saved=twice)
    invariants.born("a", replica)

    replica.commit = 2
    invariants.changed("a")

    assert found(invariants) == ["committed_once"]


def test_a_committed_entry_that_changes_is_seen(net):
    invariants, disks = net
    disks |= dict.fromkeys(TRIO, Saved(1, None, terms(1)))
    replica = follower(1)
    invariants.born("a", replica)
    replica.commit = 1
    invariants.changed("a")

    replica.log.replace_from(1, [Entry(2)])
    invariants.changed("a")

    assert found(invariants) == ["committed_stays"]


@pytest.mark.parametrize("log", [(), (2,)])
def test_a_leader_without_a_committed_entry_is_seen(net, log):
    invariants, disks = net
    disks |= {"b": Saved(1, None, terms(1)), "c": Saved(1, None, terms(1))}
    committer = make(saved=disks["b"])
    invariants.born("b", committer)
    committer.commit = 1
    invariants.changed("b")

    replica = leader(*log)
    if not log:
        replica.term = 5
    disks["a"] = Saved(replica.term, replica.vote, replica.log.entries)
    invariants.born("a", replica)

    assert "leader_completeness" in found(invariants)


def test_a_living_leader_of_a_later_term_without_what_is_committed_now_is_seen(net):
    invariants, disks = net
    replica = leader(2)
    disks |= {"a": Saved(replica.term, replica.vote, replica.log.entries)}
    disks |= {agent: Saved(1, None, terms(1)) for agent in ("b", "c")}
    invariants.born("a", replica)
    committer = make(saved=disks["b"])
    invariants.born("b", committer)

    committer.commit = 1
    invariants.changed("b")

    assert found(invariants) == ["leader_completeness"]


def test_outputs_that_contradict_the_log_are_seen(net):
    invariants, disks = net
    disks |= dict.fromkeys(TRIO, Saved(1, None, terms(1)))
    replica = follower(1)
    invariants.born("a", replica)
    replica.commit = 1
    invariants.changed("a")
    invariants.read_asked("r")

    invariants.folded("a", 1, "one decision")
    invariants.folded("a", 1, "another decision")
    for output in (
        Fate("other", FateKind.COMMITTED, 1),
        Fate("1@1", FateKind.COMMITTED, 2),
        ReadIndex("r", 0),
        ReadIndex("r", 1),
        ReadIndex("r", None),
        Fate("1@1", FateKind.COMMITTED, 1),
    ):
        invariants.said("a", output)

    assert found(invariants) == ["same_decision", "fate", "fate", "linearizable_read"]


def test_an_accusation_is_seen(net):
    invariants, _ = net

    invariants.accused("a", Fault("b", "second_leader"))

    assert found(invariants) == ["no_false_fault"]


def test_the_dead_are_not_looked_at(net):
    invariants, _ = net
    replica = make()
    invariants.born("a", replica)
    invariants.died("a")

    replica.commit = 5
    invariants.changed("a")

    assert found(invariants) == []


def test_an_acknowledgement_overtaken_by_a_newer_term_needs_no_write_of_its_own(net):
    invariants, disks = net
    disks["a"] = Saved(3)

    invariants.sent(Envelope("a", "b", AppendReply(2, True, 9, 0)))

    assert found(invariants) == []

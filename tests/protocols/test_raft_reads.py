"""Linearizable reads by ReadIndex: never from a deposed leader, never before what was committed is known."""

import pytest

from maos_flows.protocols.raft_messages import AppendReply, Heartbeat, HeartbeatReply, ReadReply, ReadRequest
from maos_flows.protocols.raft_requests import ReadIndex
from tests.protocols.raft_support import FIVE, Cluster, append, drain, follower, give, leader, make


def reads(said):
    return [output for output in said.outputs if isinstance(output, ReadIndex)]


def ready_leader(*log, **options):
    """Make a leader whose empty entry is committed."""
    replica = leader(*log, **options)
    for peer in replica.config.peers:
        give(replica, peer, AppendReply(replica.term, True, replica.log.last_index, len(log)))
    return replica


def test_a_read_waits_until_a_majority_confirms_the_leader():
    replica = ready_leader(electorate=FIVE)

    replica.read("r")
    asked = drain(replica)
    beat = asked.of(Heartbeat)[0].beat
    after_one = reads(give(replica, "b", HeartbeatReply(1, beat)))
    after_two = reads(give(replica, "c", HeartbeatReply(1, beat)))

    assert (reads(asked), after_one, after_two) == ([], [], [ReadIndex("r", 1)])


def test_a_heartbeat_sent_before_the_read_confirms_nothing():
    replica = ready_leader()
    replica.leadership.beat()
    earlier = drain(replica).of(Heartbeat)[0].beat

    replica.read("r")
    drain(replica)
    said = give(replica, "b", HeartbeatReply(1, earlier))

    assert reads(said) == []


def test_a_new_leader_answers_no_read_before_its_own_entry_is_committed():
    replica = leader(1, 1)

    replica.read("r")
    before = drain(replica)
    give(replica, "b", HeartbeatReply(2, 99))
    after = give(replica, "b", AppendReply(2, True, 3, 2))

    assert (before.of(Heartbeat), reads(before)) == ([], [])
    assert len(after.of(Heartbeat)) == 2


def test_a_read_at_a_single_replica_is_answered_at_once():
    cluster = Cluster(("a",))
    cluster.elect("a").read("r")

    cluster.settle()

    assert ReadIndex("r", 1) in cluster.outputs["a"]


def test_a_read_at_a_follower_is_answered_once_it_has_applied_as_much():
    cluster = Cluster()
    head = cluster.elect("a")
    head.propose("x", "k")
    cluster.settle()

    cluster["b"].read("r")
    cluster.settle()

    assert cluster.outputs["b"][-1] == ReadIndex("r", 2)


def test_a_followers_read_waits_until_the_index_is_applied():
    replica = follower(1, 1)
    give(replica, "b", Heartbeat(1, 0, 1))
    replica.read("r")
    asked = drain(replica).of(ReadRequest)

    early = reads(give(replica, "b", ReadReply(1, "r", 2)))
    late = reads(give(replica, "b", append(1, (2, 1), commit=2)))

    assert (asked, early, late) == ([ReadRequest(1, "r")], [], [ReadIndex("r", 2)])


def test_an_answer_that_nobody_awaits_is_ignored():
    replica = follower(1)

    said = give(replica, "b", ReadReply(1, "r", 0))

    assert said.outputs == []


def test_a_read_without_a_known_leader_is_refused():
    replica = make()

    replica.read("r")

    assert drain(replica).outputs == [ReadIndex("r", None)]


@pytest.mark.parametrize("key", ["", "k" * 257])
def test_a_read_that_no_leader_would_take_is_refused_at_once(key):
    replica = ready_leader()

    replica.read(key)

    assert drain(replica).outputs == [ReadIndex(key, None)]


def test_a_leader_that_steps_down_says_that_its_own_reads_are_lost():
    replica = ready_leader()
    replica.read("mine")
    give(replica, "b", ReadRequest(1, "theirs"))

    said = give(replica, "c", append(2))

    assert reads(said) == [ReadIndex("mine", None)]


def test_a_deposed_leader_answers_no_read():
    cluster = Cluster(check_quorum=False)
    cluster.elect("a")
    cluster.isolate("a")
    cluster.elect("b").propose("x", "k")
    cluster.settle()

    cluster["a"].read("r")
    cluster.tick(30)
    while_cut = [item for item in cluster.outputs["a"] if isinstance(item, ReadIndex)]
    cluster.cut.clear()
    cluster.tick(5)

    assert while_cut == []
    assert [item for item in cluster.outputs["a"] if isinstance(item, ReadIndex)] == [ReadIndex("r", None)]


def test_a_leader_takes_on_a_bounded_number_of_reads():
    replica = ready_leader(max_pending=2)

    for key in ("r1", "r2", "r3"):
        replica.read(key)
    give(replica, "b", ReadRequest(1, "r4"))
    replica.read("r5")

    assert reads(drain(replica)) == [ReadIndex("r5", None)]


def test_a_follower_gives_up_its_oldest_read_when_too_many_wait():
    replica = follower(1, max_pending=2)
    give(replica, "b", Heartbeat(1, 0, 1))

    for key in ("r1", "r2", "r3"):
        replica.read(key)

    assert reads(drain(replica)) == [ReadIndex("r1", None)]


@pytest.mark.parametrize("beats", [1, 3])
def test_reads_asked_together_share_a_heartbeat(beats):
    replica = ready_leader()

    for number in range(beats):
        replica.read(f"r{number}")
    said = drain(replica)

    assert len(said.of(Heartbeat)) == 2

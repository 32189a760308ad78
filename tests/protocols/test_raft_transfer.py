"""Passing Raft's leadership on: to a follower that holds everything, at once, or not at all."""

import pytest

from maos_flows.protocols.raft import Role
from maos_flows.protocols.raft_messages import (
    AppendReply,
    Heartbeat,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from maos_flows.protocols.raft_requests import Fate, FateKind
from tests.protocols.raft_support import Cluster, drain, follower, give, leader, make, tick

# Leadership transfer


def test_leadership_passes_to_an_up_to_date_follower_at_once_and_past_check_quorum():
    cluster = Cluster()
    cluster.elect("a")

    begun = cluster["a"].transfer("c")
    cluster.settle()

    assert (begun, cluster.leaders(), cluster["c"].term) == (True, ["c"], 2)


def test_leadership_passes_only_once_the_follower_holds_every_entry():
    replica = leader()
    give(replica, "b", AppendReply(1, True, 1, 0))

    replica.transfer("c")
    before = drain(replica).of(TimeoutNow)
    after = give(replica, "c", AppendReply(1, True, 1, 0)).of(TimeoutNow)

    assert (before, after) == ([], [TimeoutNow(1)])


def test_timeout_now_is_sent_once():
    replica = leader()
    replica.transfer("c")
    give(replica, "c", AppendReply(1, True, 1, 0))

    said = give(replica, "c", AppendReply(1, True, 1, 0))

    assert said.of(TimeoutNow) == []


def test_proposals_are_refused_while_leadership_passes():
    replica = leader()
    replica.transfer("c")

    replica.propose("x", "k")
    said = give(replica, "b", AppendReply(1, True, 1, 0))
    forwarded = _forward(replica)

    assert Fate("k", FateKind.REFUSED) in said.outputs
    assert (forwarded.messages, replica.log.last_index) == ([], 1)


def _forward(replica):
    from maos_flows.protocols.raft_messages import Forward

    return give(replica, "b", Forward(1, "k2", "y"))


def test_a_transfer_is_given_up_after_an_election_timeout():
    replica = leader(election_ticks=10)
    replica.transfer("c")

    tick(replica, 9)
    before = replica.leadership.transferee
    tick(replica)

    assert (before, replica.leadership.transferee) == ("c", None)


@pytest.mark.parametrize("target", ["a", "z"])
def test_leadership_passes_to_no_stranger_and_not_to_oneself(target):
    replica = leader()

    assert not replica.transfer(target)


def test_only_a_leader_passes_leadership():
    assert not follower(1).transfer("b")


def test_timeout_now_makes_a_follower_stand_without_asking_first():
    replica = follower(1, 1)

    said = give(replica, "b", TimeoutNow(1))

    assert said.to("c") == [VoteRequest(2, 2, 1, is_forced=True)]


def test_timeout_now_does_not_move_a_leader():
    replica = leader()

    give(replica, "b", TimeoutNow(1))

    assert (replica.role, replica.term) == (Role.LEADER, 1)


def test_a_forced_vote_is_given_in_spite_of_a_live_leader():
    voter = make()
    give(voter, "b", Heartbeat(1, 0, 1))

    said = give(voter, "c", VoteRequest(2, 0, 0, is_forced=True))

    assert said.of(VoteReply) == [VoteReply(2, is_granted=True)]


def test_campaigning_does_not_unseat_a_leader():
    replica = leader()

    replica.campaign()

    assert (replica.role, replica.term) == (Role.LEADER, 1)

"""What becomes of a proposal: forwarded, refused, given up, or appended once however often it is made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.raft_log import RaftLog
from maos_flows.protocols.raft_messages import (
    AppendReply,
    Entry,
    Forward,
)
from maos_flows.protocols.raft_requests import Fate, FateKind
from tests.protocols.raft_support import (
    PAPER,
    TRIO,
    Cluster,
    append,
    drain,
    follower,
    give,
    leader,
    log_terms,
    make,
)

# Proposals.


def test_a_proposal_at_a_follower_reaches_the_leader_and_its_fate_comes_back():
    cluster = Cluster()
    cluster.elect("a")
    cluster["b"].propose("x", "k")

    cluster.settle()

    assert Fate("k", FateKind.COMMITTED, 2) in cluster.outputs["b"]


def test_a_proposal_without_a_known_leader_is_refused():
    replica = make()

    replica.propose("x", "k")

    assert drain(replica).outputs == [Fate("k", FateKind.REFUSED)]


@pytest.mark.parametrize(("payload", "key"), [(None, "k"), ("x", "k" * 257), ("x", "")])
def test_a_proposal_that_no_leader_would_take_is_refused_at_once(payload, key):
    replica = leader()

    replica.propose(payload, key)

    assert drain(replica).outputs == [Fate(key, FateKind.REFUSED)]
    assert replica.log.last_index == 1


def test_a_proposal_at_a_follower_that_is_no_longer_led_goes_nowhere():
    replica = follower(1)

    said = give(replica, "b", Forward(1, "k", "x"))

    assert (said.messages, said.faults, log_terms(replica)) == ([], [], (1,))


def test_the_oldest_proposal_is_given_up_when_too_many_are_open():
    replica = leader(max_pending=2)

    for key in ("k1", "k2", "k3"):
        replica.propose("x", key)

    assert drain(replica).outputs == [Fate("k1", FateKind.UNKNOWN)]


def test_a_proposal_made_again_with_its_key_is_appended_once():
    replica = leader()
    for _ in range(3):
        replica.propose("x", "k")
        give(replica, "b", Forward(1, "k", "x"))

    said = give(replica, "b", AppendReply(1, True, 2, 0))

    assert [entry.key for entry in replica.log.entries] == ["", "k"]
    assert [output for output in said.outputs if isinstance(output, Fate)] == [Fate("k", FateKind.COMMITTED, 2)]


def test_a_proposal_made_again_after_it_is_applied_is_told_at_once_at_any_replica():
    cluster = Cluster()
    cluster.elect("a").propose("x", "k")
    cluster.settle()

    for agent in TRIO:
        cluster[agent].propose("x", "k")

    assert [drain(cluster[agent]).outputs for agent in TRIO] == [[Fate("k", FateKind.COMMITTED, 2)]] * 3


def test_a_proposal_cut_from_the_log_may_be_made_again():
    replica = follower(1, 1, **PAPER)
    give(replica, "b", append(2, (1, 1), [Entry(2)]))

    assert [replica.log.index_of(key) for key in ("1@1", "1@2", "")] == [1, None, None]


@given(st.lists(st.tuples(st.integers(1, 6), st.lists(st.sampled_from("abcdef"), max_size=4, unique=True)), max_size=5))
def test_the_log_finds_every_key_where_it_stands(changes):
    log = RaftLog()
    for place, keys in changes:
        start = min(place, log.last_index + 1)
        kept = {entry.key for entry in log.entries[: start - 1]}
        log.replace_from(start, [Entry(1, key, key) for key in keys if key not in kept])

    assert {key: log.index_of(key) for key in "abcdef" if log.index_of(key)} == {
        entry.key: index for index, entry in enumerate(log.entries, 1)
    }


def test_a_full_log_takes_no_more_proposals():
    replica = leader(max_log_entries=2)

    for key in ("k1", "k2"):
        replica.propose("x", key)
    said = give(replica, "b", Forward(1, "k3", "x"))

    assert replica.log.last_index == 2
    assert said.outputs == [Fate("k2", FateKind.REFUSED)]

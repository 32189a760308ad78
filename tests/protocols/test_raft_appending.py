"""The rules that implementations of Raft forget about logs: what an append deletes, commits and catches up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.raft import Role
from maos_flows.protocols.raft_messages import (
    AppendReply,
    CommitNotice,
    Entry,
    Forward,
    Heartbeat,
    HeartbeatReply,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from maos_flows.protocols.raft_requests import Fate, FateKind
from tests.protocols.raft_support import (
    FIVE,
    PAPER,
    Cluster,
    append,
    drain,
    follower,
    give,
    leader,
    log_terms,
    make,
    terms,
    tick,
)

# An append deletes only from the first conflicting entry.


@pytest.mark.parametrize(
    ("own", "previous", "sent", "expected"),
    [
        ((1, 1, 1), (0, 0), (1,), (1, 1, 1)),
        ((1, 1, 1), (1, 1), (1,), (1, 1, 1)),
        ((1, 1, 1), (3, 1), (), (1, 1, 1)),
        ((1, 1, 1), (1, 1), (), (1, 1, 1)),
        ((1, 2, 2), (1, 1), (3,), (1, 3)),
        ((1, 2, 2), (0, 0), (1, 2, 3), (1, 2, 3)),
        ((1, 2), (0, 0), (3, 3, 3), (3, 3, 3)),
        ((1,), (1, 1), (3, 3), (1, 3, 3)),
        ((), (0, 0), (3,), (3,)),
    ],
)
def test_a_matching_log_is_never_shortened_and_a_conflict_cuts_from_there(own, previous, sent, expected):
    replica = follower(*own, **PAPER)

    said = give(replica, "b", append(3, previous, [Entry(term) for term in sent]))

    assert log_terms(replica) == expected
    assert said.of(AppendReply) == [AppendReply(3, True, previous[0] + len(sent), previous[0])]


def test_an_older_append_that_overlaps_takes_nothing_back_that_was_acknowledged():
    replica = make(**PAPER)
    all_four = terms(1, 1, 1, 1)
    give(replica, "b", append(1, entries=all_four[:1]), append(1, (1, 1), all_four[1:]))

    said = give(replica, "b", append(1, (1, 1), all_four[1:2]))

    assert replica.log.entries == all_four
    assert said.of(AppendReply) == [AppendReply(1, True, 2, 1)]


@given(
    st.lists(st.integers(1, 3), max_size=6).map(sorted),
    st.lists(st.integers(1, 3), max_size=6).map(sorted),
    st.data(),
)
def test_after_an_append_the_log_holds_what_was_sent_and_all_before_it(own, leaders, data):
    replica = follower(*own, **PAPER)
    start = data.draw(st.integers(0, len(leaders)))
    end = data.draw(st.integers(start, len(leaders)))
    leaders_log = terms(*leaders)
    previous = (start, leaders[start - 1] if start else 0)

    said = give(replica, "b", append(3, previous, leaders_log[start:end]))

    reply = said.of(AppendReply)[0]
    assert reply.is_success == (start == 0 or (start <= len(own) and own[start - 1] == leaders[start - 1]))
    if reply.is_success:
        assert log_terms(replica)[start:end] == tuple(leaders[start:end])
        assert reply.index == end
    else:
        assert log_terms(replica) == tuple(own)
        assert reply.index <= len(own)


# Commit.


@pytest.mark.parametrize(
    ("previous", "sent", "commit", "expected"),
    [
        ((1, 1), 0, 3, 1),
        ((1, 1), 1, 3, 2),
        ((2, 2), 0, 3, 2),
        ((2, 2), 0, 4, 2),
        ((2, 2), 1, 3, 3),
        ((2, 2), 1, 4, 3),
        ((2, 2), 2, 3, 3),
        ((2, 2), 2, 4, 4),
    ],
)
def test_a_follower_commits_no_further_than_the_message_shows_a_match(previous, sent, commit, expected):
    replica = follower(1, 2, **PAPER)

    give(replica, "b", append(2, previous, [Entry(2)] * sent, commit=commit))

    assert replica.commit == expected


@pytest.mark.parametrize(
    ("matches", "log", "expected"),
    [
        ((3, 0), (1, 2, 3), 3),
        ((2, 2), (1, 2, 3), 0),
        ((0, 0), (1, 2, 3), 0),
        ((3, 3, 0, 0), (1, 2, 3), 3),
        ((3, 2, 0, 0), (1, 2, 3), 0),
        ((3, 3, 3), (1, 1, 3), 3),
        ((3, 0, 0), (1, 1, 3), 0),
    ],
)
def test_a_leader_commits_by_counting_only_entries_of_its_own_term(matches, log, expected):
    electorate = FIVE[: len(matches) + 1]
    replica = leader(*log[:-1], electorate=electorate)

    for agent, match in zip(replica.config.peers, matches, strict=True):
        if match:
            give(replica, agent, AppendReply(replica.term, True, match, len(log) - 1))

    assert replica.commit == expected


def test_commit_never_goes_back_on_a_late_heartbeat():
    replica = follower(1, 1, 1, **PAPER)

    for commit in (3, 1):
        give(replica, "b", Heartbeat(1, commit, 1))

    assert replica.commit == 3


def test_a_heartbeat_never_commits_more_than_the_follower_is_known_to_hold():
    replica = leader(1, electorate=FIVE)
    for agent in ("b", "c"):
        give(replica, agent, AppendReply(2, True, 2, 1))

    said = tick(replica, 2)

    assert [said.of(Heartbeat)[place].commit for place in range(4)] == [2, 2, 0, 0]


# Yielding, and messages late or twice.


def test_a_pre_candidate_yields_to_a_leader_of_its_term():
    replica = make()
    replica.campaign()
    drain(replica)

    give(replica, "b", Heartbeat(1, 0, 1))

    assert (replica.role, replica.leader, replica.term) == (Role.FOLLOWER, "b", 1)


def test_a_leader_yields_to_a_newer_term():
    replica = leader()

    give(replica, "c", append(2, entries=[Entry(2)]))

    assert (replica.role, replica.leader, replica.leadership) == (Role.FOLLOWER, "c", None)


def test_late_and_repeated_answers_to_appends_change_nothing():
    replica = leader(1, 1)
    first = AppendReply(2, True, 3, 2)
    give(replica, "b", first)
    before = vars_of(replica)

    said = give(replica, "b", first, AppendReply(2, True, 2, 1), AppendReply(2, False, 1, 2))

    assert vars_of(replica) == before
    assert said.messages == []


def test_a_late_refusal_while_probing_changes_nothing():
    replica = leader(1, 1, 1)
    give(replica, "b", AppendReply(2, False, 1, 3))

    said = give(replica, "b", AppendReply(2, False, 2, 3))

    assert replica.leadership.progress["b"].next_index == 2
    assert said.messages == []


def vars_of(replica):
    progress = replica.leadership.progress["b"]
    return (progress.next_index, progress.match_index, progress.is_probing, replica.commit, replica.log.entries)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (append(1), AppendReply(3, is_success=False, index=0, previous_index=0)),
        (Heartbeat(1, 0, 7), HeartbeatReply(3, beat=0)),
        (VoteRequest(1, 9, 1), VoteReply(3, is_granted=False)),
        (CommitNotice(1, 1), None),
        (AppendReply(1, True, 1, 0), None),
        (TimeoutNow(1), None),
        (Forward(1, "k", "x"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_older_terms_message_is_answered_with_the_newer_term_if_at_all(message, answer):
    replica = follower(1, term=3, **PAPER)

    said = give(replica, "b", message)

    assert said.to("b") == ([answer] if answer else [])
    assert (replica.term, replica.commit, log_terms(replica)) == (3, 0, (1,))


# Catching up.


def test_a_follower_far_behind_catches_up_in_messages_of_the_largest_size():
    cluster = Cluster(max_entries_per_append=2)
    head = cluster.elect("a")
    cluster.isolate("c")
    for number in range(7):
        head.propose(number, f"k{number}")
        cluster.settle()
    cluster.cut.clear()

    cluster.tick(4)

    assert cluster["c"].log.entries == head.log.entries
    assert cluster["c"].commit == head.commit == 8


def test_what_was_lost_is_sent_again_after_a_heartbeat():
    cluster = Cluster()
    head = cluster.elect("a")
    cluster.cut = {("a", "b")}
    head.propose("x", "k")
    cluster.settle()
    cluster.cut.clear()

    cluster.tick(4)

    assert cluster["b"].log.entries == head.log.entries


def test_a_follower_with_a_conflicting_tail_takes_the_leaders():
    cluster = Cluster(check_quorum=False)
    old = cluster.elect("a")
    cluster.isolate("a")
    for number in range(3):
        old.propose(number, f"lost{number}")
    cluster.settle()
    cluster.elect("b").propose("y", "kept")
    cluster.settle()
    cluster.cut.clear()

    cluster.tick(6)

    assert cluster["a"].log.entries == cluster["b"].log.entries
    assert Fate("lost0", FateKind.LOST) in cluster.outputs["a"]

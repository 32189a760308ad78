"""Figure 2 of the Raft paper (Ongaro and Ousterhout, 2014), a test each sentence, in its order: state and RPCs."""

import pytest

from maos_flows.protocols.raft_log import Saved
from maos_flows.protocols.raft_messages import (
    AppendReply,
    CommitNotice,
    Entry,
    VoteReply,
    VoteRequest,
)
from tests.protocols.raft_support import (
    PAPER,
    append,
    drain,
    follower,
    give,
    leader,
    log_terms,
    make,
    terms,
)

# State


def test_current_term_is_the_latest_seen_0_on_first_boot_and_increases_monotonically():
    replica = make(**PAPER)
    seen = [replica.term]

    for term in (3, 2, 5, 1):
        give(replica, "b", append(term))
        seen.append(replica.term)

    assert seen == [0, 3, 3, 5, 5]


def test_voted_for_is_the_candidate_that_received_the_vote_in_the_current_term_or_none():
    replica = make(**PAPER)
    assert replica.vote is None

    give(replica, "b", VoteRequest(1, 0, 0))
    voted = replica.vote
    give(replica, "b", append(2))

    assert (voted, replica.vote) == ("b", None)


def test_log_holds_command_and_term_when_received_by_the_leader_and_its_first_index_is_1():
    replica = leader()

    replica.propose("set x", "k")

    assert replica.log.entry(1) == Entry(1)
    assert replica.log.entry(2) == Entry(1, "set x", "k")


def test_persistent_state_is_written_before_responding():
    replica = make(**PAPER)

    said = give(replica, "b", append(4, entries=terms(2, 4)))

    assert [(write.term, write.first_index, write.entries) for write in said.writes] == [(4, 1, terms(2, 4))]


def test_persistent_state_outlives_a_restart():
    replica = make(**PAPER)
    saved = Saved()
    for said in (give(replica, "b", append(1, entries=terms(1, 1))), give(replica, "c", VoteRequest(2, 9, 1))):
        for write in said.writes:
            saved = write.onto(saved)

    reborn = make(saved=saved, **PAPER)

    assert (reborn.term, reborn.vote, reborn.log.entries) == (2, "c", terms(1, 1))


def test_commit_index_begins_at_0_and_increases_monotonically():
    replica = follower(1, 1, 1, **PAPER)
    seen = [replica.commit]

    for commit in (2, 1, 3, 0):
        give(replica, "b", CommitNotice(1, commit))
        seen.append(replica.commit)

    assert seen == [0, 2, 2, 3, 3]


def test_last_applied_begins_at_0_and_increases_monotonically():
    replica = follower(1, 1, **PAPER)
    before = replica.applied

    applied = give(replica, "b", CommitNotice(1, 2), CommitNotice(1, 1)).applied

    assert (before, applied, replica.applied) == (0, [1, 2], 2)


def test_next_index_begins_at_the_leaders_last_index_plus_1_and_match_index_at_0():
    replica = leader(1, 1, 2)

    progress = replica.leadership.progress["b"]

    assert (progress.next_index, progress.match_index) == (4, 0)


def test_leader_state_is_reinitialised_after_election():
    replica = leader(1)
    give(replica, "b", AppendReply(2, is_success=True, index=2, previous_index=1))
    before = replica.leadership.progress["b"].match_index
    give(replica, "b", append(3))

    replica.campaign()
    drain(replica)
    give(replica, "b", VoteReply(4, is_granted=True))

    assert (before, replica.leadership.progress["b"].match_index) == (2, 0)


# AppendEntries


def test_append_1_reply_false_if_term_is_older():
    replica = follower(1, 2, **PAPER)

    said = give(replica, "b", append(1, (1, 1), terms(1, 1)[1:]))

    assert said.of(AppendReply) == [AppendReply(2, is_success=False, index=0, previous_index=1)]
    assert log_terms(replica) == (1, 2)


@pytest.mark.parametrize(("previous", "why"), [((3, 2), "no entry there"), ((2, 1), "another term there")])
def test_append_2_reply_false_if_no_entry_at_previous_index_has_previous_term(previous, why):
    replica = follower(1, 2, **PAPER)

    said = give(replica, "b", append(3, previous, [Entry(3)]))

    assert not said.of(AppendReply)[0].is_success, why
    assert log_terms(replica) == (1, 2)


def test_append_3_delete_a_conflicting_entry_and_all_that_follow():
    replica = follower(1, 1, 2, 2, **PAPER)

    give(replica, "b", append(3, (2, 1), [Entry(3)]))

    assert log_terms(replica) == (1, 1, 3)


def test_append_3_an_existing_entry_without_conflict_is_not_deleted():
    replica = follower(1, 1, 1, **PAPER)

    give(replica, "b", append(1, (1, 1), terms(1, 1)[1:]))

    assert log_terms(replica) == (1, 1, 1)


def test_append_4_append_any_new_entries_not_already_there():
    replica = follower(1, 1, **PAPER)

    give(replica, "b", append(2, (1, 1), terms(1, 1, 2, 2)[1:]))

    assert replica.log.entries == terms(1, 1, 2, 2)


@pytest.mark.parametrize(("leader_commit", "expected"), [(1, 1), (2, 2), (9, 3)])
def test_append_5_commit_is_the_lower_of_leader_commit_and_last_new_entry(leader_commit, expected):
    replica = follower(1, 1, **PAPER)

    give(replica, "b", append(1, (2, 1), terms(1, 1, 1)[2:], commit=leader_commit))

    assert replica.commit == expected


def test_append_5_the_last_new_entry_is_the_messages_not_the_logs():
    replica = follower(1, 1, 1, 1, **PAPER)

    give(replica, "b", append(2, (1, 1), terms(1, 1)[1:], commit=4))

    assert replica.commit == 2


# RequestVote


def test_vote_1_reply_false_if_term_is_older():
    replica = make(saved=Saved(5), **PAPER)

    said = give(replica, "b", VoteRequest(4, 9, 4))

    assert said.of(VoteReply) == [VoteReply(5, is_granted=False)]
    assert replica.vote is None


@pytest.mark.parametrize(
    ("voted", "asks", "is_granted"), [(None, "b", True), ("b", "b", True), ("c", "b", False), ("a", "b", False)]
)
def test_vote_2_grant_if_voted_for_is_none_or_the_candidate(voted, asks, is_granted):
    replica = make(saved=Saved(3, voted), **PAPER)

    said = give(replica, asks, VoteRequest(3, 0, 0))

    assert said.of(VoteReply) == [VoteReply(3, is_granted=is_granted)]


@pytest.mark.parametrize(
    ("last_index", "last_term", "is_granted"),
    [(2, 2, True), (3, 2, True), (1, 3, True), (1, 2, False), (9, 1, False), (0, 0, False)],
)
def test_vote_2_grant_only_if_the_candidates_log_is_at_least_as_up_to_date(last_index, last_term, is_granted):
    replica = follower(1, 2, term=3, **PAPER)

    said = give(replica, "b", VoteRequest(4, last_index, last_term))

    assert said.of(VoteReply) == [VoteReply(4, is_granted=is_granted)]

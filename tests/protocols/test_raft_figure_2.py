"""Every sentence of figure 2 of the Raft paper (Ongaro and Ousterhout, 2014), one test each, in its order."""

import pytest

from maos_flows.protocols.raft import Role
from maos_flows.protocols.raft_log import Saved
from maos_flows.protocols.raft_messages import (
    AppendReply,
    AppendRequest,
    CommitNotice,
    Entry,
    Heartbeat,
    HeartbeatReply,
    VoteReply,
    VoteRequest,
)
from maos_flows.protocols.raft_requests import Fate, FateKind
from maos_flows.protocols.step import Envelope
from tests.protocols.raft_support import (
    FIVE,
    PAPER,
    append,
    candidate,
    drain,
    follower,
    give,
    leader,
    log_terms,
    make,
    terms,
    tick,
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


# Rules for all servers


def test_all_if_commit_passes_last_applied_apply_each_entry_in_order():
    replica = follower(1, 1, 1, **PAPER)

    applied = give(replica, "b", CommitNotice(1, 3)).outputs

    assert [(output.index, output.entry) for output in applied] == list(enumerate(terms(1, 1, 1), 1))


@pytest.mark.parametrize(
    "message",
    [
        append(9),
        Heartbeat(9, 0, 1),
        CommitNotice(9, 0),
        AppendReply(9, False, 0, 0),
        HeartbeatReply(9, 0),
        VoteRequest(9, 0, 0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_all_a_newer_term_in_any_request_or_response_is_taken_on_as_a_follower(message):
    replica = leader(1)

    give(replica, "b", message)

    assert (replica.role, replica.term) == (Role.FOLLOWER, 9)


# Followers


@pytest.mark.parametrize(
    ("request_", "answer"),
    [(VoteRequest(1, 0, 0), VoteReply), (append(1), AppendReply), (Heartbeat(1, 0, 1), HeartbeatReply)],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_followers_respond_to_candidates_and_leaders(request_, answer):
    replica = make(**PAPER)

    said = give(replica, "b", request_)

    assert [type(message) for message in said.to("b")] == [answer]


def test_followers_become_candidates_when_the_election_timeout_passes():
    replica = make(timeout=10, **PAPER)

    roles = []
    for _ in range(10):
        tick(replica)
        roles.append(replica.role)

    assert roles == [Role.FOLLOWER] * 9 + [Role.CANDIDATE]


@pytest.mark.parametrize(
    "message", [append(1), Heartbeat(1, 0, 1), VoteRequest(1, 0, 0)], ids=lambda m: type(m).__name__
)
def test_followers_wait_anew_after_hearing_the_leader_or_granting_a_vote(message):
    replica = make(timeout=10, **PAPER)
    tick(replica, 9)

    give(replica, "b", message)
    tick(replica, 9)

    assert replica.role is Role.FOLLOWER


def test_followers_do_not_wait_anew_after_refusing_a_vote():
    replica = make(saved=Saved(1, "c"), timeout=10, **PAPER)
    tick(replica, 9)

    give(replica, "b", VoteRequest(1, 0, 0))
    tick(replica)

    assert replica.role is Role.CANDIDATE


# Candidates


def test_candidates_on_conversion_increment_the_term_vote_for_themselves_and_ask_all_others():
    replica = follower(1, 2, **PAPER)

    replica.campaign()
    said = drain(replica)

    assert (replica.term, replica.vote) == (3, "a")
    assert [said.to("b"), said.to("c")] == [[VoteRequest(3, 2, 2)]] * 2


def test_candidates_reset_the_election_timer_on_conversion():
    drawn = iter((10, 17, 12))
    replica = make(timeout=lambda: next(drawn), **PAPER)

    tick(replica, 10)

    assert replica.deadline == 17


def test_candidates_become_leader_on_votes_of_a_majority():
    replica = candidate(electorate=FIVE)

    give(replica, "b", VoteReply(1, is_granted=True))
    before = replica.role
    give(replica, "c", VoteReply(1, is_granted=True))

    assert (before, replica.role) == (Role.CANDIDATE, Role.LEADER)


def test_candidates_count_a_voter_once():
    replica = candidate(electorate=FIVE)

    give(replica, "b", *[VoteReply(1, is_granted=True)] * 4)

    assert replica.role is Role.CANDIDATE


def test_candidates_become_leader_on_votes_of_a_majority_once_their_own_is_written():
    replica = make(electorate=("a", "b"), **PAPER)
    replica.campaign()
    step = replica.ready()
    replica.step(Envelope("b", "a", VoteReply(1, is_granted=True)))
    before = replica.role

    replica.advance()

    assert (before, step.durable.vote, replica.role) == (Role.CANDIDATE, "a", Role.LEADER)


def test_candidates_become_followers_when_a_leader_of_their_term_appends():
    replica = candidate()

    said = give(replica, "b", append(1, entries=[Entry(1)]))

    assert (replica.role, replica.leader) == (Role.FOLLOWER, "b")
    assert said.of(AppendReply)[0].is_success


def test_candidates_start_a_new_election_when_the_timeout_passes():
    replica = candidate(timeout=10)

    said = tick(replica, 10)

    assert replica.term == 2
    assert len(said.of(VoteRequest)) == 2


# Leaders


def test_leaders_upon_election_send_an_append_to_each_server():
    replica = candidate(1)

    said = give(replica, "b", VoteReply(2, is_granted=True))

    assert said.to("b") == said.to("c") == [AppendRequest(2, 1, 1, (Entry(2),), 0)]


def test_leaders_repeat_heartbeats_in_idle_periods():
    replica = leader(heartbeat_ticks=2, timeout=10)

    beats = [len(tick(replica).of(Heartbeat)) for _ in range(6)]

    assert beats == [0, 2, 0, 2, 0, 2]


def test_leaders_append_a_command_and_respond_after_it_is_applied():
    replica = leader()
    replica.propose("x", "k")
    before = drain(replica).outputs

    after = give(replica, "b", AppendReply(1, is_success=True, index=2, previous_index=0)).outputs

    assert before == []
    assert after[-1] == Fate("k", FateKind.COMMITTED, 2)


def test_leaders_send_entries_from_next_index_on():
    replica = leader(1)
    give(replica, "b", AppendReply(2, is_success=True, index=2, previous_index=1))

    replica.propose("x", "k")
    said = drain(replica)

    assert said.to("b") == [AppendRequest(2, 2, 2, (Entry(2, "x", "k"),), 2)]


def test_leaders_update_next_and_match_index_on_success():
    replica = leader(1)

    give(replica, "b", AppendReply(2, is_success=True, index=2, previous_index=1))

    progress = replica.leadership.progress["b"]
    assert (progress.next_index, progress.match_index) == (3, 2)


def test_leaders_decrement_next_index_and_retry_on_refusal():
    replica = leader(1, 1, 1)

    said = give(replica, "b", AppendReply(2, is_success=False, index=1, previous_index=3))

    assert said.to("b") == [AppendRequest(2, 1, 1, (*terms(1, 1, 1)[1:], Entry(2)), 0)]


def test_leaders_commit_what_a_majority_holds_of_their_own_term():
    replica = leader(electorate=FIVE)

    give(replica, "b", AppendReply(1, is_success=True, index=1, previous_index=0))
    before = replica.commit
    give(replica, "c", AppendReply(1, is_success=True, index=1, previous_index=0))

    assert (before, replica.commit) == (0, 1)


def test_leaders_do_not_commit_an_entry_of_an_older_term_by_counting():
    replica = leader(1, 2, max_entries_per_append=1)

    for agent in ("b", "c"):
        give(replica, agent, AppendReply(3, is_success=True, index=2, previous_index=1))
    before = replica.commit
    give(replica, "b", AppendReply(3, is_success=True, index=3, previous_index=2))

    assert (before, replica.commit) == (0, 3)

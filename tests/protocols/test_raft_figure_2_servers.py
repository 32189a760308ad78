"""Figure 2 of the Raft paper (Ongaro and Ousterhout, 2014), a test each sentence, in its order: rules for servers."""

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
from maos_flows.protocols.raft_requests import Committed, Fate, FateKind
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
    make,
    terms,
    tick,
)

# Rules for all servers


def test_all_if_commit_passes_last_applied_apply_each_entry_in_order():
    replica = follower(1, 1, 1, **PAPER)

    applied = give(replica, "b", CommitNotice(1, 3)).outputs

    assert applied == [Committed(1, terms(1, 1, 1))]


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

"""The rules that implementations of Raft forget, each with the cases that catch it: writing, voting, beginning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.raft import Role
from maos_flows.protocols.raft_log import RaftLog, Saved, Write
from maos_flows.protocols.raft_messages import (
    AppendReply,
    AppendRequest,
    Entry,
    VoteReply,
    VoteRequest,
)
from tests.protocols.raft_support import (
    FIVE,
    PAPER,
    Cluster,
    append,
    candidate,
    drain,
    give,
    leader,
    log_terms,
    make,
    terms,
)

# Written before anything leaves.


def test_a_vote_is_in_the_write_of_the_step_that_grants_it():
    replica = make(**PAPER)
    said = give(replica, "b", VoteRequest(7, 0, 0))

    assert [(write.term, write.vote) for write in said.writes] == [(7, "b")]
    assert said.of(VoteReply) == [VoteReply(7, is_granted=True)]


def test_entries_are_in_the_write_of_the_step_that_acknowledges_them():
    replica = make(**PAPER)

    replica.step(_from("b", append(1, entries=terms(1, 1))))
    step = replica.ready()

    assert step.durable.entries == terms(1, 1)
    assert step.messages[0].message == AppendReply(1, is_success=True, index=2, previous_index=0)


def test_nothing_is_ready_while_the_last_step_is_not_advanced():
    replica = make(**PAPER)
    replica.step(_from("b", append(1, entries=terms(1))))
    replica.ready()

    replica.step(_from("b", append(1, (1, 1), terms(1, 1)[1:])))
    while_writing = replica.ready()
    replica.advance()
    after = replica.ready()

    assert while_writing is None
    assert after.durable == Write(1, None, 2, terms(1, 1)[1:])


def test_entries_replaced_while_being_written_do_not_count_as_written():
    replica = make(**PAPER)
    replica.step(_from("b", append(1, entries=terms(1, 1, 1))))
    replica.ready()

    replica.step(_from("c", append(2, (1, 1), [Entry(2)])))
    replica.advance()

    assert replica.log.durable_index == 1
    assert replica.ready().durable.onto(Saved(1, None, terms(1, 1, 1))).entries == (*terms(1), Entry(2))


def test_a_leaders_own_entry_counts_only_once_it_is_written():
    replica = make(electorate=("a", "b"), **PAPER)
    replica.campaign()
    drain(replica)
    replica.step(_from("b", VoteReply(1, is_granted=True)))
    replica.ready()
    replica.step(_from("b", AppendReply(1, is_success=True, index=1, previous_index=0)))
    before = replica.commit

    replica.advance()

    assert (before, replica.commit) == (0, 1)


def test_advance_without_a_step_does_nothing():
    replica = make(**PAPER)

    replica.advance()

    assert replica.ready() is None


# One vote a term, only for a log as good as the own.


def test_a_replica_votes_once_a_term_also_after_a_restart():
    saved = Saved()
    for write in give(make(**PAPER), "b", VoteRequest(3, 0, 0)).writes:
        saved = write.onto(saved)

    said = give(make(saved=saved, **PAPER), "c", VoteRequest(3, 5, 2))

    assert said.of(VoteReply) == [VoteReply(3, is_granted=False)]


@given(st.lists(st.integers(1, 4), max_size=5).map(sorted), st.integers(0, 6), st.integers(0, 5))
def test_up_to_date_compares_the_last_term_and_then_the_length(own, last_index, last_term):
    log = RaftLog(terms(*own))

    answer = log.is_up_to_date(last_index, last_term)

    own_term = own[-1] if own else 0
    assert answer == (last_term > own_term or (last_term == own_term and last_index >= len(own)))


def test_an_old_vote_does_not_count_in_a_new_election():
    replica = candidate()
    replica.campaign()
    drain(replica)

    give(replica, "b", VoteReply(1, is_granted=True))

    assert (replica.role, replica.term) == (Role.CANDIDATE, 2)


def test_a_vote_that_comes_after_the_election_is_ignored():
    replica = leader()

    said = give(replica, "c", VoteReply(1, is_granted=True))

    assert (replica.role, said.messages, log_terms(replica)) == (Role.LEADER, [], (1,))


# A new leader appends an empty entry of its term.


def test_a_new_leader_appends_an_empty_entry_of_its_term():
    replica = leader(1, 1)

    assert replica.log.entry(3) == Entry(2)
    assert replica.log.entry(3).payload is None


def test_the_empty_entry_commits_what_older_leaders_left():
    cluster = Cluster(FIVE)
    cluster.elect("a").propose("x", "k")
    cluster.cut |= {("a", other) for other in "bcde"}
    cluster.settle()
    cluster.cut -= {("a", "b")}
    cluster.tick(2)
    cluster.isolate("a")

    cluster.tick(40)

    assert cluster.leaders() == ["b"]
    assert [cluster[agent].log.entry(2).key for agent in "bcde"] == ["k"] * 4
    assert all(cluster[agent].commit >= 3 for agent in "bcde")


# Message counts.


@pytest.mark.parametrize("n", range(3, 14))
def test_a_batched_decision_takes_exactly_4_n_minus_1_messages(n):
    agents = tuple(f"a{number:02}" for number in range(1, n + 1))
    cluster = Cluster(agents)
    head = cluster.elect(agents[0])
    cluster.sent = 0

    head.propose("OPEN", "open")
    for agent in agents[1:]:
        cluster[agent].propose(f"ballot of {agent}", agent)
        for envelope in drain(cluster[agent]).messages:
            cluster.sent += 1
            head.step(envelope)
    head.propose("own ballot", agents[0])
    head.propose("CLOSE", "close")
    cluster.settle()

    assert cluster.sent == 4 * (n - 1)
    assert {cluster[agent].commit for agent in agents} == {1 + n + 2}


def _from(sender, message):
    from maos_flows.protocols.step import Envelope

    return Envelope(sender, "a", message)


def test_an_append_request_reads_well_in_a_transcript():
    request = AppendRequest(3, 2, 1, (Entry(3), Entry(3, "x"), Entry(3, "x", "k")), 1)

    assert str(request) == "AppendRequest(term=3 after 1@2 [3:- 3:x 3:k] commit=1)"

"""What no correct replica sends is ignored or a fault: never an exception, never unbounded memory."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.protocols import raft_messages
from maos_flows.protocols.raft import Role
from maos_flows.protocols.raft_messages import (
    LONGEST_KEY,
    AppendReply,
    AppendRequest,
    CommitNotice,
    Entry,
    Forward,
    Heartbeat,
    HeartbeatReply,
    PreVoteReply,
    PreVoteRequest,
    ReadReply,
    ReadRequest,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from maos_flows.protocols.raft_outbox import MOST_FAULTS
from maos_flows.protocols.step import Envelope, Fault
from tests.naming import named
from tests.protocols.raft_support import PAPER, append, candidate, drain, follower, give, leader, log_terms, make

GOOD = (
    PreVoteRequest(1, 0, 0),
    PreVoteReply(1, is_granted=True),
    VoteRequest(1, 0, 0),
    VoteReply(1, is_granted=True),
    AppendRequest(1, 0, 0, (), 0),
    AppendReply(1, is_success=True, index=0, previous_index=0),
    Heartbeat(1, 0, 1),
    HeartbeatReply(1, 1),
    CommitNotice(1, 0),
    Forward(1, "k", "x"),
    ReadRequest(1, "r"),
    ReadReply(1, "r", 0),
    TimeoutNow(1),
)


def state(replica):
    return (replica.role, replica.term, replica.vote, replica.leader, replica.commit, replica.log.entries)


def test_every_kind_of_message_has_a_good_example_here():
    assert {type(message).__name__ for message in GOOD} == set(raft_messages.MESSAGE_TYPES)


@pytest.mark.parametrize("message", GOOD, ids=lambda message: type(message).__name__)
def test_a_good_message_is_no_fault(message):
    assert give(make(), "b", message).faults == []


@pytest.mark.parametrize("message", GOOD, ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("sender", ["z", "a", ""])
def test_a_message_of_a_stranger_or_of_oneself_is_a_fault(message, sender):
    replica = follower(1)
    before = state(replica)

    said = give(replica, sender, message)

    assert (said.reasons, said.messages, state(replica)) == (["unknown_sender"], [], before)


def test_a_message_for_another_agent_is_a_fault():
    replica = make()

    replica.step(Envelope("b", "c", append(9)))

    assert drain(replica).reasons == ["misdelivered"]
    assert replica.term == 0


def mangled():
    """Give each message with each field in turn made nonsense."""
    for message in GOOD:
        for name in message.__slots__:
            if name in {"payload", "is_forced"}:
                continue
            for nonsense in (None, -1, "1", 1.5, [], True if not isinstance(getattr(message, name), bool) else 1):
                if isinstance(nonsense, str) and isinstance(getattr(message, name), str):
                    continue
                yield pytest.param(
                    replace(message, **{name: nonsense}), id=f"{type(message).__name__}.{name}={nonsense}"
                )


@pytest.mark.parametrize("message", tuple(mangled()))
def test_a_malformed_field_is_a_fault(message):
    replica = follower(1)
    before = state(replica)

    said = give(replica, "b", message)

    assert (said.reasons, said.messages, state(replica)) == (["malformed"], [], before)


@pytest.mark.parametrize(
    "message",
    [
        None,
        "hello",
        object(),
        replace(GOOD[2], is_forced=1),
        Forward(1, "k", None),
        Forward(1, "", "x"),
        append(1, (0, 0), ["entry"]),
        append(1, (0, 0), [Entry(0)]),
        append(1, (0, 0), [Entry(2)]),
        append(2, (0, 0), [Entry(2), Entry(1)]),
        append(3, (1, 3), [Entry(2)]),
        append(1, (1, 2)),
        append(1, (0, 1)),
        append(1, (1, 0)),
        append(1, (0, 0), [Entry(1, "x", 7)]),
        append(1, (0, 0), [Entry("1")]),
    ],
    ids=named,
)
def test_what_no_leader_or_candidate_would_say_is_malformed(message):
    assert give(make(), "b", message).reasons == ["malformed"]


@pytest.mark.parametrize(
    "message",
    [
        append(1, (0, 0), [Entry(1)] * 65),
        Forward(1, "k" * (LONGEST_KEY + 1), "x"),
        ReadRequest(1, "k" * (LONGEST_KEY + 1)),
        ReadReply(1, "k" * (LONGEST_KEY + 1), 0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_an_oversized_message_is_a_fault_and_not_kept(message):
    replica = make()

    said = give(replica, "b", message)

    assert (said.reasons, said.writes, replica.term) == (["oversized"], [], 0)


def test_a_fault_names_the_peer_and_shows_the_message():
    envelope = Envelope("b", "a", append(1, (1, 0)))
    replica = make()

    replica.step(envelope)

    assert drain(replica).faults == [Fault("b", "malformed", (envelope,))]


@pytest.mark.parametrize("message", [append(2), Heartbeat(2, 0, 1), CommitNotice(2, 0)], ids=lambda m: type(m).__name__)
def test_a_second_leader_of_a_term_is_a_fault_and_not_followed(message):
    leading, led = leader(1), follower(1)
    give(led, "b", Heartbeat(2, 0, 1))

    said = [give(leading, "c", message), give(led, "c", message)]

    assert [item.reasons for item in said] == [["second_leader"]] * 2
    assert (leading.role, led.leader) == (Role.LEADER, "b")


def test_an_append_that_contradicts_what_is_committed_is_a_fault():
    replica = follower(1, 1, **PAPER)
    give(replica, "b", CommitNotice(1, 2))

    said = give(replica, "c", append(2, (1, 1), [Entry(2)]))

    assert (said.reasons, said.of(AppendReply), log_terms(replica)) == (["contradicts_commit"], [], (1, 1))


@pytest.mark.parametrize(
    "message", [Heartbeat(1, 5, 1), CommitNotice(1, 5)], ids=lambda message: type(message).__name__
)
def test_a_commit_beyond_the_log_is_a_fault(message):
    replica = follower(1)

    said = give(replica, "b", message)

    assert (said.reasons, replica.commit) == (["beyond_log"], 0)


def test_an_acknowledgement_beyond_the_log_is_a_fault():
    replica = leader(1)

    said = give(replica, "b", AppendReply(2, is_success=True, index=9, previous_index=1))

    assert (said.reasons, replica.commit, replica.leadership.progress["b"].match_index) == (["beyond_log"], 0, 0)


def test_faults_are_bounded_between_two_steps():
    replica = make()

    said = give(replica, "z", *[append(1)] * (MOST_FAULTS + 10))

    assert len(said.faults) == MOST_FAULTS


def test_a_flood_of_forwards_leaves_nothing_behind_but_the_log():
    replica = leader(max_pending=4)

    for number in range(20):
        give(replica, "b", Forward(1, f"k{number}", "x"), ReadRequest(1, f"r{number}"))

    assert len(replica.leadership._reads) == 4
    assert replica.log.last_index == 21


NUMBERS = st.integers(-1, 5) | st.sampled_from([True, None, "x", 2**70])
ENTRIES = st.lists(st.builds(Entry, NUMBERS, st.sampled_from(["x", None]), st.sampled_from(["k", ""]))).map(tuple)
MESSAGES = st.one_of(
    st.builds(PreVoteRequest, NUMBERS, NUMBERS, NUMBERS),
    st.builds(PreVoteReply, NUMBERS, st.booleans()),
    st.builds(VoteRequest, NUMBERS, NUMBERS, NUMBERS, st.booleans()),
    st.builds(VoteReply, NUMBERS, st.booleans()),
    st.builds(AppendRequest, NUMBERS, NUMBERS, NUMBERS, ENTRIES, NUMBERS),
    st.builds(AppendReply, NUMBERS, st.booleans(), NUMBERS, NUMBERS),
    st.builds(Heartbeat, NUMBERS, NUMBERS, NUMBERS),
    st.builds(HeartbeatReply, NUMBERS, NUMBERS),
    st.builds(CommitNotice, NUMBERS, NUMBERS),
    st.builds(Forward, NUMBERS, st.sampled_from(["k", None]), st.sampled_from(["x", None])),
    st.builds(ReadRequest, NUMBERS, st.just("r")),
    st.builds(ReadReply, NUMBERS, st.just("r"), NUMBERS),
    st.builds(TimeoutNow, NUMBERS),
    st.none(),
)


@settings(max_examples=150)
@given(
    st.sampled_from(["follower", "candidate", "leader"]),
    st.lists(st.tuples(st.sampled_from(["b", "c", "z"]), MESSAGES), max_size=12),
)
def test_no_sequence_of_messages_raises_or_takes_back_term_or_commit(role, inputs):
    replica = {"follower": follower, "candidate": candidate, "leader": leader}[role](1, 2)
    replica.read("r")
    for sender, message in inputs:
        before = (replica.term, replica.commit)
        give(replica, sender, message)
        replica.tick()
        replica.propose("p", "p")
        drain(replica)

        assert (replica.term, replica.commit) >= before
        assert replica.term >= before[0]
        assert replica.commit >= before[1]
        assert replica.applied == replica.commit <= replica.log.last_index

"""The rules that implementations of Raft forget, each with the cases that catch it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.raft import Role
from maos_flows.protocols.raft_log import RaftLog, Saved, Write
from maos_flows.protocols.raft_messages import (
    AppendReply,
    AppendRequest,
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
    TRIO,
    Cluster,
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

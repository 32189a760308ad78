"""What keeps a Raft leader where it should be: PreVote, CheckQuorum, timeouts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.errors import ConfigurationError
from maos_flows.protocols.raft import Role
from maos_flows.protocols.raft_config import RaftConfig, seeded_timeouts
from maos_flows.protocols.raft_log import Saved
from maos_flows.protocols.raft_messages import (
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    PreVoteReply,
    PreVoteRequest,
    VoteRequest,
)
from maos_flows.protocols.raft_requests import Fate, FateKind
from tests.protocols.raft_support import FIVE, TRIO, Cluster, drain, follower, give, leader, make, terms, tick

# PreVote


def test_pre_vote_asks_at_the_next_term_without_raising_the_own():
    replica = follower(1, 2)

    replica.campaign()
    said = drain(replica)

    assert (replica.role, replica.term, replica.vote) == (Role.PRE_CANDIDATE, 2, None)
    assert said.to("b") == [PreVoteRequest(3, 2, 2)]
    assert said.writes == []


def test_an_election_follows_a_majority_of_pre_votes():
    replica = make(electorate=FIVE, saved=Saved(1))
    replica.campaign()

    give(replica, "b", PreVoteReply(2, is_granted=True))
    before = replica.role
    said = give(replica, "c", PreVoteReply(2, is_granted=True))

    assert (before, replica.role, replica.term) == (Role.PRE_CANDIDATE, Role.CANDIDATE, 2)
    assert said.to("b") == [VoteRequest(2, 0, 0)]


def test_the_first_election_needs_no_pre_votes_for_there_is_no_leader_to_unseat():
    replica = make(electorate=FIVE)

    replica.campaign()

    assert (replica.role, replica.term) == (Role.CANDIDATE, 1)
    assert drain(replica).to("b") == [VoteRequest(1, 0, 0)]


def test_a_replica_that_was_cut_off_from_the_beginning_unseats_nobody():
    """Its one candidacy without pre-votes was in term 1, the lowest a leader can have; afterwards it asks."""
    first, latecomer = leader(), make("c")
    latecomer.campaign()

    give(first, "c", *drain(latecomer).to("a"))
    latecomer.campaign()

    assert (first.role, first.term) == (Role.LEADER, 1)
    assert (latecomer.role, latecomer.term) == (Role.PRE_CANDIDATE, 1)


def test_a_granted_pre_vote_raises_nobodys_term():
    voter, asker = follower(1), follower(1)

    give(voter, "b", PreVoteRequest(9, 5, 5))
    give(asker, "b", PreVoteReply(9, is_granted=True))

    assert (voter.term, voter.vote, asker.term, asker.role) == (1, None, 1, Role.FOLLOWER)


def test_a_refused_pre_vote_tells_of_a_newer_term():
    replica = follower(1)
    replica.campaign()
    drain(replica)

    give(replica, "b", PreVoteReply(7, is_granted=False))

    assert (replica.role, replica.term) == (Role.FOLLOWER, 7)


def test_a_pre_vote_is_no_vote_so_it_may_be_given_to_many():
    voter = make()

    said = [give(voter, asker, PreVoteRequest(1, 0, 0)).of(PreVoteReply) for asker in ("b", "c")]

    assert said == [[PreVoteReply(1, is_granted=True)]] * 2


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (PreVoteRequest(4, 2, 2), PreVoteReply(4, is_granted=True)),
        (PreVoteRequest(4, 1, 2), PreVoteReply(3, is_granted=False)),
        (PreVoteRequest(3, 9, 3), PreVoteReply(3, is_granted=False)),
        (PreVoteRequest(2, 9, 3), PreVoteReply(3, is_granted=False)),
    ],
)
def test_pre_votes_are_answered_as_a_vote_would_be(request_, reply):
    voter = follower(1, 2, term=3)

    said = give(voter, "b", request_)

    assert said.of(PreVoteReply) == [reply]


def test_pre_votes_of_another_election_do_not_count():
    replica = follower(1)
    replica.campaign()

    give(replica, "b", PreVoteReply(1, is_granted=True), PreVoteReply(9, is_granted=True))

    assert replica.role is Role.PRE_CANDIDATE


def test_a_replica_back_from_isolation_does_not_disturb_the_leader():
    cluster = Cluster()
    cluster.elect("a")
    cluster.isolate("c")
    cluster.tick(60)
    cluster.cut.clear()

    cluster.tick(10)

    assert cluster.leaders() == ["a"]
    assert {replica.term for replica in cluster.replicas.values()} == {1}


def test_without_pre_vote_a_replica_back_from_isolation_has_raised_its_term():
    cluster = Cluster(pre_vote=False)
    cluster.elect("a")
    cluster.isolate("c")

    cluster.tick(60)

    assert cluster["c"].term > 1


# CheckQuorum


def test_a_leader_that_hears_no_majority_steps_down():
    replica = leader(electorate=FIVE, check_quorum=True, timeout=10)
    give(replica, "b", HeartbeatReply(1, 0))

    tick(replica, 9)
    before = replica.role
    tick(replica)

    assert (before, replica.role, replica.leader) == (Role.LEADER, Role.FOLLOWER, None)


def test_a_leader_that_hears_a_majority_stays():
    replica = leader(electorate=FIVE, check_quorum=True)

    for _ in range(5):
        give(replica, "b", HeartbeatReply(1, 0))
        give(replica, "c", AppendReply(1, True, 1, 0))
        tick(replica, 10)

    assert replica.role is Role.LEADER


def test_without_check_quorum_a_leader_that_hears_nobody_stays():
    replica = leader(check_quorum=False)

    tick(replica, 50)

    assert replica.role is Role.LEADER


@pytest.mark.parametrize("request_", [VoteRequest(9, 9, 9), PreVoteRequest(9, 9, 9)], ids=lambda r: type(r).__name__)
def test_a_voter_with_a_live_leader_does_not_vote(request_):
    voter = make(timeout=19)
    give(voter, "b", Heartbeat(1, 0, 1))
    tick(voter, 9)

    early = give(voter, "c", request_)
    tick(voter)
    late = give(voter, "c", request_)

    assert (early.messages, len(late.messages)) == ([], 1)


def test_a_leader_does_not_vote_for_another_while_it_leads():
    replica = leader(check_quorum=True)

    said = give(replica, "b", VoteRequest(9, 9, 9))

    assert (said.messages, replica.role, replica.term) == ([], Role.LEADER, 1)


PARTIAL = (("a", "b"), ("a", "c"), ("b", "c"), ("d", "b"), ("e", "c"))
"""The links that are left in the partial partition of five: d reaches b alone, e reaches c alone."""
ALL_BUT_ONE = tuple((one, other) for one in FIVE for other in FIVE if one < other and (one, other) != ("b", "c"))
"""Every link but the one between b and c: each has a majority, and cannot hear the other lead."""


def new_terms(links, **options):
    """Elect c, leave only these links, and count the terms begun while nothing changes any more."""
    cluster = Cluster(FIVE, **options)
    both = {*links, *((other, one) for one, other in links)}
    cluster.elect("c")
    cluster.cut = {(one, other) for one in FIVE for other in FIVE if one != other} - both
    cluster.tick(100)
    start = max(replica.term for replica in cluster.replicas.values())
    cluster.tick(300)
    return max(replica.term for replica in cluster.replicas.values()) - start, cluster.leaders()


@pytest.mark.parametrize("links", [PARTIAL, ALL_BUT_ONE], ids=["partial", "one_link_cut"])
def test_a_partial_partition_of_five_has_a_stable_leader_with_pre_vote_and_check_quorum(links):
    terms_begun, leaders = new_terms(links)

    assert (terms_begun, len(leaders)) == (0, 1)


@pytest.mark.parametrize("check_quorum", [True, False])
def test_a_partial_partition_of_five_has_no_stable_leader_without_pre_vote(check_quorum):
    terms_begun, _ = new_terms(PARTIAL, pre_vote=False, check_quorum=check_quorum)

    assert terms_begun > 3


@pytest.mark.parametrize(("check_quorum", "commits"), [(True, True), (False, False)])
def test_a_leader_that_can_speak_and_not_hear_is_replaced_only_with_check_quorum(check_quorum, commits):
    cluster = Cluster(check_quorum=check_quorum)
    cluster.elect("a")
    cluster.cut = {("b", "a"), ("c", "a")}

    cluster.tick(60)
    cluster["b"].propose("x", "k")
    cluster.settle()

    assert (cluster.leaders() not in ([], ["a"])) == commits
    assert (Fate("k", FateKind.COMMITTED, 3) in cluster.outputs["b"]) == commits


# Time and settings


def test_deadline_counts_the_ticks_to_the_next_timer():
    waiting, leading = make(timeout=13), leader(heartbeat_ticks=3)

    tick(waiting, 4)
    tick(leading, 1)

    assert (waiting.deadline, leading.deadline) == (9, 2)


@given(st.integers(), st.integers(2, 50))
def test_seeded_timeouts_lie_between_one_and_two_election_timeouts_and_repeat(seed, ticks):
    config = RaftConfig("a", TRIO, election_ticks=ticks, heartbeat_ticks=1)
    one, again = seeded_timeouts(seed, config), seeded_timeouts(seed, config)

    drawn = [one() for _ in range(5)]

    assert all(ticks <= number < 2 * ticks for number in drawn)
    assert drawn == [again() for _ in range(5)]


def test_seeded_timeouts_differ_between_agents():
    sources = [seeded_timeouts(1, RaftConfig(agent, TRIO, election_ticks=1000)) for agent in TRIO]

    assert len({source() for source in sources}) == 3


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_single_and_even_electorates_elect_and_commit(n):
    agents = FIVE[:n] if n < 6 else (*FIVE, "f")
    cluster = Cluster(agents)

    cluster.elect("a").propose("x", "k")
    cluster.settle()

    assert {cluster[agent].commit for agent in agents} == {2}


@pytest.mark.parametrize(
    ("agent", "electorate", "options", "message"),
    [
        ("a", ("a", "b", "a"), {}, "are one id"),
        ("a", ("a", "A "), {}, "are one id"),
        ("\N{LATIN SMALL LIGATURE FI}", ("fi", "\N{LATIN SMALL LIGATURE FI}"), {}, "are one id"),
        ("z", TRIO, {}, "'z' is not in the electorate"),
        ("a", (), {}, "'a' is not in the electorate"),
        ("a", TRIO, {"heartbeat_ticks": 10}, "below election_ticks"),
        ("a", TRIO, {"heartbeat_ticks": 0}, "at least 1"),
        ("a", TRIO, {"max_entries_per_append": 0}, "max_entries_per_append: 0 is below 1"),
        ("a", TRIO, {"max_pending": 0}, "max_pending: 0 is below 1"),
        ("a", TRIO, {"max_log_entries": 0}, "max_log_entries: 0 is below 1"),
    ],
)
def test_an_impossible_configuration_is_refused(agent, electorate, options, message):
    with pytest.raises(ConfigurationError, match=message):
        RaftConfig(agent, electorate, **options)


def test_all_problems_of_a_configuration_are_named_at_once():
    with pytest.raises(ConfigurationError) as caught:
        RaftConfig("z", ("a", "a"), heartbeat_ticks=0, max_pending=0)

    assert len(caught.value.problems) == 4


def test_a_restarted_replica_goes_on_from_what_it_saved():
    saved = Saved(4, "b", terms(1, 4))

    replica = make(saved=saved)

    assert (replica.role, replica.term, replica.vote, replica.log.durable_index) == (Role.FOLLOWER, 4, "b", 2)
    assert drain(replica).writes == []

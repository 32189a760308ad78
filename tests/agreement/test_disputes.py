"""Disputes are suspicion: they name who contradicts whom, cost nobody a ballot, and spare whoever only differs."""

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.agreement.deciding import Collected
from maos_flows.agreement.disputes import disputes
from maos_flows.model import Ballot, Outcome
from tests.agreement.council import ballot, collected, decided, names, opening_of


def test_an_agent_can_dispute_what_another_says():
    (found,) = disputes(
        [Ballot("d-1", "ana", "x"), Ballot("d-1", "ben", "y", attributes={"disputes": {"ana": "the figure is wrong"}})]
    )

    assert (found.agent_id, found.kind, found.is_proof) == ("ana", "disputed", False)
    assert found.evidence == ("ben", "the figure is wrong")


def test_a_claim_that_most_who_cite_it_contradict_is_disputed():
    cited = {"ana": "Revenue: 5", "ben": "revenue = 5", "cid": "revenue: 7", "dee": "https://example.org/a"}
    (found,) = disputes([Ballot("d-1", name, "x", evidence=(item,)) for name, item in cited.items()])

    assert (found.agent_id, found.kind) == ("cid", "contradicted_claim")
    assert found.evidence == ("ana", "revenue: 7, where 2 say 5")


def test_where_no_more_than_half_agree_nobody_is_disputed():
    cited = {"ana": "revenue: 5", "ben": "revenue: 7"}

    assert disputes([Ballot("d-1", name, "x", evidence=(item,)) for name, item in cited.items()]) == ()


@given(st.lists(st.sampled_from(["x", "y", "abstain"]), min_size=4, max_size=9))
def test_b15_b16_b20_differing_being_few_or_fast_is_never_held_against_anybody(choices: list[str]):
    """B15, B16, B20: minority, alternation and simultaneous ballots are no misbehaviour."""
    assert disputes([Ballot("d-1", f"a{place}", choice) for place, choice in enumerate(choices)]) == ()


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3), st.lists(st.text(max_size=9), max_size=4))
def test_nothing_an_agent_says_makes_a_dispute_raise(said: dict[str, str], evidence: list[str]):
    ballots = [
        Ballot("d-1", "ana", "x", evidence=tuple(evidence), attributes={"disputes": said}),
        Ballot("d-1", "ben", "x", attributes={"disputes": "everybody"}),
    ]

    assert all(not fault.is_proof for fault in disputes(ballots))


def test_b16_a_disputed_agent_keeps_its_ballot_and_its_standing():
    """B16: twenty times in the minority and disputed, it counts as at first."""
    opening = opening_of(4)
    others = collected(opening, dict.fromkeys(names(4)[2:], "x")).ballots
    accuser = ballot(opening, "a01", "x", attributes={"disputes": {"a00": "I doubt it"}})
    box = Collected((ballot(opening, "a00", "y"), accuser, *others))

    decisions = [decided(opening, box) for _ in range(20)]

    assert {one.outcome for one in decisions} == {Outcome.REACHED}
    assert all(len(one.ballots) == 4 for one in decisions)
    assert [fault.kind for fault in decisions[-1].faults] == ["disputed"]

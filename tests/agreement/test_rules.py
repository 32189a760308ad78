"""The rules of byzantine_tolerant and raft: what is refused, what is warned of, before anybody is asked."""

from fractions import Fraction

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.model import Agent, Basis, TieBreak
from maos_flows.policies.deciding import is_settled
from maos_flows.policies.majority import SimpleMajority
from maos_flows.quorum import Threshold
from tests.agreement.council import BYZANTINE, RAFT, ballot, names, opening_of

BLOCK, BEND = "can keep every choice from passing", "lying a choice can pass"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_b13_fewer_than_four_agents_are_refused(size: int):
    """B13: n = 3 is a configuration error; so are four of which one is an adviser."""
    with pytest.raises(ConfigurationError, match="needs at least 4"):
        opening_of(size)
    with pytest.raises(ConfigurationError, match="3 agents with weight cannot bear one that lies"):
        opening_of([Agent(name, weight=Fraction(name != "a00")) for name in names(4)])


def test_an_adviser_is_no_replica_and_its_ballot_has_no_effect():
    opening = opening_of([Agent(name, weight=Fraction(name != "a04")) for name in names(5)])

    assert BYZANTINE.warnings(opening) == ()


@pytest.mark.parametrize("basis", [Basis.CAST, Basis.DECISIVE])
def test_counting_against_fewer_than_all_is_refused(basis: Basis):
    with pytest.raises(ConfigurationError, match=f"eligible, not {basis}"):
        opening_of(4, basis=basis)


def test_a_casting_vote_is_refused():
    with pytest.raises(ConfigurationError, match="gives nobody a casting vote"):
        opening_of(4, tie_break=TieBreak.CHAIR, chair="a00")


def test_agents_that_share_a_key_are_refused():
    shared = opening_of(4).electorate.electors[0].public_key
    agents = [Agent(name, public_key=shared, voter="python") for name in names(4)[:2]] + [
        Agent(name) for name in names(4)[2:]
    ]

    with pytest.raises(ConfigurationError, match=r"public key .* is there 2 times"):
        BYZANTINE.warnings(opening_of_shared(agents))


def opening_of_shared(agents: list[Agent]):
    from maos_flows.model import Parameters, Proposal
    from maos_flows.policies.deciding import freeze
    from tests.agreement.council import NOW

    return freeze(
        BYZANTINE, Proposal("d-1", "Q?", ("x", "y")), agents, Parameters(BYZANTINE.threshold(None)), opened_at=NOW
    )


@pytest.mark.parametrize(
    ("size", "share", "told"),
    [
        (4, Fraction(67, 100), []),
        (4, Fraction(4, 5), [BLOCK]),
        (5, Fraction(3, 5), [BEND]),
        (7, Fraction(4, 5), [BLOCK]),
        (7, Fraction(1, 2), [BEND]),
        (10, Fraction(3, 5), [BEND]),
        (10, Fraction(2, 3), []),
    ],
)
def test_what_liars_could_block_or_bend_is_warned_of(size: int, share: Fraction, told: list[str]):
    warnings = BYZANTINE.warnings(opening_of(size, share=share))

    assert [phrase for phrase in (BLOCK, BEND) if phrase in " ".join(warnings)] == told
    assert len(warnings) == len(told)


def test_half_is_more_than_half_and_everything_else_at_least():
    assert BYZANTINE.threshold(Fraction(1, 2)) == Threshold(Fraction(1, 2), strict=True)
    assert BYZANTINE.threshold(Fraction(2, 3)) == Threshold(Fraction(2, 3))
    assert BYZANTINE.threshold(None) == Threshold(Fraction(67, 100))


def test_nobody_is_spared_while_a_ballot_may_still_be_voided():
    opening = opening_of(4)
    ballots = [ballot(opening, name, "x") for name in names(4)[:3]]

    assert not is_settled(BYZANTINE, opening, ballots, ["a03"])
    assert is_settled(BYZANTINE, opening, ballots, [])
    assert is_settled(RAFT, opening_of(4, RAFT), ballots, ["a03"])


def test_rules_without_a_protocol_warn_of_nothing():
    assert SimpleMajority().warnings(opening_of(4, RAFT)) == ()
    assert SimpleMajority().protocol is None

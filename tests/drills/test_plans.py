"""Plans of drills: drawn from a seed, of the size asked for."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.drills.plans import (
    byzantine_simulation,
    cascade,
    check_ratio,
    failing,
    most_at_once,
    partition,
    share_of,
    tolerated,
)
from maos_flows.errors import ConfigurationError
from maos_flows.model import BYZANTINE_KINDS, FailureKind, Protocol

electorates = st.integers(2, 13).map(lambda size: tuple(f"agent {place:02}" for place in range(size)))
ratios = st.fractions(Fraction(1, 100), Fraction(99, 100))
seeds = st.integers(0, 2**32)


@given(electorates, ratios, seeds)
def test_a_partition_cuts_off_the_nearest_share_and_leaves_somebody(
    agents: tuple[str, ...], ratio: Fraction, seed: int
) -> None:
    (cut,) = partition(agents, ratio=ratio, seconds=10, seed=seed)

    assert cut.kind is FailureKind.PARTITION
    assert set(cut.agents) < set(agents)
    assert abs(len(cut.agents) - ratio * len(agents)) <= Fraction(1, 2) or len(cut.agents) in {1, len(agents) - 1}


def test_of_seven_a_split_of_two_fifths_cuts_off_three() -> None:
    assert share_of(Fraction(2, 5), 7) == 3


@given(electorates, ratios, st.sets(st.sampled_from(BYZANTINE_KINDS), min_size=1), seeds)
def test_every_kind_is_dealt_and_every_liar_gets_one(
    agents: tuple[str, ...], rate: Fraction, kinds: set[FailureKind], seed: int
) -> None:
    plan = byzantine_simulation(agents, rate=rate, kinds=sorted(kinds), seconds=5, seed=seed)

    assert {one.kind for one in plan} == kinds
    assert len({one.agents for one in plan}) == share_of(rate, len(agents))


@given(electorates, ratios, ratios, seeds)
def test_in_a_cascade_nobody_crashes_twice_and_everybody_recovers(
    agents: tuple[str, ...], initial: Fraction, propagation: Fraction, seed: int
) -> None:
    plan = cascade(agents, initial=initial, propagation=propagation, recovery_seconds=30, seed=seed)

    crashed = [agent for one in plan for agent in one.agents]
    assert len(crashed) == len(set(crashed))
    assert len(failing(plan, 0)) == share_of(initial, len(agents)) <= most_at_once(plan) <= len(crashed)
    assert {one.seconds for one in plan} == {30}
    assert not failing(plan, max(one.until_seconds for one in plan))


@given(electorates, ratios, seeds)
def test_the_same_seed_draws_the_same_plan_whatever_the_order(
    agents: tuple[str, ...], ratio: Fraction, seed: int
) -> None:
    def plans(names: tuple[str, ...]) -> tuple[object, ...]:
        return (
            partition(names, ratio=ratio, seconds=1, seed=seed),
            cascade(names, initial=ratio, propagation=ratio, recovery_seconds=3, seed=seed),
            byzantine_simulation(names, rate=ratio, kinds=BYZANTINE_KINDS, seconds=1, seed=seed),
        )

    assert plans(agents) == plans(agents[::-1])


@pytest.mark.parametrize("ratio", ["0", "1", "3/2"])
def test_a_ratio_outside_0_and_1_is_refused(ratio: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--split-ratio: .* must be above 0 and below 1"):
        check_ratio(Fraction(ratio), path="--split-ratio")


def test_what_is_borne_depends_on_the_protocol() -> None:
    borne = [tolerated(protocol, 7) for protocol in (Protocol.BYZANTINE, Protocol.RAFT, None)]

    assert borne == [2, 3, None]

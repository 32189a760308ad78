"""Drilled agreement: with up to f failing the honest outcome stands; beyond f it is never a wrong one."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.drills.acting import script_of
from maos_flows.drills.plans import byzantine_simulation, cascade, most_at_once, partition, tolerated
from maos_flows.model import BYZANTINE_KINDS, FailureKind, Outcome, PlannedFailure, Protocol, Reason
from tests.agreement import council

FOR_GOOD = 1_000_000.0
seeds = st.integers(0, 2**32)


@given(st.sampled_from([4, 7, 9]), seeds)
@settings(max_examples=12, deadline=None)
def test_b17_a_cascade_never_leads_to_a_wrong_decision(size: int, seed: int) -> None:
    """B17: beyond f it is `too_many_faults` or not agreed on, and never reached for what no honest agent is for."""
    opening = council.opening_of(size)
    plan = cascade(
        council.names(size), initial=Fraction(1, 10), propagation=Fraction(3, 10), recovery_seconds=3, seed=seed
    )
    at_once = tuple(replace(one, after_seconds=0.0, seconds=FOR_GOOD) for one in plan)
    said = council.collected(opening, dict.fromkeys(council.names(size), "x"))

    decided = council.decided(opening, said, faults=script_of(at_once))

    borne = tolerated(Protocol.BYZANTINE, size)
    assert borne is not None
    if most_at_once(at_once) <= borne:
        assert (decided.outcome, decided.choice) == (Outcome.REACHED, "x")
    else:
        assert (decided.outcome, decided.reason) == (Outcome.NOT_REACHED, Reason.TOO_MANY_FAULTS)


@given(st.sampled_from([4, 7, 10]), seeds)
@settings(max_examples=10, deadline=None)
def test_b18_up_to_f_that_lie_change_nothing_and_nobody_else_is_named(size: int, seed: int) -> None:
    """B18."""
    opening = council.opening_of(size)
    rate = Fraction(tolerated(Protocol.BYZANTINE, size) or 0, size)
    plan = byzantine_simulation(council.names(size), rate=rate, kinds=BYZANTINE_KINDS, seconds=FOR_GOOD, seed=seed)
    said = council.collected(opening, dict.fromkeys(council.names(size), "x"))

    decided = council.decided(opening, said, faults=script_of(plan))

    liars = {agent for one in plan for agent in one.agents}
    assert decided.choice in {"x", None}
    assert council.proven(decided) <= liars


@given(seeds)
@settings(max_examples=8, deadline=None)
def test_the_larger_side_of_a_partition_of_seven_commits_and_the_smaller_catches_up(seed: int) -> None:
    opening = council.opening_of(7, council.RAFT)
    (cut,) = partition(council.names(7), ratio=Fraction(2, 5), seconds=1.0, seed=seed)
    said = council.collected(opening, dict.fromkeys(council.names(7), "x"))

    decided = council.decided(opening, said, policy=council.RAFT, faults=script_of((cut,)))

    assert (decided.outcome, decided.choice) == (Outcome.REACHED, "x")
    replicas = decided.details["agreement"]["replicas"]
    assert len({replicas[agent]["commit"] for agent in replicas}) == 1


@pytest.mark.parametrize("down", [3, 4])
def test_b17_more_than_can_crash_under_raft_is_too_many_faults(down: int) -> None:
    """B17."""
    opening = council.opening_of(5, council.RAFT)
    crash = PlannedFailure(FailureKind.CRASH, council.names(5)[:down], FOR_GOOD)
    said = council.collected(opening, dict.fromkeys(council.names(5), "x"))

    decided = council.decided(opening, said, policy=council.RAFT, faults=script_of((crash,)))

    assert (decided.outcome, decided.reason) == (Outcome.NOT_REACHED, Reason.TOO_MANY_FAULTS)

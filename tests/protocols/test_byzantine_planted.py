"""The net catches fish: every planted fault is found by the simulator or by a test of its name."""

import pytest

from maos_flows.protocols.simulation.byzantine import run
from tests.protocols import (
    test_byzantine_bad_input,
    test_byzantine_inclusion,
    test_byzantine_known_bugs,
    test_byzantine_outcome,
    test_byzantine_rules,
    test_byzantine_view_changes,
)
from tests.protocols.planted_byzantine import FOUND_BY_FORKS, FOUND_BY_SIMULATION, FOUND_BY_TESTS
from tests.protocols.test_byzantine_simulation import parted

SEEDS = 250
TESTS = {
    "lowest_instead_of_highest_prepared": (
        test_byzantine_rules.test_r1_the_highest_prepared_value_must_be_proposed_whatever_lower_claims_say,
        test_byzantine_view_changes.test_r6_the_primary_proposes_the_highest_prepared_value_with_what_justifies_it,
    ),
    "changes_of_far_views_kept": (test_byzantine_bad_input.test_what_is_kept_is_bounded_whatever_one_peer_sends,),
    "seconds_count_in_a_quorum": (test_byzantine_known_bugs.test_a_signer_is_counted_once_however_often_it_signs,),
    "timers_do_not_grow": (test_byzantine_known_bugs.test_timers_grow,),
    "nobody_is_ever_left_out": (
        test_byzantine_inclusion.test_a_ballot_held_by_one_honest_replica_is_counted_although_passing_it_on_fails_at_first,
    ),
    "commits_of_this_view_only": (test_byzantine_known_bugs.test_commits_count_in_views_that_were_left,),
    "f_agents_are_followed": (
        test_byzantine_view_changes.test_r5_f_plus_1_view_changes_ahead_pull_a_replica_to_the_lowest_of_them,
    ),
    "nobody_is_followed": (
        test_byzantine_view_changes.test_r5_f_plus_1_view_changes_ahead_pull_a_replica_to_the_lowest_of_them,
        test_byzantine_view_changes.test_r5_the_lowest_view_of_each_agent_counts,
    ),
    "voided_ballots_counted": (test_byzantine_outcome.test_a_double_ballot_counts_for_nothing_and_restores_nothing,),
    "shares_of_those_present_only": (test_byzantine_outcome.test_weights_are_exact_and_one_heavy_expert_shows,),
    "one_signer_twice_in_a_certificate": (
        test_byzantine_known_bugs.test_a_signer_is_counted_once_however_often_it_signs,
    ),
}


@pytest.mark.parametrize("plant", FOUND_BY_SIMULATION, ids=lambda plant: plant.name)
def test_a_planted_fault_is_found_by_the_simulator(plant, monkeypatch):
    plant.apply(monkeypatch)

    assert any(not run(seed).is_clean for seed in (plant.seed, *range(SEEDS)))


@pytest.mark.parametrize("plant", FOUND_BY_FORKS, ids=lambda plant: plant.name)
def test_a_fault_planted_in_the_naming_of_culprits_is_found_by_a_fork(plant, monkeypatch):
    plant.apply(monkeypatch)
    reports = [run(seed, settings=parted(seed)[0]) for seed in range(12)]

    assert any(violation.invariant in {"culprits", "accused"} for report in reports for violation in report.violations)


@pytest.mark.parametrize("plant", FOUND_BY_TESTS, ids=lambda plant: plant.name)
def test_a_planted_fault_is_found_by_each_test_named_for_it(plant, monkeypatch):
    tests = TESTS[plant.name]
    for test in tests:
        test()
    plant.apply(monkeypatch)

    for test in tests:
        with pytest.raises((AssertionError, KeyError, StopIteration)):
            test()


def test_the_net_is_wide_enough():
    names = [plant.name for plant in (*FOUND_BY_SIMULATION, *FOUND_BY_FORKS, *FOUND_BY_TESTS)]

    assert len(names) == len(set(names)) >= 7
    assert TESTS.keys() == {plant.name for plant in FOUND_BY_TESTS}

"""The net catches fish: every fault planted in the Raft replica is found, by a few seeds or by the test it names."""

import pytest

from maos_flows.protocols.simulation.faults import Profile
from maos_flows.protocols.simulation.raft import run
from maos_flows.protocols.simulation.world import Settings
from tests.protocols.planted_raft import FOUND_BY_SIMULATION, FOUND_BY_TEST

SEEDS = range(250)


def is_seen(seed):
    """Run a seed; a replica that its fault makes raise is seen as well."""
    try:
        return not run(seed, Profile.SWARM, Settings(live_within=1_000, live_events=2_000)).is_clean
    except (AssertionError, IndexError):
        return True


@pytest.mark.parametrize("plant", FOUND_BY_SIMULATION, ids=lambda plant: plant.name)
def test_the_simulation_finds_what_is_planted(plant, monkeypatch):
    plant.apply(monkeypatch)

    assert any(is_seen(seed) for seed in SEEDS)


@pytest.mark.parametrize(("plant", "test"), FOUND_BY_TEST, ids=[plant.name for plant, _ in FOUND_BY_TEST])
def test_the_named_test_finds_what_is_planted(plant, test, monkeypatch):
    test()
    plant.apply(monkeypatch)

    with pytest.raises((AssertionError, LookupError, ExceptionGroup)):
        test()


def test_there_are_at_least_fifteen_planted_faults():
    names = [plant.name for plant in FOUND_BY_SIMULATION] + [plant.name for plant, _ in FOUND_BY_TEST]

    assert len(set(names)) == len(names) >= 15

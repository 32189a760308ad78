"""Byzantine agreement from seeds: clean and live with up to f liars, culprits named with more, the same every time."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from maos_flows.protocols.simulation.byzantine import ByzantineWorld, run
from maos_flows.protocols.simulation.byzantine_liars import SCRIPT_NAMES
from maos_flows.protocols.simulation.driver import Simulation
from maos_flows.protocols.simulation.faults import UNIFORM, Cut, FaultPlan, Profile
from maos_flows.protocols.simulation.report import Report
from maos_flows.protocols.simulation.scenario import check_scenario
from maos_flows.protocols.simulation.world import Settings
from maos_flows.quorum import byzantine_quorum, tolerated_faults
from tests.protocols.byzantine_support import agents_of, agreement_of
from tests.protocols.seeds import blocks

BLOCK = 25
SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("byzantine-*.txt"))


def assert_clean(report: Report) -> None:
    again = f"--protocol byzantine --profile {report.profile} --replay {report.seed}"
    assert report.is_clean, f"{report.violations[0]} after {report.events} events; again: {again}"
    assert report.decided, f"no decision; again: {again}"


@pytest.mark.parametrize("first", blocks(0, 350, size=BLOCK, measured={0, 125}))
def test_every_seed_of_the_swarm_is_clean_and_live(first):
    for seed in range(first, first + BLOCK):
        assert_clean(run(seed, Profile.SWARM))


@pytest.mark.parametrize("first", blocks(10_000, 10_150, size=BLOCK, measured={10_000}))
def test_every_seed_with_uniform_faults_is_clean_and_live(first):
    for seed in range(first, first + BLOCK):
        assert_clean(run(seed, Profile.UNIFORM))


@pytest.mark.parametrize("script", SCRIPT_NAMES)
def test_f_liars_of_every_kind_are_borne(script):
    for seed, size in enumerate((4, 5, 7)):
        liars = tuple((agent, script) for agent in agents_of(size)[: tolerated_faults(size)])
        plan = replace(UNIFORM, liars=liars)
        assert_clean(run(seed, Profile.UNIFORM, Settings(size=size, plan=plan, events=300)))


@pytest.mark.parametrize("size", [4, 5, 7, 10])
def test_f_twins_are_borne(size):
    plan = replace(UNIFORM, twins=agents_of(size)[-tolerated_faults(size) :])

    assert_clean(run(size, Profile.UNIFORM, Settings(size=size, plan=plan, events=300)))


def parted(seed: int) -> tuple[Settings, list[str]]:
    """More than f twins, each with one life on either side of a cut that also parts the honest."""
    chance = Random(seed)
    size, liars = chance.choice(((4, 2), (5, 3), (7, 3), (7, 4)))
    agents = agents_of(size)
    twins = tuple(sorted(chance.sample(agents, liars)))
    honest = [agent for agent in agents if agent not in twins]
    here = [*twins, *honest[: len(honest) // 2]]
    there = [*(f"{twin}'" for twin in twins), *honest[len(honest) // 2 :]]
    links = tuple((one, other) for one in here for other in there)
    cut = Cut(links + tuple((other, one) for one, other in links))
    lines: list[str] = []
    plan = FaultPlan(drop=0.05, delay=(1, 8), twins=twins, script=((0, cut),))
    return Settings(plan=plan, size=size, events=1_500, observe=lines.append), lines


def test_with_more_than_f_liars_two_certificates_name_at_least_f_plus_1_of_them():
    forks = 0
    for seed in range(24):
        settings, lines = parted(seed)
        assert_clean(run(seed, Profile.SWARM, settings))
        named = [line for line in lines if "two certificates" in line]
        forks += len(named)
        twins = settings.plan.twins if settings.plan else ()
        for line in named:
            culprits = line.partition("culprits: ")[2].split()
            assert tolerated_faults(settings.size or 0) < len(culprits)
            assert set(culprits) <= set(twins)

    assert forks >= 12


def test_with_more_than_f_liars_of_any_kind_no_honest_agent_is_ever_accused():
    for seed in range(24):
        chance = Random(seed)
        size = chance.choice((4, 5, 7))
        most = byzantine_quorum(size, tolerated_faults(size)) - 1
        liars = chance.sample(agents_of(size), chance.randint(tolerated_faults(size) + 1, most))
        scripts = tuple((agent, chance.choice(SCRIPT_NAMES)) for agent in liars)
        settings = Settings(plan=replace(UNIFORM, liars=scripts), size=size, events=200)

        assert_clean(run(seed, Profile.SWARM, settings))


def test_a_decision_that_comes_too_many_views_late_is_a_violation():
    class Impatient(ByzantineWorld):
        def healed(self, core):
            super().healed(core)
            self._last_view = 0

    simulation = Simulation(1, Profile.CALM, Settings(events=50), message_types=())

    report = simulation.run(Impatient(simulation))

    assert {violation.invariant for violation in report.violations} == {"liveness"}
    assert not report.decided


@pytest.mark.parametrize("profile", list(Profile))
def test_a_seed_runs_the_same_twice(profile):
    for seed in range(5):
        assert run(seed, profile) == run(seed, profile)


def test_a_seed_runs_the_same_whatever_the_hash_seed():
    program = (
        "from maos_flows.protocols.simulation.byzantine import run\nprint([run(seed).trace_hash for seed in range(6)])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert len(printed) == 1
    assert "[" in printed.pop()


def test_a_prefix_of_a_run_is_a_run():
    whole, lines, prefix = run(4), [], []
    run(4, settings=Settings(observe=lines.append))
    short = run(4, settings=Settings(observe=prefix.append, stop_after=100))

    assert short.events == 100 < whole.events
    assert prefix == lines[: len(prefix)]


def test_watching_a_run_does_not_change_it():
    lines: list[str] = []
    traces: list = []

    watched = run(7, settings=Settings(observe=lines.append, trace=traces.append))

    assert watched == run(7)
    assert {line["kind"] for line in traces} >= {"state", "send", "receive", "write"}
    assert any("DECIDED" in line for line in lines)


def test_a_trace_tells_every_state_and_no_view_ever_falls():
    traces: list = []
    run(7, settings=Settings(trace=traces.append))

    views: dict[str, int] = {}
    for line in traces:
        if line["kind"] == "write":
            assert line["written_view"] >= views.get(line["replica"], 0)
            views[line["replica"]] = line["written_view"]
    assert views
    assert {line.get("role") for line in traces} <= {"replica", "liar", "down"}


def test_the_first_primary_of_a_simulated_agreement_is_no_constant():
    assert len({agreement_of(4, question=f"q{number}").primary(1) for number in range(20)}) == 4


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_byzantine_scenario_runs_as_it_is_written(path):
    assert check_scenario(path) == ""


def test_there_are_byzantine_scenarios_of_several_views_with_twins_and_liars():
    told = "".join(path.read_text() for path in SCENARIOS)

    assert len(SCENARIOS) >= 3
    assert all(word in told for word in ("a01'", "lies", "VIEW-CHANGE to 3", "crashes", "two_ballots", "DECIDED"))

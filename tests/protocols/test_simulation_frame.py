"""The simulated world: what the plan says happens, no more and no less, and the same for the same seed."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.raft_messages import MESSAGE_TYPES
from maos_flows.protocols.simulation import raft
from maos_flows.protocols.simulation.disturbances import draw_disturbance, draw_lasting_break
from maos_flows.protocols.simulation.driver import Simulation
from maos_flows.protocols.simulation.events import Act, Deliver, Disturb, Restart, Tick, Written
from maos_flows.protocols.simulation.faults import CALM, UNIFORM, Crash, Cut, FaultPlan, Mend, Profile, draw_plan
from maos_flows.protocols.simulation.network import Clock, Network
from maos_flows.protocols.simulation.report import Report, Violation
from maos_flows.protocols.simulation.transcript import describe
from maos_flows.protocols.simulation.world import Settings
from maos_flows.protocols.step import Envelope

NAMES = ("a", "b", "c", "d")


def sent_through(plan, count=400, seed=1):
    """Send messages from a to b; give the arrival times of each."""
    clock, chance = Clock(), Random(seed)
    network = Network(clock, chance, plan)
    for number in range(count):
        network.send("a", "b", Envelope("a", "b", number))
    arrivals = {}
    while not clock.is_empty:
        event = clock.next_event()
        arrivals.setdefault(event.envelope.message, []).append(clock.now)
    return network, arrivals


@given(st.lists(st.integers(0, 9), max_size=20))
def test_events_happen_in_order_of_time_and_then_of_scheduling(delays):
    clock = Clock()
    for number, delay in enumerate(delays):
        clock.schedule(delay, Act(number))

    happened = []
    while not clock.is_empty:
        happened.append((clock.next_event().action, clock.now))

    assert happened == [(number, delays[number]) for number in sorted(range(len(delays)), key=lambda n: (delays[n], n))]


def test_a_calm_network_delivers_everything_once_and_at_once():
    network, arrivals = sent_through(CALM)

    assert network.sent == 400
    assert arrivals == {number: [1] for number in range(400)}


def test_a_network_that_drops_loses_about_its_share():
    _, arrivals = sent_through(FaultPlan(drop=0.5))

    assert 150 < len(arrivals) < 250


def test_a_network_loses_types_by_their_own_share():
    _, arrivals = sent_through(FaultPlan(loss_by_type=(("int", 1.0), ("str", 0.5))))
    _, others = sent_through(FaultPlan(loss_by_type=(("str", 1.0),)))

    assert (len(arrivals), len(others)) == (0, 400)


def test_a_network_that_duplicates_delivers_some_twice_and_none_thrice():
    _, arrivals = sent_through(FaultPlan(duplicate=0.3))

    assert Counter(map(len, arrivals.values())).keys() == {1, 2}


def test_a_network_that_reorders_delays_some_so_that_others_overtake():
    _, arrivals = sent_through(FaultPlan(reorder=0.2, long_delay=100))

    late = [times for times in arrivals.values() if times[0] > 1]
    assert 40 < len(late) < 120
    assert max(late) <= [100]


def test_delays_lie_within_their_bounds():
    _, arrivals = sent_through(FaultPlan(delay=(3, 9)))

    assert {times[0] for times in arrivals.values()} == set(range(3, 10))


def test_a_cut_link_carries_nothing_one_way_until_mended():
    clock = Clock()
    network = Network(clock, Random(1), CALM)

    network.stop([("a", "b")])
    network.send("a", "b", Envelope("a", "b", 1))
    network.send("b", "a", Envelope("b", "a", 2))
    carried = (network.carries("a", "b"), network.carries("b", "a"))
    network.mend([("a", "b")])
    network.send("a", "b", Envelope("a", "b", 3))

    assert carried == (False, True)
    assert [clock.next_event().envelope.message for _ in range(2)] == [2, 3]


# Plans


def test_calm_and_uniform_are_the_same_for_every_seed():
    assert draw_plan(Profile.CALM, Random(1), ()) == CALM
    assert draw_plan(Profile.UNIFORM, Random(1), ()) == UNIFORM


def test_swarm_switches_every_kind_off_in_some_seeds_and_on_in_others():
    kinds = (
        "drop",
        "duplicate",
        "reorder",
        "one_way",
        "two_way",
        "clog",
        "crash",
        "slow_disk",
        "tick_jitter",
        "loss_by_type",
    )

    plans = [draw_plan(Profile.SWARM, Random(seed), MESSAGE_TYPES) for seed in range(60)]

    for kind in kinds:
        assert 5 < sum(bool(getattr(plan, kind)) for plan in plans) < 55, kind


def test_the_same_seed_draws_the_same_plan():
    one, other = (draw_plan(Profile.SWARM, Random(7), MESSAGE_TYPES) for _ in range(2))

    assert one == other


# Disturbances


def drawn(plan, seeds=60, addresses=NAMES):
    return [draw_disturbance(plan, Random(seed), addresses) for seed in range(seeds)]


def test_a_two_way_cut_parts_the_replicas_in_two_and_ends():
    for (at_once, cut), (end, mend) in drawn(FaultPlan(two_way=1.0, outage=50)):
        one_side = {target for source, target in cut.links if source == cut.links[0][0]}

        assert at_once == 0
        assert 1 <= end <= 50
        assert isinstance(mend, Mend)
        assert mend.links == cut.links
        assert {(target, source) for source, target in cut.links} == set(cut.links)
        assert set(cut.links) >= {(inner, outer) for outer in one_side for inner in set(NAMES) - one_side}


def test_a_one_way_cut_leaves_the_way_back():
    for (_, cut), _ in drawn(FaultPlan(one_way=1.0)):
        assert not {(target, source) for source, target in cut.links} & set(cut.links)


def test_a_clogged_replica_loses_all_its_links_one_by_one():
    for timed in drawn(FaultPlan(clog=1.0)):
        cut = [link for _, item in timed if isinstance(item, Cut) for link in item.links]
        mended = [link for _, item in timed if isinstance(item, Mend) for link in item.links]
        in_all = Counter(end for link in cut for end in link)

        assert sorted(cut) == sorted(mended)
        assert max(in_all.values()) == len(cut) == 2 * (len(NAMES) - 1)


def test_a_crash_has_an_end():
    for ((_, crash),) in drawn(FaultPlan(crash=1.0, outage=30)):
        assert 1 <= crash.down <= 30


@pytest.mark.parametrize(("plan", "addresses"), [(CALM, NAMES), (UNIFORM, ("a",))])
def test_nothing_goes_wrong_without_weights_or_without_links(plan, addresses):
    assert set(drawn(plan, addresses=addresses)) == {()}


def test_a_lasting_break_leaves_a_replica_alone_deaf_mute_or_stopped():
    breaks = {draw_lasting_break(Random(seed), "a", ("a", "b")) for seed in range(40)}

    assert breaks == {Cut((("b", "a"), ("a", "b"))), Cut((("b", "a"),)), Cut((("a", "b"),)), Crash("a")}


# Runs


def transcript(plan, **options):
    lines = []
    report = raft.run(3, Profile.CALM, Settings(plan=plan, size=3, observe=lines.append, **options))
    return report, lines


def test_a_script_happens_at_its_times():
    script = ((5, Crash("a1", 50)), (7, Cut((("a2", "a3"),))), (9, Mend((("a2", "a3"),))), (60, Crash("a1", 10)))

    report, lines = transcript(FaultPlan(script=script))

    text = [" ".join(line.split()) for line in lines]
    assert report.is_clean
    for line in ("5 a1 crashes for 50", "7 cut a2>a3", "9 mend a2>a3", "55 a1 restarts", "70 a1 restarts"):
        assert line in text


def test_a_crash_of_the_crashed_changes_nothing():
    report, lines = transcript(FaultPlan(script=((5, Crash("a1", 100)), (6, Crash("a1", 20)))))

    assert report.is_clean
    assert sum("a1 restarts" in line for line in lines) == 2


class OneClock:
    """The smallest world: one replica that is live once it has ticked three times."""

    addresses = ("only",)

    def __init__(self):
        self.ticks = 0
        self.rounds = lambda: 0
        self.core = lambda: self.addresses
        self.is_live = lambda: self.ticks >= 3
        self.start = self.crash = self.restart = self.healed = lambda *_: None
        self.check = self.fingerprint = lambda _: ""

    def tick(self, _):
        self.ticks += 1


def test_a_script_that_stops_all_ends_the_safety_phase_early():
    settings = Settings(plan=FaultPlan(script=((5, Crash("only")),)))

    report = Simulation(1, Profile.CALM, settings, message_types=()).run(OneClock())

    assert (report.decided, report.events, report.virtual_time) == (True, 5, 40)


@pytest.mark.parametrize(("second", "is_up"), [(Crash("only"), False), (Crash("only", 500), True)])
def test_a_crash_for_good_outlives_the_restart_that_an_earlier_one_left(second, is_up):
    settings = Settings(plan=FaultPlan(script=((5, Crash("only", 100)), (6, second))))
    simulation, world, seen = Simulation(1, Profile.CALM, settings, message_types=()), OneClock(), []
    world.check = lambda _: seen.append((simulation.clock.now, simulation.is_up("only"))) or ""

    simulation.run(world)

    assert (105, is_up) in seen


def test_a_run_stops_after_the_events_it_may_have():
    report, _ = transcript(UNIFORM, stop_after=100)

    assert (report.events, report.decided, report.is_clean) == (100, False, True)


def test_a_core_that_gets_no_time_is_a_liveness_violation():
    report, lines = transcript(UNIFORM, live_within=1)

    assert [violation.invariant for violation in report.violations] == ["liveness"]
    assert not report.decided
    assert lines


def test_a_core_that_gets_no_events_is_a_liveness_violation():
    report, _ = transcript(UNIFORM, live_events=1)

    assert [violation.invariant for violation in report.violations] == ["liveness"]


def test_slow_disks_lose_what_was_not_written_in_a_crash():
    plan = replace(UNIFORM, slow_disk=1.0, disk_delay=60, crash=10.0, disturb_every=40)

    reports = [raft.run(seed, Profile.UNIFORM, Settings(plan=plan)) for seed in range(8)]

    assert all(report.is_clean for report in reports)


def test_a_replica_is_busy_while_it_writes_and_not_up_while_it_is_down():
    settings = Settings(plan=FaultPlan(slow_disk=1.0, disk_delay=9, script=((30, Crash("a1")),)), size=1, events=20)
    simulation = Simulation(1, Profile.CALM, settings, message_types=())
    world = raft.RaftWorld(simulation)
    seen = set()
    check = world.check
    world.check = lambda event: (seen.add((simulation.is_up("a1"), simulation.is_busy("a1"))), check(event))[1]

    simulation.run(world)

    assert {(True, True), (True, False)} <= seen


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Deliver("a", "b", Envelope("a", "b", "hi")), "a -> b  hi"),
        (Tick("a", 0), "a ticks"),
        (Written("a", 0), "a has written"),
        (Restart("a", 0), "a restarts"),
        (Disturb(), "something goes wrong"),
        (Disturb(Cut((("a", "b"), ("b", "a")))), "cut a>b b>a"),
        (Disturb(Mend((("a", "b"),))), "mend a>b"),
        (Disturb(Crash("a", 5)), "a crashes for 5"),
        (Disturb(Crash("a")), "a crashes for good"),
        (Act("x"), "client: x"),
    ],
)
def test_every_event_reads_in_words(event, words):
    assert describe(event) == words


def test_a_report_with_a_violation_is_not_clean():
    clean = Report(1, "calm", "0", decided=True, rounds=1, messages=2, events=3, virtual_time=4)

    broken = replace(clean, violations=(Violation("agreement", "a and b"),))

    assert (clean.is_clean, broken.is_clean, str(broken.violations[0])) == (True, False, "agreement: a and b")

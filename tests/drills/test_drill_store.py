"""Drills in the audit store: refused where they must be, told on the timeline, over with the decision."""

from datetime import timedelta

import pytest

from maos_flows.audit.drills import Drill
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError
from maos_flows.model import EventKind, FailureKind, PlannedFailure
from tests.audit.samples import NOON, SOON, ballot, decision_of, opened

CRASH = PlannedFailure(FailureKind.CRASH, ("ada",), 60.0)
LATER = NOON + timedelta(seconds=30)


def told(store: AuditStore) -> list[tuple[EventKind, tuple[str, ...]]]:
    return [
        (event.kind, tuple(event.data["agents"]))
        for event in store.timeline("d-1")
        if event.kind in {EventKind.INJECTED, EventKind.HEALED}
    ]


def test_b81_what_a_drill_does_is_marked_on_the_timeline(store: AuditStore) -> None:
    """B81."""
    opened(store)
    store.drills.start("d-1", Drill("x-1", "simulate-failure", (CRASH,), 7, "ana"), now=NOON)

    (event,) = [event for event in store.timeline("d-1") if event.kind is EventKind.INJECTED]
    assert event.text == "drill simulate-failure: crash of ada for 60 s"
    assert (event.agent_id, event.data["drill"], event.data["by"], event.data["seed"]) == ("ada", "x-1", "ana", 7)
    assert [one.agents for one in store.drills.acting("d-1", now=LATER)] == [("ada",)]


def test_b81_a_drill_ends_by_itself_after_its_duration(store: AuditStore) -> None:
    """B81."""
    opened(store)
    store.drills.start("d-1", Drill("x-1", "simulate-failure", (CRASH,)), now=NOON)

    assert store.drills.acting("d-1", now=NOON + timedelta(seconds=60)) == ()
    assert store.drills.acting("d-1", now=NOON + timedelta(seconds=61)) == ()
    assert told(store) == [(EventKind.INJECTED, ("ada",)), (EventKind.HEALED, ("ada",))]


def test_b81_a_drill_ends_with_the_decision(store: AuditStore) -> None:
    """B81."""
    opened(store)
    store.record_answer(ballot("bob"))
    store.drills.start("d-1", Drill("x-1", "simulate-failure", (CRASH,)), now=NOON)

    store.close_decision(decision_of(store), at=SOON)

    assert told(store) == [(EventKind.INJECTED, ("ada",)), (EventKind.HEALED, ("ada",))]
    assert store.timeline("d-1")[-1].kind is EventKind.DECIDED
    assert store.drills.acting("d-1", now=LATER) == store.drills.running() == ()


def test_what_begins_later_is_told_when_it_does(store: AuditStore) -> None:
    opened(store)
    second = PlannedFailure(FailureKind.CRASH, ("bob",), 60.0, after_seconds=20.0)
    store.drills.start("d-1", Drill("x-1", "simulate-cascading-failures", (CRASH, second)), now=NOON)
    before = told(store)

    store.drills.acting("d-1", now=LATER)

    assert before == [(EventKind.INJECTED, ("ada",))]
    assert told(store) == [(EventKind.INJECTED, ("ada",)), (EventKind.INJECTED, ("bob",))]


def test_a_drill_is_started_once_even_when_it_is_over(store: AuditStore) -> None:
    opened(store)
    drill = Drill("x-1", "stage", (CRASH,))
    store.drills.start("d-1", drill, now=NOON)
    store.drills.stop("d-1", now=SOON)

    store.drills.start("d-1", drill, now=SOON)

    assert told(store) == [(EventKind.INJECTED, ("ada",)), (EventKind.HEALED, ("ada",))]


def test_two_drills_at_once_on_one_agent_are_refused(store: AuditStore) -> None:
    opened(store)
    store.drills.start("d-1", Drill("x-1", "simulate-failure", (CRASH,)), now=NOON)

    with pytest.raises(ConflictError, match=r"ada is in drill x-1 \(simulate-failure\) until 12:01:00 UTC"):
        store.drills.start("d-1", Drill("x-2", "simulate-failure", (CRASH,)), now=SOON)
    after = store.drills.start("d-1", Drill("x-3", "simulate-failure", (CRASH,)), now=NOON + timedelta(minutes=2))
    assert len(after) == 1


def test_stopping_ends_the_drills_of_one_name_alone(store: AuditStore) -> None:
    opened(store)
    lies = PlannedFailure(FailureKind.FALSE_INFORMATION, ("bob",), 60.0)
    store.drills.start("d-1", Drill("x-1", "simulate-failure", (CRASH,)), now=NOON)
    store.drills.start("d-1", Drill("x-2", "byzantine-simulation", (lies,)), now=NOON)

    stopped = store.drills.stop("d-1", now=SOON, name="byzantine-simulation")

    assert [one.drill for one in stopped] == ["x-2"]
    assert [one.drill for one in store.drills.running()] == ["x-1"]


def test_what_cannot_be_drilled_is_refused(store: AuditStore) -> None:
    opened(store)
    store.record_answer(ballot("bob"))
    stranger = PlannedFailure(FailureKind.CRASH, ("zoe",), 60.0)

    with pytest.raises(ConfigurationError, match="zoe is not in the electorate of d-1: ada, bob"):
        store.drills.start("d-1", Drill("x-1", "simulate-failure", (stranger,)), now=NOON)
    with pytest.raises(NotFoundError):
        store.drills.start("d-2", Drill("x-1", "simulate-failure", (CRASH,)), now=NOON)
    store.close_decision(decision_of(store), at=SOON)
    with pytest.raises(ConflictError, match="d-1 is over"):
        store.drills.start("d-1", Drill("x-1", "simulate-failure", (CRASH,)), now=SOON)


def test_open_decisions_of_an_agent_are_found(store: AuditStore) -> None:
    opened(store, "d-1", "ada", "bob")
    opened(store, "d-2", "bob", "cyd")

    assert store.drills.open_decisions_with("bob") == ("d-1", "d-2")
    assert store.drills.open_decisions_with("cyd") == ("d-2",)
    assert store.drills.open_decisions_with("zoe") == ()

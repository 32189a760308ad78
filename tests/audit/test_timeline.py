"""Timelines: numbered without a gap, whoever writes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.audit.timeline import OF_ROWS
from maos_flows.errors import ConfigurationError, NotFoundError
from maos_flows.model import Event, EventKind
from tests.audit.samples import NOON, opened


def test_an_event_gets_the_next_number_and_is_read_back(store: AuditStore) -> None:
    opened(store)

    asked = store.note("d-1", Event(NOON, EventKind.ASKED, "5 agents asked", "ada", data={"agents": ["ada"]}))

    assert asked == Event(NOON, EventKind.ASKED, "5 agents asked", "ada", sequence=2, data={"agents": ["ada"]})
    assert store.timeline("d-1")[-1] == asked
    assert store.timeline("d-1", after=1) == (asked,)
    assert store.timeline("d-1", after=2) == ()


def test_numbers_have_no_gap_when_many_write_at_once(store: AuditStore) -> None:
    opened(store)
    events = [Event(NOON, EventKind.ASKED, f"note {number}") for number in range(30)]

    with ThreadPoolExecutor(10) as pool:
        given = list(pool.map(lambda event: store.note("d-1", event), events))

    assert sorted(event.sequence for event in given) == list(range(2, 32))
    assert [event.sequence for event in store.timeline("d-1")] == list(range(1, 32))


def test_an_instant_is_kept_to_the_microsecond_and_in_utc(store: AuditStore) -> None:
    opened(store)
    east = timezone(timedelta(hours=5, minutes=45))
    instants = [
        datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 3, 29, 3, 0, tzinfo=timezone(timedelta(hours=2))),
        datetime(2027, 1, 1, 0, 0, tzinfo=east),
    ]

    for instant in instants:
        store.note("d-1", Event(instant, EventKind.ASKED, "x"))

    kept = [event.at for event in store.timeline("d-1", after=1)]
    assert kept == instants
    assert {instant.utcoffset() for instant in kept} == {timedelta(0)}


@pytest.mark.parametrize("kind", sorted(OF_ROWS))
def test_events_that_tell_of_a_row_are_the_stores_own(store: AuditStore, kind: EventKind) -> None:
    opened(store)

    with pytest.raises(ConfigurationError, match=kind.value):
        store.note("d-1", Event(NOON, kind, "x"))
    assert len(store.timeline("d-1")) == 1


def test_a_note_on_nothing_is_refused(store: AuditStore) -> None:
    with pytest.raises(NotFoundError, match="d-1"):
        store.note("d-1", Event(NOON, EventKind.ASKED, "x"))


def test_a_note_without_a_time_zone_is_refused(store: AuditStore) -> None:
    opened(store)

    with pytest.raises(ConfigurationError, match="no time zone"):
        store.note("d-1", Event(datetime(2026, 3, 1), EventKind.ASKED, "x"))  # noqa: DTZ001 - the point of the test

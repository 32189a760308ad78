"""Work handed over to a store: committed together, each piece answered for itself."""

import threading
from concurrent.futures import Future
from functools import partial

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import NotFoundError, StoreError
from maos_flows.model import Event, EventKind
from tests.audit.samples import NAMES, NOON, ballot, decision_of, opened, opening_of, request_to


def held_up(store: AuditStore) -> tuple[Future[bool], threading.Event]:
    """Hand over work that waits, so that what is handed over next has to wait behind it; set the signal to go on."""
    go = threading.Event()
    return store.hand_over(lambda: go.wait(60)), go


def test_what_is_handed_over_is_on_disk_when_it_is_answered(store: AuditStore, store_url: str) -> None:
    opened(store)
    kept = store.hand_over(partial(store.record_answer, ballot())).result(60)

    with AuditStore.open(store_url) as other:
        assert other.answers("d-1", 1) == (kept,)


def test_what_waits_is_written_in_order_and_each_gets_its_own_answer(store: AuditStore) -> None:
    opened(store)
    first, go = held_up(store)
    waiting = [store.hand_over(partial(store.record_answer, ballot(name))) for name in NAMES]
    go.set()

    assert first.result(60)
    assert [future.result(60).agent_id for future in waiting] == list(NAMES)
    assert [event.agent_id for event in store.timeline("d-1") if event.kind is EventKind.BALLOT] == list(NAMES)
    assert store.check() == ()


def test_work_that_fails_costs_what_waits_beside_it_nothing(store: AuditStore) -> None:
    opened(store)
    first, go = held_up(store)
    before = store.hand_over(partial(store.record_answer, ballot("ada")))
    unknown = store.hand_over(partial(store.record_answer, ballot("bob", decision_id="d-9")))
    after = store.hand_over(partial(store.record_answer, ballot("cyd")))
    go.set()

    with pytest.raises(NotFoundError):
        unknown.result(60)
    assert first.result(60)
    assert [before.result(60).agent_id, after.result(60).agent_id] == ["ada", "cyd"]
    assert [answer.agent_id for answer in store.answers("d-1", 1)] == ["ada", "cyd"]
    assert [event.sequence for event in store.timeline("d-1")] == [1, 2, 3]


def test_work_of_several_calls_is_kept_whole_or_not_at_all(store: AuditStore) -> None:
    def open_and_break_off() -> None:
        opened(store)
        store.record_answer(ballot())
        assert len(store.answers("d-1", 1)) == 1  # it sees what it has written
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.hand_over(open_and_break_off).result(60)

    assert store.opening("d-1") is None


def test_an_opening_that_was_undone_is_not_remembered(store: AuditStore) -> None:
    request = request_to()
    later = opening_of(request, now=NOON.replace(hour=13))

    def open_read_and_break_off() -> None:
        opened(store)
        assert store.opening("d-1") is not None
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.hand_over(open_read_and_break_off).result(60)
    store.open_decision(later, request)

    assert store.opening("d-1") == later


def test_a_decision_is_closed_and_its_timeline_read_in_one_go(store: AuditStore) -> None:
    opened(store)
    for name in NAMES:
        store.record_answer(ballot(name))
    ruled = decision_of(store)
    closed, timeline = store.hand_over(lambda: (store.close_decision(ruled, at=NOON), store.timeline("d-1"))).result(60)

    assert closed == store.decision("d-1")
    assert timeline == store.timeline("d-1")
    assert timeline[-1].kind is EventKind.DECIDED


def test_who_gives_up_waiting_leaves_the_ballot_kept(store: AuditStore) -> None:
    opened(store)
    first, go = held_up(store)
    waiting = store.hand_over(partial(store.record_answer, ballot()))

    assert not waiting.cancel()
    go.set()
    assert first.result(60)
    assert waiting.result(60).agent_id == "ada"


def test_closing_a_store_finishes_what_was_handed_over(store_url: str) -> None:
    store = AuditStore.open(store_url)
    opened(store)
    first, go = held_up(store)
    event = Event(NOON, EventKind.ASKED, "asked")
    waiting = store.hand_over(partial(store.note, "d-1", event))
    go.set()
    store.close()

    assert first.done()
    assert waiting.result(0).sequence == 2
    with pytest.raises(StoreError, match="is closed"):
        store.hand_over(partial(store.note, "d-1", event))

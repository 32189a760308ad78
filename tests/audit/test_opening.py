"""Opening a decision: what was frozen stays frozen, whoever opens it again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError
from maos_flows.model import Context, EventKind
from maos_flows.records import opening_digest
from tests.audit.samples import NAMES, NOON, ballot, decision_of, opened, opening_of, request_to


def test_an_opening_and_its_request_are_read_back_as_they_were(store: AuditStore) -> None:
    request = request_to(context=(Context("figures", "größer als 3 ✓"),), title="Database", run_id="r-1")
    opening = opening_of(request)

    assert store.open_decision(opening, request) == opening
    assert store.opening("d-1") == opening
    assert store.request("d-1") == request
    assert [event.kind for event in store.timeline("d-1")] == [EventKind.OPENED]


def test_the_digest_told_of_an_opening_is_that_of_what_is_read_back(store: AuditStore) -> None:
    request = request_to(context=(Context("figures", "größer als 3 ✓"),), title="Database", run_id="r-1")
    read = store.open_decision(opening_of(request), request)
    (opened_event,) = store.timeline("d-1")

    assert opening_digest(read) == opened_event.data["digest"]


def test_what_is_not_there_is_none(store: AuditStore) -> None:
    assert (store.opening("d-1"), store.request("d-1"), store.decision("d-1")) == (None, None, None)
    assert (store.answers("d-1", 1), store.rejected("d-1", 1), store.timeline("d-1")) == ((), (), ())


def test_b67_opening_again_gives_what_was_frozen_then(store: AuditStore) -> None:
    request = request_to()
    first = store.open_decision(opening_of(request), request)

    again = store.open_decision(opening_of(request, now=NOON + timedelta(hours=1)), request)

    assert again == first
    assert len(store.timeline("d-1")) == 1


def test_opening_again_after_a_second_round_gives_the_first(store: AuditStore) -> None:
    request = request_to()
    first = store.open_decision(opening_of(request), request)
    second = store.open_round(opening_of(request, round_number=2))

    assert store.open_decision(first, request) == first
    assert store.opening("d-1") == second


def test_b50_a_changed_request_under_the_same_id_is_refused(store: AuditStore) -> None:
    first = opened(store)
    changed = request_to("ada", "bob", "cyd")

    with pytest.raises(ConflictError, match="d-1"):
        store.open_decision(opening_of(changed), changed)
    assert store.opening("d-1") == first
    assert len(store.timeline("d-1")) == 1


def test_b50_weights_changed_after_opening_apply_to_the_next_decision_only(store: AuditStore) -> None:
    opening = opened(store)
    for name in NAMES:
        store.record_answer(ballot(name))
    decision = decision_of(store)
    electors = tuple(replace(elector, weight=Fraction(5)) for elector in opening.electorate.electors)
    changed = replace(opening, electorate=replace(opening.electorate, electors=electors))

    with pytest.raises(ConflictError, match="does not rest"):
        store.close_decision(replace(decision, opening=changed), at=NOON)
    assert store.close_decision(decision, at=NOON).opening == opening


def test_two_workers_that_open_at_once_get_the_same_opening(store: AuditStore) -> None:
    request = request_to()
    openings = [opening_of(request, now=NOON + timedelta(seconds=number)) for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda opening: store.open_decision(opening, request), openings))

    assert len({opening.opened_at for opening in given}) == 1
    assert len(store.timeline("d-1")) == 1


def test_b69_two_decisions_at_once_never_mix(store: AuditStore) -> None:
    ids = ("d-1", "d-2", "d-3")
    for decision_id in ids:
        opened(store, decision_id)
    ballots = [
        ballot(name, decision_id=decision_id, reasoning=f"{decision_id} {name}")
        for name in NAMES
        for decision_id in ids
    ]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(store.record_answer, ballots))

    for decision_id in ids:
        answers = store.answers(decision_id, 1)
        assert [answer.agent_id for answer in answers] == list(NAMES)
        assert [answer.reasoning for answer in answers] == [f"{decision_id} {name}" for name in NAMES]


def test_b67_a_new_round_wants_fresh_ballots(store: AuditStore) -> None:
    opened(store)
    store.record_answer(ballot("ada"))
    second = store.open_round(opening_of(request_to(), round_number=2))
    store.record_answer(ballot("ada", "MongoDB", round=2))

    assert [answer.choice for answer in store.answers("d-1", 1)] == ["PostgreSQL"]
    assert [answer.choice for answer in store.answers("d-1", 2)] == ["MongoDB"]
    assert store.open_round(replace(second, opened_at=NOON + timedelta(days=1))) == second
    kinds = [event.kind for event in store.timeline("d-1")]
    assert kinds == [EventKind.OPENED, EventKind.BALLOT, EventKind.ROUND_OPENED, EventKind.BALLOT]


def test_a_round_cannot_be_left_out(store: AuditStore) -> None:
    opened(store)

    with pytest.raises(ConflictError, match="cannot follow round 1"):
        store.open_round(opening_of(request_to(), round_number=3))


def test_no_round_opens_after_the_closing(store: AuditStore) -> None:
    opening = opened(store)
    store.close_decision(decision_of(store), at=NOON)

    with pytest.raises(ConflictError, match="closed"):
        store.open_round(opening_of(request_to(), round_number=2))
    assert store.open_round(opening) == opening


def test_a_round_of_a_decision_that_is_not_there_is_refused(store: AuditStore) -> None:
    with pytest.raises(NotFoundError, match="d-9"):
        store.open_round(opening_of(request_to(), "d-9", round_number=2))


def test_a_decision_opens_with_round_one(store: AuditStore) -> None:
    with pytest.raises(ConfigurationError, match="round 1, not 2"):
        store.open_decision(opening_of(request_to(), round_number=2), request_to())


@pytest.mark.parametrize("decision_id", ["", "a\0b", "\ud800", "x" * 2049])
def test_an_unusable_id_is_refused(store: AuditStore, decision_id: str) -> None:
    with pytest.raises(ConfigurationError, match="decision_id"):
        store.open_decision(opening_of(request_to(), decision_id), request_to())


def test_an_instant_without_a_time_zone_is_refused(store: AuditStore) -> None:
    naive = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - the point of the test

    with pytest.raises(ConfigurationError, match="no time zone"):
        store.open_decision(opening_of(request_to(), now=naive), request_to())


def test_more_decisions_than_are_remembered_are_read_again(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maos_flows.audit.openings._MOST_KNOWN", 2)
    openings = {f"d-{number}": opened(store, f"d-{number}") for number in range(5)}

    for _ in range(2):
        assert {name: store.opening(name) for name in openings} == openings


def test_a_decision_without_a_deadline_takes_ballots_at_any_time(store: AuditStore) -> None:
    request = request_to()
    opening = opening_of(request)
    endless = replace(opening, proposal=replace(opening.proposal, deadline=None))
    store.open_decision(endless, request)

    store.record_answer(ballot(received_at=NOON + timedelta(days=9)))

    assert len(store.answers("d-1", 1)) == 1
    assert store.opening("d-1") == endless

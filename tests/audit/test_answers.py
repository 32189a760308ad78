"""Recording answers: one for each elector and round, the first; everything else is kept with why it does not count."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, NotFoundError
from maos_flows.model import AbsenceKind, AuthClass, Ballot, EventKind, RejectionReason, Risk
from tests.audit.samples import (
    DEADLINE,
    NAMES,
    NOON,
    SOON,
    absence,
    ballot,
    decision_of,
    opened,
    opening_of,
    request_to,
)

MILLISECOND = timedelta(milliseconds=1)


def reasons(store: AuditStore, number: int = 1) -> list[RejectionReason]:
    return [rejected.reason for rejected in store.rejected("d-1", number)]


def test_an_answer_is_read_back_as_it_was(store: AuditStore) -> None:
    opened(store)
    given = ballot(
        confidence=Fraction(2, 3),
        reasoning="größer ✓ 🚀\n\tzweite Zeile",
        evidence=("a", "b"),
        risk=Risk.HIGH,
        attributes={"level": 3, "share": 0.25, "list": [1, None, True], "deep": {"a": "b"}},
        voter="python",
        auth_class=AuthClass.REMOTE,
        seconds=1.25,
    )

    assert store.record_answer(given) == given
    missing = store.record_answer(absence("bob", AbsenceKind.FAILED))
    assert store.answers("d-1", 1) == (given, missing)


def test_answers_come_by_agent_however_they_arrived(store: AuditStore) -> None:
    opened(store)

    for name in reversed(NAMES):
        store.record_answer(ballot(name))

    assert [answer.agent_id for answer in store.answers("d-1", 1)] == list(NAMES)


def test_every_answer_has_its_event(store: AuditStore) -> None:
    opened(store)
    store.record_answer(ballot("ada"))
    store.record_answer(absence("bob"))
    store.record_answer(ballot("mallory"))

    events = store.timeline("d-1")

    assert [(event.kind, event.agent_id) for event in events] == [
        (EventKind.OPENED, None),
        (EventKind.BALLOT, "ada"),
        (EventKind.ABSENCE, "bob"),
        (EventKind.REJECTED, "mallory"),
    ]
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert events[1].text == "ada: PostgreSQL, confidence 0.9"
    assert events[1].at == SOON


def test_b01_a_ballot_of_a_stranger_is_kept_and_not_counted(store: AuditStore) -> None:
    opened(store)

    store.record_answer(ballot("mallory"))

    assert store.answers("d-1", 1) == ()
    (rejected,) = store.rejected("d-1", 1)
    assert rejected.reason is RejectionReason.UNKNOWN_VOTER
    assert rejected.ballot == ballot("mallory")
    assert store.timeline("d-1")[-1].kind is EventKind.REJECTED


def test_b02_the_same_ballot_three_times_is_one(store: AuditStore) -> None:
    opened(store)

    given = [store.record_answer(replace(ballot(), received_at=SOON + number * MILLISECOND)) for number in range(3)]

    assert given == [ballot()] * 3
    assert store.answers("d-1", 1) == (ballot(),)
    assert reasons(store) == []
    assert len(store.timeline("d-1")) == 2


def test_b02_the_same_ballot_from_many_threads_is_one(store: AuditStore) -> None:
    opened(store)

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(store.record_answer, [ballot()] * 16))

    assert given == [ballot()] * 16
    assert len(store.timeline("d-1")) == 2


def test_b62_fifty_threads_casting_are_fifty_ballots(store: AuditStore) -> None:
    names = [f"agent_{number:02}" for number in range(50)]
    opened(store, "d-1", *names)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda name: store.record_answer(ballot(name)), names))

    assert [answer.agent_id for answer in store.answers("d-1", 1)] == names
    assert [event.sequence for event in store.timeline("d-1")] == list(range(1, 52))
    assert store.check() == ()


def test_b68_ballot_i_belongs_to_agent_i_in_any_order_of_arrival(store: AuditStore) -> None:
    names = [f"agent_{number:02}" for number in range(20)]
    opened(store, "d-1", *names)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.record_answer(ballot(name, reasoning=f"I am {name}")), reversed(names)))

    assert all(answer.reasoning == f"I am {answer.agent_id}" for answer in store.answers("d-1", 1))


def test_a_different_second_ballot_is_kept_as_conflicting(store: AuditStore) -> None:
    opened(store)
    first = store.record_answer(ballot())

    assert store.record_answer(ballot(choice="MongoDB")) == first
    assert store.answers("d-1", 1) == (first,)
    assert reasons(store) == [RejectionReason.CONFLICTING]
    assert "PostgreSQL" in store.rejected("d-1", 1)[0].explanation


def test_the_first_ballot_stands_even_if_the_second_claims_to_have_come_earlier(store: AuditStore) -> None:
    opened(store)
    first = store.record_answer(ballot())

    store.record_answer(ballot(choice="MongoDB", received_at=NOON))

    assert store.answers("d-1", 1) == (first,)
    assert reasons(store) == [RejectionReason.CONFLICTING]


def test_b43_a_ballot_a_millisecond_after_the_deadline_is_late(store: AuditStore) -> None:
    opened(store)

    store.record_answer(ballot("ada", received_at=DEADLINE + MILLISECOND))
    store.record_answer(ballot("bob", received_at=DEADLINE))

    assert [answer.agent_id for answer in store.answers("d-1", 1)] == ["bob"]
    assert reasons(store) == [RejectionReason.LATE]


def test_b44_a_deadline_is_an_instant_in_any_zone(store: AuditStore) -> None:
    opened(store)
    west, east = timezone(timedelta(hours=-11)), timezone(timedelta(hours=5, minutes=45))

    store.record_answer(ballot("ada", received_at=DEADLINE.astimezone(east)))
    store.record_answer(ballot("bob", received_at=(DEADLINE + MILLISECOND).astimezone(west)))

    (answer,) = store.answers("d-1", 1)
    assert answer.received_at == DEADLINE
    assert answer.received_at.tzinfo is UTC or answer.received_at.utcoffset() == timedelta(0)
    assert reasons(store) == [RejectionReason.LATE]


def test_b43_a_ballot_that_states_no_arrival_arrives_now(store: AuditStore) -> None:
    request = request_to()
    store.open_decision(opening_of(request, now=datetime.now(UTC)), request)
    opened(store, "d-2")

    answer = store.record_answer(ballot(received_at=None))
    store.record_answer(ballot(decision_id="d-2", received_at=None))

    assert answer.received_at is not None
    assert answer.received_at <= datetime.now(UTC)
    assert store.answers("d-2", 1) == ()
    assert [rejected.reason for rejected in store.rejected("d-2", 1)] == [RejectionReason.LATE]


def test_an_arrival_without_a_time_zone_is_refused(store: AuditStore) -> None:
    opened(store)

    with pytest.raises(ConfigurationError, match="no time zone"):
        store.record_answer(ballot(received_at=datetime(2026, 3, 1)))  # noqa: DTZ001 - the point of the test
    assert store.answers("d-1", 1) == ()


def test_an_invalid_ballot_does_not_take_its_agents_place(store: AuditStore) -> None:
    opened(store)

    store.record_answer(ballot(choice="Oracle"))
    store.record_answer(ballot(confidence=Fraction(3, 2)))
    valid = store.record_answer(ballot())

    assert store.answers("d-1", 1) == (valid,)
    assert reasons(store) == [RejectionReason.INVALID_CHOICE, RejectionReason.INVALID_CONFIDENCE]


@pytest.mark.parametrize(
    ("field", "value"),
    [("choice", 5), ("choice", ["PostgreSQL"]), ("agent_id", 7), ("agent_id", ["ada"])],
)
def test_a_ballot_of_the_wrong_type_is_kept_as_rejected(store: AuditStore, field: str, value: object) -> None:
    opened(store)

    store.record_answer(replace(ballot(), **{field: value}))

    assert store.answers("d-1", 1) == ()
    (rejected,) = store.rejected("d-1", 1)
    assert repr(value) in getattr(rejected.ballot, field)


def test_the_same_rejected_ballot_is_kept_once(store: AuditStore) -> None:
    opened(store)

    for number in range(3):
        store.record_answer(ballot("mallory", received_at=SOON + number * MILLISECOND))
    store.record_answer(ballot("mallory", "MongoDB"))

    assert [rejected.ballot.choice for rejected in store.rejected("d-1", 1)] == ["PostgreSQL", "MongoDB"]


def test_a_choice_is_kept_tidied(store: AuditStore) -> None:
    opened(store)

    answer = store.record_answer(ballot(choice="  PostgreSQL\n"))

    assert isinstance(answer, Ballot)
    assert answer.choice == "PostgreSQL"
    assert store.answers("d-1", 1) == (answer,)


def test_a_ballot_after_an_absence_is_late(store: AuditStore) -> None:
    opened(store)
    first = store.record_answer(absence())

    assert store.record_answer(ballot()) == first
    assert store.answers("d-1", 1) == (first,)
    assert reasons(store) == [RejectionReason.LATE]


def test_an_absence_after_a_ballot_changes_nothing(store: AuditStore) -> None:
    opened(store)
    first = store.record_answer(ballot())

    assert store.record_answer(absence()) == first
    assert store.answers("d-1", 1) == (first,)
    assert len(store.timeline("d-1")) == 2


def test_an_absence_is_kept_once(store: AuditStore) -> None:
    opened(store)
    first = store.record_answer(absence(kind=AbsenceKind.FAILED, explanation="exit 1"))

    assert store.record_answer(absence()) == first
    assert len(store.timeline("d-1")) == 2


def test_a_ballot_after_the_closing_is_late(store: AuditStore) -> None:
    opened(store)
    decision = store.close_decision(decision_of(store), at=SOON)

    given = store.record_answer(ballot())

    assert given == ballot()
    assert store.answers("d-1", 1) == ()
    assert reasons(store) == [RejectionReason.LATE]
    assert store.decision("d-1") == decision


def test_an_absence_after_the_closing_is_not_kept(store: AuditStore) -> None:
    opened(store)
    store.close_decision(decision_of(store), at=SOON)

    assert store.record_answer(absence()) == absence()
    assert store.answers("d-1", 1) == ()


def test_a_ballot_for_a_round_that_is_not_open_is_rejected(store: AuditStore) -> None:
    opened(store)

    store.record_answer(ballot(round=2))
    store.record_answer(ballot(round=0))
    store.record_answer(ballot(round=10**30))

    assert store.answers("d-1", 1) == ()
    assert reasons(store) == [RejectionReason.WRONG_ROUND] * 3


def test_a_ballot_for_a_round_that_is_over_is_rejected(store: AuditStore) -> None:
    opened(store)
    first = store.record_answer(ballot("ada"))
    store.open_round(opening_of(request_to(), round_number=2))

    store.record_answer(ballot("bob"))

    assert store.record_answer(ballot("ada")) == first
    assert store.answers("d-1", 1) == (first,)
    assert reasons(store) == [RejectionReason.WRONG_ROUND]


def test_an_answer_to_nothing_is_refused(store: AuditStore) -> None:
    with pytest.raises(NotFoundError, match="d-1"):
        store.record_answer(ballot())
    with pytest.raises(NotFoundError, match="d-1"):
        store.record_answer(absence())


def test_an_absence_of_a_stranger_or_a_round_that_is_not_there_is_refused(store: AuditStore) -> None:
    opened(store)

    with pytest.raises(NotFoundError, match="mallory"):
        store.record_answer(absence("mallory"))
    with pytest.raises(NotFoundError, match="round 2"):
        store.record_answer(absence(round=2))


def test_a_simulated_ballot_says_so_in_the_timeline(store: AuditStore) -> None:
    opened(store)

    store.record_answer(ballot(voter="simulated", confidence=None))

    assert store.timeline("d-1")[-1].text == "ada: PostgreSQL (simulated)"

"""Leases: one owner at a time, known to be gone when time is up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.model import Outcome
from tests.audit.samples import DEADLINE, NOON, absence, decision_of, opened

UNTIL = NOON + timedelta(seconds=30)
LATER = UNTIL + timedelta(seconds=30)


def renew(store: AuditStore, owner: str, *subjects: str) -> frozenset[str]:
    return store.renew_leases(owner, subjects, now=NOON, until=UNTIL)


def test_a_lease_is_one_owners_until_it_expires(store: AuditStore) -> None:
    assert renew(store, "ada", "a", "b") == {"a", "b"}

    assert renew(store, "bob", "a", "c") == {"c"}
    assert store.leases(["a", "c"])["a"].owner == "ada"
    assert store.renew_leases("bob", ["a"], now=UNTIL, until=LATER) == {"a"}
    assert renew(store, "ada", "a", "b") == {"b"}


def test_an_owner_prolongs_what_it_holds(store: AuditStore) -> None:
    renew(store, "ada", "a")

    assert store.renew_leases("ada", ["a"], now=UNTIL, until=LATER) == {"a"}
    assert store.leases(["a"])["a"].expires_at == LATER


def test_what_is_held_is_not_taken_over(store: AuditStore) -> None:
    renew(store, "ada", "a")

    assert store.take_over_lease("bob", "a", now=NOON, until=LATER) is None
    assert store.leases(["a"])["a"].owner == "ada"


def test_takeovers_are_counted_through_renewals(store: AuditStore) -> None:
    renew(store, "ada", "a")

    assert store.take_over_lease("bob", "a", now=UNTIL, until=LATER) == 1
    store.renew_leases("cyd", ["a"], now=LATER, until=LATER)
    assert store.take_over_lease("bob", "a", now=LATER, until=LATER) == 2


def test_an_owner_whose_process_died_takes_its_own_lease_anew(store: AuditStore) -> None:
    renew(store, "ada", "a")

    assert [store.take_over_lease("ada", "a", now=NOON, until=UNTIL) for _ in range(2)] == [1, 2]


def test_what_nobody_ever_held_can_be_taken_over(store: AuditStore) -> None:
    assert store.take_over_lease("bob", "a", now=NOON, until=UNTIL) == 1
    assert store.take_over_lease("ada", "a", now=NOON, until=UNTIL) is None


@pytest.mark.parametrize("holders", [(), ("ada",)])
def test_of_several_who_take_over_at_once_one_does(store: AuditStore, holders: tuple[str, ...]) -> None:
    """B53."""
    for holder in holders:
        renew(store, holder, "a")

    def take(number: int) -> int | None:
        return store.take_over_lease(f"worker-{number}", "a", now=UNTIL, until=LATER)

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(8)))
    assert [count for count in taken if count is not None] == [1]


def test_only_the_owner_gives_a_lease_up(store: AuditStore) -> None:
    renew(store, "ada", "a", "b")

    store.release_leases("bob", ["a"])
    store.release_leases("ada", ["b"])
    assert store.leases(["a", "b"]).keys() == {"a"}


def test_nothing_is_renewed_or_given_up_where_there_is_nothing(store: AuditStore) -> None:
    assert renew(store, "ada") == frozenset()
    store.release_leases("ada", [])
    assert store.leases([]) == {}


def test_open_decisions_past_their_deadline_are_overdue(store: AuditStore) -> None:
    opened(store, "d-1", "ada")
    opened(store, "d-2", "ada", run_id="run")
    store.record_answer(absence("ada"))
    closed = store.close_decision(decision_of(store), at=DEADLINE)

    assert closed.outcome is Outcome.NOT_REACHED
    assert store.overdue(before=DEADLINE) == ()
    assert store.overdue(before=DEADLINE + timedelta(seconds=1)) == (("d-2", "run"),)

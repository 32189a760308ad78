"""Isolation in the audit store: by proof alone, recorded, taken back."""

from dataclasses import replace

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConflictError, NotFoundError
from maos_flows.model import EventKind, Fault
from tests.audit.samples import SOON, ballot, decision_of, opened


def closed_with(store: AuditStore, *faults: Fault) -> None:
    opened(store)
    store.record_answer(ballot("ada"))
    store.close_decision(replace(decision_of(store), faults=faults), at=SOON)


def test_proof_isolates_and_suspicion_does_not(store: AuditStore) -> None:
    closed_with(store, Fault("ada", "equivocation", is_proof=True), Fault("bob", "disputed", is_proof=False))

    isolated = store.isolations.isolate("d-1", by="cleo", now=SOON)

    assert [(one.agent_id, one.kinds, one.by) for one in isolated] == [("ada", ("equivocation",), "cleo")]
    assert store.isolations.among(["ADA", "bob"]) == isolated
    (event,) = [event for event in store.timeline("d-1") if event.kind is EventKind.ISOLATED]
    assert event.text == "ada is kept out of later electorates, for proof of equivocation"


def test_isolating_again_changes_nothing(store: AuditStore) -> None:
    closed_with(store, Fault("ada", "equivocation", is_proof=True))
    first = store.isolations.isolate("d-1", by="cleo", now=SOON)
    events = store.timeline("d-1")

    assert store.isolations.isolate("d-1", by="ben", now=SOON) == first
    assert store.timeline("d-1") == events


def test_an_isolation_is_taken_back_and_both_are_on_record(store: AuditStore) -> None:
    closed_with(store, Fault("ada", "equivocation", is_proof=True))
    store.isolations.isolate("d-1", by="cleo", now=SOON)

    released = store.isolations.release("Ada", by="cleo", now=SOON)

    assert released.released_at == SOON
    assert store.isolations.standing() == ()
    assert [event.kind for event in store.timeline("d-1")][-2:] == [EventKind.ISOLATED, EventKind.RELEASED]
    with pytest.raises(NotFoundError, match="'ada' is not isolated"):
        store.isolations.release("ada", by="cleo", now=SOON)


def test_nobody_is_isolated_while_a_decision_runs(store: AuditStore) -> None:
    opened(store)

    with pytest.raises(ConflictError, match="d-1 is running"):
        store.isolations.isolate("d-1", by="cleo", now=SOON)

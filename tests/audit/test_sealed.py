"""Sealed ballots: kept whole, and told of without a word on what they are for."""

import json

from maos_flows.audit.store import AuditStore
from maos_flows.model import EventKind, Outcome
from tests.audit.samples import NAMES, SOON, ballot, decision_of, opened


def told(store: AuditStore) -> str:
    """All that a store tells of a decision while it is open, as one text."""
    return json.dumps([[event.text, dict(event.data)] for event in store.timeline("d-1")[2:]])


def test_b61_a_sealed_timeline_says_who_has_voted_and_not_for_what(store: AuditStore) -> None:
    opened(store, sealed=True)
    for name in NAMES:
        store.record_answer(ballot(name))

    assert [event.agent_id for event in store.timeline("d-1")[1:]] == list(NAMES)
    assert "ada: ballot cast" in [event.text for event in store.timeline("d-1")]
    assert "PostgreSQL" not in told(store)


def test_b61_why_a_ballot_was_rejected_does_not_tell_what_it_or_an_earlier_one_is_for(store: AuditStore) -> None:
    opened(store, sealed=True)
    store.record_answer(ballot("ada"))
    store.record_answer(ballot("ada", "MongoDB"))
    store.record_answer(ballot("bob", "SQLite"))

    reasons = [event.text for event in store.timeline("d-1") if event.kind is EventKind.REJECTED]
    assert reasons == ["ada: not counted, conflicting", "bob: not counted, invalid choice"]
    assert not any(choice in told(store) for choice in ("PostgreSQL", "MongoDB", "SQLite"))


def test_b61_once_closed_a_sealed_decision_has_every_ballot(store: AuditStore, store_url: str) -> None:
    opened(store, sealed=True)
    for name in NAMES:
        store.record_answer(ballot(name))
    store.close_decision(decision_of(store), at=SOON)
    store.record_answer(ballot("ada", "MongoDB"))

    with AuditStore.open(store_url) as later:
        decision = later.decision("d-1")
        assert decision is not None
        assert decision.outcome is Outcome.REACHED
        assert [item.choice for item in decision.ballots] == ["PostgreSQL"] * 5
        assert later.timeline("d-1")[-1].text.endswith("had already cast a ballot for 'PostgreSQL' in round 1")


def test_ballots_are_open_unless_they_are_sealed(store: AuditStore) -> None:
    opened(store)
    store.record_answer(ballot("ada"))

    assert store.timeline("d-1")[-1].data["choice"] == "PostgreSQL"

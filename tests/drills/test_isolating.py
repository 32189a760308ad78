"""Isolated agents are left out when a decision opens, and only then."""

from dataclasses import replace

from maos_flows.audit.store import AuditStore
from maos_flows.flows.isolating import note_isolated, of_electorate, without_isolated
from maos_flows.model import EventKind, Fault
from tests.audit.samples import SOON, ballot, decision_of, opened, opening_of, request_to


def isolate_ada(store: AuditStore) -> None:
    opened(store)
    store.record_answer(ballot("bob"))
    decided = replace(decision_of(store), faults=(Fault("ada", "equivocation", is_proof=True),))
    store.close_decision(decided, at=SOON)
    store.isolations.isolate("d-1", by="cleo", now=SOON)


def test_an_isolated_agent_is_neither_in_the_electorate_nor_asked(store: AuditStore) -> None:
    isolate_ada(store)
    request = request_to("Ada", "bob", "cyd")

    asked = without_isolated(store, request)
    opening = store.open_decision(opening_of(asked, "d-2"), request)
    note_isolated(store, opening, request)
    note_isolated(store, opening, request)

    assert [agent.id for agent in of_electorate(request, opening).agents] == ["bob", "cyd"]
    (event,) = [event for event in store.timeline("d-2") if event.kind is EventKind.ISOLATED]
    assert event.data["decision_id"] == "d-1"


def test_what_is_open_already_keeps_its_electorate(store: AuditStore) -> None:
    opening = opened(store, "d-2")
    isolate_ada(store)
    request = request_to()

    assert of_electorate(request, opening) is request


def test_without_isolated_agents_a_request_stays_as_it_is(store: AuditStore) -> None:
    request = request_to()

    assert without_isolated(store, request) is request

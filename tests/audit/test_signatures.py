"""Signed records: whoever changes, adds or removes a row of a closed decision without the key is found, and the row."""

from pathlib import Path

import pytest
from sqlalchemy import text

from maos_flows.audit.engine import make_engine, read_url, transaction
from maos_flows.audit.store import AuditStore
from maos_flows.errors import NotFoundError
from maos_flows.keys import KeyFolder
from maos_flows.model import Event, EventKind
from tests.audit.samples import NAMES, SOON, ballot, decision_of, opened

ADDED_FAULT = """INSERT INTO maos_fault (decision_id, position, agent_id, kind, is_proof, record)
    SELECT 'd-1', 0, 'ada', 'lie', outcome IS NULL, request FROM maos_decision"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAOS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def closed(store: AuditStore, *, signed_record: bool = True) -> None:
    opened(store, signed_record=signed_record)
    for name in NAMES[:-1]:
        store.record_answer(ballot(name))
    store.record_answer(ballot("eve", "SQLite"))
    store.record_answer(ballot("eve"))
    store.close_decision(decision_of(store), at=SOON)


def problems(store: AuditStore) -> tuple[str, ...]:
    found = store.signatures.check("d-1")
    assert found is not None
    return found.problems


def tamper(url: str, statement: str) -> None:
    engine = make_engine(read_url(url))
    with transaction(engine, writes=True) as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_a_record_is_signed_when_it_is_closed_and_holds(store: AuditStore) -> None:
    closed(store)
    store.note("d-1", Event(SOON, EventKind.ALERT, "told afterwards"))
    store.record_answer(ballot("ada", "MongoDB"))

    found = store.signatures.check("d-1")
    assert found is not None
    assert found.problems == ()
    assert found.is_own_key
    # a decision, a round, five electors and answers, a rejected ballot, and an event for all but the electors
    assert found.rows == 1 + 1 + 5 + 5 + 1 + (1 + 5 + 1 + 1)
    assert next(found.lines()).startswith("record      21 rows signed with key ")
    assert store.check() == ()


def test_nothing_is_signed_unless_it_is_asked_for(store: AuditStore, home: Path) -> None:
    closed(store, signed_record=False)

    assert store.signatures.check("d-1") is None
    assert not KeyFolder(home / "keys").has_records_key
    with pytest.raises(NotFoundError):
        store.signatures.check("d-2")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE maos_answer SET choice = 'MongoDB' WHERE agent_id = 'ada'", "maos_answer d-1 1 ada was altered"),
        ("DELETE FROM maos_answer WHERE agent_id = 'bob'", "maos_answer d-1 1 bob is gone"),
        ("UPDATE maos_decision SET choice = 'MongoDB'", "maos_decision d-1 was altered"),
        ("UPDATE maos_elector SET weight = '9' WHERE agent_id = 'cyd'", "maos_elector d-1 1 cyd was altered"),
        ("UPDATE maos_rejected_ballot SET reason = 'late'", "was altered since it was signed"),
        ("UPDATE maos_event SET text = 'no' WHERE sequence = 2", "maos_event d-1 2 was altered"),
        (ADDED_FAULT, "maos_fault d-1 0 was added"),
        ("DELETE FROM maos_decision_signature", "its signature is gone"),
        ("UPDATE maos_decision_signature SET manifest = request FROM maos_decision", "does not hold"),
        ("UPDATE maos_decision_signature SET manifest = '{'", "does not hold"),
        ("UPDATE maos_decision_signature SET manifest = '3'", "does not hold"),
        ("UPDATE maos_answer SET record = '{' WHERE agent_id = 'ada'", "maos_answer d-1 1 ada was altered"),
        ("UPDATE maos_decision_signature SET token = 'x.y.z'", "does not hold"),
    ],
)
def test_what_was_changed_is_found_and_named(store: AuditStore, store_url: str, statement: str, named: str) -> None:
    closed(store)
    tamper(store_url, statement)

    assert any(named in problem for problem in problems(store))
    assert any(named in problem for problem in store.check())


def test_a_list_signed_anew_with_another_key_is_found(store: AuditStore, store_url: str, tmp_path: Path) -> None:
    closed(store)
    other = KeyFolder(tmp_path / "other")
    _ = other.records_key

    with AuditStore.open(store_url, keys=lambda: other) as elsewhere:
        assert any("another key than this installation's" in problem for problem in problems(elsewhere))
    with AuditStore.open(store_url, keys=lambda: KeyFolder(tmp_path / "none")) as nowhere:
        found = nowhere.signatures.check("d-1")
        assert found is not None
        assert (found.problems, found.is_own_key) == ((), False)
        assert "compare it with the one you trust" in next(found.lines())

"""Encrypted ballots: the database holds nothing readable of them until their decision is closed."""

import json
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, String, Text, inspect, text

from maos_flows.audit.engine import make_engine, read_url, transaction
from maos_flows.audit.store import AuditStore
from maos_flows.cli.watching.reading import Reader
from maos_flows.errors import StoreError
from maos_flows.keys import KeyFolder
from maos_flows.model import Ballot, Outcome, RejectionReason
from tests.audit.samples import NAMES, SOON, absence, ballot, decision_of, opened

SECRET = "It is known."


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAOS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def dump(url: str, *tables: str) -> str:
    """Everything in tables, as whoever reads the database sees it."""
    engine = make_engine(read_url(url))
    with transaction(engine, writes=False) as connection:
        rows = [row for table in tables for row in connection.execute(text(f"SELECT * FROM {table}"))]
    engine.dispose()
    return json.dumps([[_readable(value) for value in row] for row in rows])


def _readable(value: object) -> str:
    return bytes(value).decode() if isinstance(value, bytes | memoryview) else str(value)


TEXTS = (Text, String, LargeBinary)
ALL = ("maos_answer", "maos_rejected_ballot", "maos_event")


def test_b61_nothing_readable_is_in_the_database_before_the_close(store: AuditStore, store_url: str) -> None:
    """B61: neither choice nor reasons, of ballots that count and of rejected ones; and all of it afterwards."""
    opened(store, encrypted=True, sealed=True)
    for name in NAMES[:-1]:
        store.record_answer(ballot(name))
    store.record_answer(ballot("ada", "MongoDB"))
    store.record_answer(ballot("eve", "SQLite"))
    store.record_answer(absence("eve"))
    held = dump(store_url, *ALL)
    events = dump(store_url, "maos_event").replace("Which database?", "")

    assert SECRET not in held
    for choice in ("PostgreSQL", "MongoDB", "SQLite"):
        assert choice not in dump(store_url, "maos_answer", "maos_rejected_ballot")
        assert choice not in events
    assert [answer.choice for answer in store.answers("d-1", 1) if isinstance(answer, Ballot)] == ["PostgreSQL"] * 4
    assert [entry.reason for entry in store.rejected("d-1", 1)] == [
        RejectionReason.CONFLICTING,
        RejectionReason.INVALID_CHOICE,
    ]


def test_the_length_of_a_sealed_ballot_does_not_tell_its_choice(store: AuditStore, store_url: str) -> None:
    opened(store, encrypted=True)
    store.record_answer(ballot("ada", "PostgreSQL"))
    store.record_answer(ballot("bob", "MongoDB"))

    engine = make_engine(read_url(store_url))
    with transaction(engine, writes=False) as connection:
        lengths = set(connection.execute(text("SELECT length(record) FROM maos_answer")).scalars())
    engine.dispose()
    assert len(lengths) == 1


def test_at_the_closing_every_ballot_is_opened_and_stays_readable_without_the_key(
    store: AuditStore, store_url: str, tmp_path: Path
) -> None:
    opened(store, encrypted=True, sealed=True, signed_record=True)
    for name in NAMES[:-1]:
        store.record_answer(ballot(name))
    store.record_answer(ballot("eve", "SQLite"))
    store.record_answer(ballot("eve", "SQLite"))  # once however often it comes
    store.record_answer(absence("eve"))
    with AuditStore.open(store_url) as resumed:
        closed = resumed.close_decision(decision_of(resumed), at=SOON)

    with AuditStore.open(store_url, keys=lambda: KeyFolder(tmp_path / "none")) as later:
        decision = later.decision("d-1")
        assert decision == closed
        assert decision is not None
        assert decision.outcome is Outcome.REACHED
        assert [item.choice for item in decision.ballots] == ["PostgreSQL"] * 4
        assert [entry.ballot.choice for entry in decision.rejected] == ["SQLite"]
        assert "'SQLite' is not a choice" in decision.rejected[0].explanation
        assert later.check() == ()
    columns = dump(store_url, "maos_answer")
    assert columns.count("PostgreSQL") == 8


def test_without_the_key_nothing_is_read_and_nothing_closed(store: AuditStore, store_url: str, tmp_path: Path) -> None:
    opened(store, encrypted=True)
    for name in NAMES:
        store.record_answer(ballot(name))
    decision = decision_of(store)
    other = KeyFolder(tmp_path / "other")
    _ = other.sealing_key

    with AuditStore.open(store_url, keys=lambda: KeyFolder(tmp_path / "none")) as nowhere:
        with pytest.raises(StoreError, match="no key that could open it is kept in"):
            nowhere.answers("d-1", 1)
        with pytest.raises(StoreError, match="no key"):
            nowhere.close_decision(decision, at=SOON)
        assert not (tmp_path / "none").exists()
    with (
        AuditStore.open(store_url, keys=lambda: other) as elsewhere,
        pytest.raises(StoreError, match="not sealed with"),
    ):
        elsewhere.answers("d-1", 1)
    assert store.decision("d-1") is None


def test_a_sealed_ballot_put_in_anothers_place_is_refused(store: AuditStore, store_url: str) -> None:
    opened(store, encrypted=True)
    store.record_answer(ballot("ada"))
    store.record_answer(ballot("bob", "MongoDB"))
    engine = make_engine(read_url(store_url))
    copied = "SELECT record FROM maos_answer WHERE agent_id = 'ada'"
    with transaction(engine, writes=True) as connection:
        connection.execute(text(f"UPDATE maos_answer SET record = ({copied}) WHERE agent_id = 'bob'"))
    engine.dispose()

    with pytest.raises(StoreError, match="the sealed ballot of 'bob' is not its own"):
        store.answers("d-1", 1)


def test_how_agents_do_is_told_of_others_while_their_ballots_are_sealed(store: AuditStore) -> None:
    opened(store, encrypted=True)
    store.record_answer(ballot("ada"))

    (conduct,) = store.conduct(["ada"])
    assert (conduct.decisions, conduct.ballots) == (1, 0)


def test_no_other_column_can_hold_what_is_sealed(store: AuditStore, store_url: str) -> None:
    """A new text or binary column of these tables must be looked at: it may tell what is sealed."""
    engine = make_engine(read_url(store_url))
    found = inspect(engine)
    wide = {
        table: {column["name"] for column in found.get_columns(table) if isinstance(column["type"], TEXTS)}
        for table in ("maos_answer", "maos_rejected_ballot")
    }
    engine.dispose()

    assert wide["maos_answer"] - {"received_at"} == {"decision_id", "agent_id", "kind", "choice", "voter", "record"}
    assert wide["maos_rejected_ballot"] - {"received_at"} == {
        *("decision_id", "agent_id", "reason", "explanation", "digest", "record")
    }


def test_who_watches_without_the_key_sees_who_has_answered_and_all_of_it_afterwards(
    store: AuditStore, store_url: str, tmp_path: Path
) -> None:
    opened(store, encrypted=True, sealed=True)
    for name in NAMES:
        store.record_answer(ballot(name))
    with AuditStore.open(store_url, keys=lambda: KeyFolder(tmp_path / "none")) as elsewhere:
        reader = Reader(elsewhere, "d-1")
        reader.news()
        before = reader.answers()
        store.close_decision(decision_of(store), at=SOON)
        reader.news()

        assert [(answer.agent_id, answer.received_at) for answer in before] == [(name, SOON) for name in NAMES]
        assert not any(isinstance(answer, Ballot) and (answer.choice or answer.reasoning) for answer in before)
        assert reader.tally() is not None
        assert {answer.choice for answer in reader.answers() if isinstance(answer, Ballot)} == {"PostgreSQL"}

"""`maos consensus verify`: what is signed of a decision is checked, and what was changed since is named."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from maos_flows.audit.engine import make_engine, read_url, transaction
from maos_flows.audit.store import AuditStore
from maos_flows.cli.consensus import app
from maos_flows.flows.agreeing import bound
from maos_flows.flows.collecting import keep_answer
from maos_flows.model import Parameters
from maos_flows.policies.registry import built_in_policies
from tests.audit.samples import NAMES, SOON, ballot, decision_of, opening_of, request_to

RUNNER = CliRunner()


@pytest.fixture
def store(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[AuditStore]:
    monkeypatch.setenv("MAOS_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("MAOS_HOME", str(home / "maos"))
    with AuditStore.open(sqlite_url) as made:
        yield made


def closed(store: AuditStore, *, signed_ballots: bool, signed_record: bool) -> None:
    request = request_to(parameters=Parameters(signed_ballots=signed_ballots), signed_record=signed_record)
    opening = store.open_decision(bound(opening_of(request), built_in_policies()[request.algorithm]), request)
    for name in NAMES:
        keep_answer(ballot(name), opening=opening, store=store)
    store.close_decision(decision_of(store), at=SOON)


def verified(*words: str) -> Result:
    return RUNNER.invoke(app, ["verify", "d-1", *words])


def tamper(url: str, statement: str) -> None:
    engine = make_engine(read_url(url))
    with transaction(engine, writes=True) as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_signed_record_and_signed_ballots_are_both_proven(store: AuditStore) -> None:
    closed(store, signed_ballots=True, signed_record=True)

    lines = verified().stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["record", "ballots", "proven"]
    found = json.loads(verified("--format", "json").stdout)
    assert (found["sound"], found["ballots"], found["record"]["problems"]) == (True, list(NAMES), [])


def test_a_signed_record_alone_is_proven(store: AuditStore) -> None:
    closed(store, signed_ballots=False, signed_record=True)

    result = verified()
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "proven      the record is as it was signed")


def test_what_was_changed_is_named_and_the_decision_not_proven(store: AuditStore, sqlite_url: str) -> None:
    closed(store, signed_ballots=True, signed_record=True)
    tamper(sqlite_url, "UPDATE maos_elector SET weight = '7' WHERE agent_id = 'ada'")

    result = verified()
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        "wrong       maos_elector d-1 1 ada was altered since it was signed",
        "ballots     5 signed and counted: ada, bob, cyd, dan, eve",
        "NOT PROVEN",
    ]


def test_a_record_that_cannot_be_read_any_more_is_told_with_what_was_changed(
    store: AuditStore, sqlite_url: str
) -> None:
    closed(store, signed_ballots=True, signed_record=True)
    tamper(sqlite_url, "UPDATE maos_answer SET record = CAST('{' AS BLOB) WHERE agent_id = 'ada'")

    result = verified()
    assert result.exit_code == 1
    assert "maos_answer d-1 1 ada was altered" in result.stdout
    assert "a record of a Ballot in the audit store is damaged" in result.stdout
    assert json.loads(verified("--format", "json").stdout)["sound"] is False


def test_a_decision_of_which_nothing_is_signed_is_not_there_to_verify(store: AuditStore) -> None:
    closed(store, signed_ballots=False, signed_record=False)

    assert "whose ballots are not signed" in str(verified().exception)

"""`maos inbox`, `maos vote` and `maos key`, as typed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from maos_flows.audit.store import AuditStore
from maos_flows.cli.app import app
from maos_flows.config.keyring import keys_here
from maos_flows.errors import MaosError
from maos_flows.model import Agent, AuthClass, Ballot, Context
from maos_flows.model.people import Note, NoteKind
from maos_flows.people.asking import ask_for_ballot
from maos_flows.signing import SigningKey
from maos_flows.voters.base import utc_now
from tests.audit.samples import opening_of
from tests.people.asked import person, request_to_people


@pytest.fixture
def store(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AuditStore]:
    """The configured store."""
    monkeypatch.setenv("MAOS_HOME", str(tmp_path))
    monkeypatch.setenv("MAOS_DATABASE_URL", sqlite_url)
    with AuditStore.open(sqlite_url) as opened:
        yield opened


def ask(store: AuditStore, *people: Agent, **fields: Any) -> None:
    now = utc_now()
    request = request_to_people(*people, timeout_seconds=3600.0, **fields)
    opening = store.open_decision(opening_of(request, now=now), request)
    for one in people:
        ask_for_ballot(store, one, opening, request, now=now)


def run(*arguments: str) -> str:
    """Run a command that succeeds, and give what it printed."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, f"{result.output}{result.exception}"
    return result.stdout


def refused(*arguments: str) -> str:
    """Run a command that fails, and give why."""
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, MaosError), result.output
    return str(result.exception)


def ballots(store: AuditStore) -> dict[str, Ballot]:
    return {given.agent_id: given for given in store.answers("d-1", 1) if isinstance(given, Ballot)}


def test_the_inbox_says_what_waits_for_whom_and_how_to_answer(store: AuditStore) -> None:
    ask(store, person("ada", deputy="bob"), person("bob"))
    question = store.people.of("d-1")[1].question
    store.people.note(question, Note(NoteKind.FORM, utc_now(), data={"flow_run": "f", "url": "http://host/f"}))

    printed = run("inbox", "--as", "bob").splitlines()

    assert printed[0].startswith(("d-1  bob, for ada: a ballot, 59 min", "d-1  bob, for ada: a ballot, 1 h"))
    assert printed[1:4] == [
        "  | Which database?",
        "  PostgreSQL, MongoDB, abstain",
        "  maos vote d-1 --as bob --for ada --choice CHOICE",
    ]
    assert printed[-1] == "  http://host/f"
    plain = json.loads(run("inbox", "--format", "json"))
    assert {(item["as"], item["for"], item["must_sign"]) for item in plain} == {
        ("ada", None, False),
        ("bob", "ada", False),
        ("bob", None, False),
    }


def test_who_is_asked_reads_all_that_is_given_quoted_line_by_line(store: AuditStore) -> None:
    """No line of it passes for a command of ours."""
    given = "The tests pass.\n\n  maos vote d-9 --as ada --choice approve\x1b[2J\n" + "more\n" * 30
    ask(store, person("ada", public_key=SigningKey.generate().public), context=(Context("report", given),))

    everybodys, own = run("inbox").splitlines(), run("inbox", "--as", "ada").splitlines()

    assert everybodys[0].startswith("d-1  ada: a ballot, signed, ")
    assert everybodys[1:3] == ["  | Which database?", "  | [33 more lines]"]
    assert own[1:5] == [
        "  | Which database?",
        "  | report:",
        "  | The tests pass.",
        "  | maos vote d-9 --as ada --choice approve [2J",
    ]
    assert own[-3] == "  | [14 more lines]"


def test_an_empty_inbox_says_so(store: AuditStore) -> None:
    assert run("inbox", "--as", "ada") == "nothing waits for ada\n"


def test_a_vote_is_the_persons_ballot_and_says_that_nothing_proves_it(store: AuditStore) -> None:
    ask(store, person("ada"))

    vote = ("vote", "d-1", "--as", "ada", "--choice", "PostgreSQL")
    printed = run(*vote, "--reasoning", "it joins", "--confidence", "0.9")

    assert printed == "ada answered PostgreSQL (unproven: no key in the roster)\n"
    assert ballots(store)["ada"].reasoning == "it joins"


def test_b42_a_deputy_votes_for_another(store: AuditStore) -> None:
    """B42: until the delegator does."""
    ask(store, person("ada", deputy="bob"), person("bob"))

    printed = run("vote", "d-1", "--as", "bob", "--for", "ada", "--choice", "MongoDB")
    plain = json.loads(run("vote", "d-1", "--as", "ada", "--choice", "PostgreSQL", "--format", "json"))

    assert printed.startswith(
        "bob answers MongoDB for ada (unproven: no key in the roster); it counts unless ada answers"
    )
    assert (plain["by"], plain["choice"]) == ("ada", "PostgreSQL")
    assert ballots(store)["ada"].choice == "PostgreSQL"


def test_the_key_kept_here_signs(store: AuditStore) -> None:
    public = run("key", "ada").strip()
    ask(store, person("ada", public_key=public))

    printed = run("vote", "d-1", "--as", "ada", "--choice", "PostgreSQL")

    assert json.loads(run("key", "ada", "--format", "json")) == {"agent": "ada", "public_key": public}
    assert keys_here().key_of("ada").public == public
    assert printed == "ada answered PostgreSQL (signed)\n"
    assert ballots(store)["ada"].auth_class is AuthClass.HUMAN


def test_a_key_in_a_file_signs_if_it_is_the_persons(store: AuditStore, tmp_path: Path) -> None:
    own, other = tmp_path / "own.jwk", tmp_path / "other.jwk"
    key = SigningKey.generate()
    own.write_text(json.dumps(key.as_jwk()))
    other.write_text(json.dumps(SigningKey.generate().as_jwk()))
    (tmp_path / "none.jwk").write_text("[]")
    ask(store, person("ada", public_key=key.public), person("bob"))
    vote = ("vote", "d-1", "--as", "ada", "--choice", "PostgreSQL")

    assert "the key of ada is not kept here; name its file" in refused(*vote)
    assert "other.jwk is not the key of ada" in refused(*vote, "--key", str(other))
    assert "none.jwk is not the JWK of an Ed25519 private key" in refused(*vote, "--key", str(tmp_path / "none.jwk"))
    assert "cannot be read: No such file" in refused(*vote, "--key", str(tmp_path / "gone.jwk"))
    assert "is not the key of bob" in refused("vote", "d-1", "--as", "bob", "--choice", "abstain", "--key", str(own))
    assert run(*vote, "--key", str(own)) == "ada answered PostgreSQL (signed)\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "ID: is needed\n--as: is needed\n--choice: is needed"),
        (("d-1", "--as", "eve", "--choice", "x"), "'eve' is not asked in d-1; ada may answer"),
        (("d-1", "--as", "ada", "--choice", "x"), "--choice: 'x' is not one of PostgreSQL, MongoDB, abstain"),
        (("d-1", "--as", "ada", "--choice", "MongoDB", "--confidence", "sure"), "--confidence: "),
        (("d-9", "--as", "ada", "--choice", "x"), "nobody is asked anything in 'd-9'"),
    ],
)
def test_votes_that_cannot_be_are_refused(store: AuditStore, arguments: tuple[str, ...], told: str) -> None:
    ask(store, person("ada"))

    assert all(line in refused("vote", *arguments) for line in told.splitlines())


def test_what_is_no_id_has_no_key(store: AuditStore) -> None:
    assert "AGENT" in refused("key", "a b")

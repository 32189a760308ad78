"""Encrypted ballots and agreement: what replicas do to agree tells nobody what was voted before the closing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from maos_flows.agreement.verification import verify_decision
from maos_flows.audit.engine import make_engine, read_url, transaction
from maos_flows.audit.store import AuditStore
from maos_flows.flows.agreeing import bound, decide_recorded, note_happened
from maos_flows.flows.collecting import keep_answer
from maos_flows.flows.steps import box_of, close
from maos_flows.flows.undecided import CANCELLED, close_undecided
from maos_flows.model import Agent, Ballot, EventKind, Opening, Outcome, Parameters
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.voters.base import utc_now
from tests.agreement.council import names

CHOICES = ("PostgreSQL", "MongoDB")
REQUEST = DecisionRequest(
    "Which one?",
    CHOICES,
    tuple(Agent(name) for name in names(4)),
    parameters=Parameters(signed_ballots=True),
    sealed=True,
    encrypted=True,
    signed_record=True,
)


@pytest.fixture
def store(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditStore]:
    monkeypatch.setenv("MAOS_DATABASE_URL", store_url)
    monkeypatch.setenv("MAOS_HOME", str(tmp_path / "home"))
    with AuditStore.open(store_url) as opened:
        yield opened


def opened(store: AuditStore, algorithm: str) -> tuple[Opening, DecisionRequest]:
    request = replace(REQUEST, algorithm=algorithm)
    policy = built_in_policies()[algorithm]
    asked = open_decision(request, policy, decision_id="d-1", now=utc_now())
    opening = store.open_decision(bound(asked, policy), request)
    for agent in names(4):
        given = Ballot("d-1", agent, "PostgreSQL", reasoning="it joins", received_at=utc_now())
        keep_answer(given, opening=opening, store=store, sealed=True)
    return opening, request


def held(url: str) -> str:
    """All that the tables of answers and events hold, as whoever reads the database sees it."""
    engine = make_engine(read_url(url))
    with transaction(engine, writes=False) as connection:
        tables = ("maos_answer", "maos_rejected_ballot", "maos_event")
        rows = [row for table in tables for row in connection.execute(text(f"SELECT * FROM {table}"))]
    engine.dispose()
    cells = [
        bytes(cell).decode() if isinstance(cell, bytes | memoryview) else str(cell) for row in rows for cell in row
    ]
    return "\n".join(bytes(cell).decode() if isinstance(cell, bytes | memoryview) else str(cell) for cell in cells)


@pytest.mark.parametrize("algorithm", ["simple_majority", "byzantine_tolerant", "raft"])
async def test_b61_until_the_closing_the_database_tells_no_choice_and_then_all_is_proven(
    store: AuditStore, store_url: str, algorithm: str
):
    """B61."""
    policy = built_in_policies()[algorithm]
    opening, request = opened(store, algorithm)
    answers = {answer.agent_id: answer for answer in store.answers("d-1", 1)}
    ruled = await decide_recorded(policy, opening, box_of(opening.proposal, request, answers))
    note_happened(store, ruled)
    before = held(store_url)
    closed = store.close_decision(ruled.decision, at=utc_now())

    assert not [word for word in (*CHOICES, "it joins") if word in before]
    assert (closed.outcome, closed.choice, len(closed.ballots)) == (Outcome.REACHED, "PostgreSQL", 4)
    assert verify_decision(closed, policy).is_sound
    found = store.signatures.check("d-1")
    assert found is not None
    assert found.is_sound
    assert store.check() == ()


async def test_what_replicas_did_to_close_a_decision_is_told_openly_once_it_is_closed(store: AuditStore):
    policy = built_in_policies()["raft"]
    opening, request = opened(store, "raft")
    answers = {answer.agent_id: answer for answer in store.answers("d-1", 1)}
    ruled = await decide_recorded(policy, opening, box_of(opening.proposal, request, answers))

    _, timeline = close(store, ruled, utc_now())

    commits = [event.text for event in timeline if event.kind is EventKind.COMMIT]
    assert "BALLOT of a00 for PostgreSQL" in " ".join(commits)
    assert timeline[-1].kind is EventKind.DECIDED


def test_a_decision_that_is_cancelled_is_opened_and_signed_too(store: AuditStore, store_url: str):
    opened(store, "simple_majority")

    cancelled = close_undecided(store, "d-1", CANCELLED)

    assert [ballot.choice for ballot in cancelled.ballots] == ["PostgreSQL"] * 4
    assert "it joins" in held(store_url)
    found = store.signatures.check("d-1")
    assert found is not None
    assert found.is_sound

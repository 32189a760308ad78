"""Decisions written in bulk have the rows they would have had one by one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from maos_flows.audit.batches import BatchRecord, ChunkRecord
from maos_flows.audit.bulk import Closed
from maos_flows.audit.engine import make_engine, read_url, transaction
from maos_flows.audit.rows import ANSWER, DECISION, ELECTOR, EVENT, FAULT, REJECTED, ROUND
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConflictError, NotFoundError
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot, Context, Decision, Fault, Opening
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, open_decision
from tests.audit.samples import NOON, SOON, ballot, opening_of, request_to

TABLES = (DECISION, EVENT, ROUND, ELECTOR, ANSWER, REJECTED, FAULT)
NAMES = ("ada", "bob", "cyd", "dan")
POLICY = built_in_policies()["simple_majority"]


def rows_in(url: str) -> dict[str, list[Any]]:
    """Every row of a store that tells of decisions."""
    with transaction(make_engine(read_url(url)), writes=False) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in TABLES
        }


def one_by_one(store: AuditStore, entries: list[Closed], decisions: list[Decision]) -> None:
    for entry, decision in zip(entries, decisions, strict=True):
        store.open_decision(entry.opening, entry.request)
        store.close_decision(decision, at=SOON)


def batch_of(batch_id: str = "b-1", **fields: Any) -> BatchRecord:
    given: dict[str, Any] = {
        "source": "q.jsonl",
        "algorithm": "simple_majority",
        "questions": 2,
        "parameters": {"input": "sha256:1"},
    }
    return BatchRecord(batch_id, **{**given, "started_at": NOON, **fields})


def in_bulk(store: AuditStore, entries: list[Closed]) -> None:
    store.batches.open(batch_of())
    assert store.batches.close_chunk(ChunkRecord("b-1", 0, {"reached": 1}, SOON), entries)


votes = st.lists(
    st.tuples(st.sampled_from([*NAMES, "stranger"]), st.sampled_from(["PostgreSQL", "MongoDB", "abstain", "other"])),
    max_size=7,
)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(lambda text: text.strip())


def decided(request: DecisionRequest, name: str, cast: list[tuple[str, str]]) -> tuple[Opening, Decision]:
    opening = opening_of(request, name)
    ballots = [
        Ballot(name, who, what, received_at=SOON + timedelta(microseconds=place))
        for place, (who, what) in enumerate(cast)
    ]
    ruled = decide(POLICY, opening, ballots)
    without = {*NAMES} - {counted.agent_id for counted in ruled.ballots}
    absences = tuple(
        Absence(name, who, AbsenceKind.FAILED, "no ballot recorded", received_at=SOON) for who in sorted(without)
    )
    return opening, decide(POLICY, opening, ballots, absences=absences)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(questions=st.lists(texts, min_size=1, max_size=3), cast=votes)
def test_rows_are_those_of_decisions_written_one_by_one(
    questions: list[str], cast: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> None:
    """B05: what comes in by bulk is sorted, counted and kept by the same rules as what comes in one by one."""
    folder = tmp_path_factory.mktemp("stores")
    urls = [f"sqlite:///{folder / name}" for name in ("one.db", "bulk.db")]
    for name in ("one.db", "bulk.db"):
        (folder / name).write_bytes(sqlite_template.read_bytes())
    entries, decisions = [], []
    like = None
    for number, question in enumerate(questions):
        context = (Context("q", question),)
        asked = request_to(*NAMES)
        request = DecisionRequest(question, asked.choices, asked.agents, context=context, run_id="b-1")
        opening, decision = decided(request, f"d-\u00fc-{number}", cast)
        like = like or decision
        entries.append(Closed(request, opening, like))
        decisions.append(decision)

    with AuditStore.open(urls[0]) as store:
        one_by_one(store, entries, decisions)
    with AuditStore.open(urls[1]) as store:
        in_bulk(store, entries)
        assert store.check() == ()

    assert rows_in(urls[1]) == rows_in(urls[0])


def test_decisions_written_in_bulk_are_read_like_others(store: AuditStore) -> None:
    request = request_to(*NAMES)
    opening, decision = decided(
        request, "d-1", [("ada", "MongoDB"), ("bob", "MongoDB"), ("cyd", "MongoDB"), ("x", "-")]
    )

    in_bulk(store, [Closed(request, opening, decision)])

    assert store.decision("d-1") == decision
    assert store.request("d-1") == request
    assert [event.sequence for event in store.timeline("d-1")] == [1, 2, 3, 4, 5, 6, 7]
    assert store.check() == ()
    assert store.batches.verdicts(["d-1", "d-2"])["d-1"].choice == "MongoDB"


def test_all_that_a_ballot_and_a_decision_can_hold_is_written(store: AuditStore) -> None:
    request = request_to("ada", "bob")
    opening = opening_of(request)
    cast = [ballot("ada", evidence=("a study",), attributes={"peer_reviewed": True}), ballot("bob", "MongoDB")]
    fault = Fault("bob", "equivocation", is_proof=True, evidence=("one", "other"))
    decision = decide(POLICY, opening, cast, faults=[fault])

    in_bulk(store, [Closed(request, opening, decision)])

    assert store.decision("d-1") == decision


def test_simulated_agents_are_labelled(store: AuditStore) -> None:
    request = DecisionRequest("Which?", ("a", "b"), (Agent("ada"), Agent("bob", voter="recorded")))
    opening = open_decision(request, POLICY, decision_id="d-1", now=NOON)

    in_bulk(store, [Closed(request, opening, decide(POLICY, opening, []))])

    assert store.decisions()[0].simulated


def test_a_chunk_is_done_once(store: AuditStore) -> None:
    """B53: of two that close a chunk one writes, and nothing is there twice."""
    request = request_to(*NAMES)
    opening, decision = decided(request, "d-1", [("ada", "MongoDB")])
    entries = [Closed(request, opening, decision)]
    in_bulk(store, entries)

    again = store.batches.close_chunk(ChunkRecord("b-1", 0, {"reached": 9}, SOON), entries)

    assert again is False
    assert [chunk.counts for chunk in store.batches.chunks("b-1")] == [{"reached": 1}]
    assert len(store.timeline("d-1")) == 6


def test_a_chunk_is_done_whole_or_not_at_all(store: AuditStore) -> None:
    """B72: a chunk that cannot be kept leaves nothing of it behind."""
    request = request_to(*NAMES)
    opening, decision = decided(request, "d-2", [])
    store.open_decision(opening, request)
    store.batches.open(batch_of())
    first, like = decided(request, "d-1", [])

    with pytest.raises(ConflictError, match="'d-2' is in the audit store already"):
        store.batches.close_chunk(
            ChunkRecord("b-1", 0, {}, SOON), [Closed(request, first, like), Closed(request, opening, decision)]
        )

    assert store.batches.chunks("b-1") == ()
    assert store.opening("d-1") is None


def test_a_batch_is_kept_as_it_began(store: AuditStore) -> None:
    begun = store.batches.open(batch_of())

    again = store.batches.open(batch_of(started_at=SOON))

    assert again == begun == store.batches.find("b-1") == batch_of()
    assert store.batches.newest() == (begun,)
    assert store.batches.find("b-2") is None


def test_a_batch_with_other_input_is_refused(store: AuditStore) -> None:
    store.batches.open(batch_of(parameters={"input": "sha256:1", "threshold": "1/2", "basis": "cast"}))

    with pytest.raises(ConflictError, match=r"what differs now: input, threshold$"):
        store.batches.open(batch_of(parameters={"input": "sha256:2", "basis": "cast"}))


def test_a_batch_ends_once(store: AuditStore) -> None:
    store.batches.open(batch_of())

    first = store.batches.finish("b-1", at=SOON)

    assert first.finished_at == SOON
    assert store.batches.finish("b-1", at=NOON) == first


def test_what_belongs_to_no_batch_is_refused(store: AuditStore) -> None:
    with pytest.raises(NotFoundError, match="no batch 'b-9'"):
        store.batches.close_chunk(ChunkRecord("b-9", 0, {}, SOON))
    with pytest.raises(NotFoundError, match="no batch 'b-9'"):
        store.batches.finish("b-9", at=SOON)

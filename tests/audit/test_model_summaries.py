"""Summaries by models in the audit store: beside closed decisions, numbered, bounded, and no part of the record."""

from dataclasses import replace

import pytest

from maos_flows.audit.model_summaries import MOST_SUMMARY, ModelSummary
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConflictError, NotFoundError
from tests.audit.samples import SOON, absence, decision_of, opened

SUMMARY = ModelSummary("d-1", "openai:gpt-4o", SOON, "They chose.", 1.5, {"requests": 1, "cost": 0.001})


def closed(store: AuditStore) -> None:
    opened(store, "d-1", "ada")
    store.record_answer(absence())
    store.close_decision(decision_of(store), at=SOON)


def test_the_newest_summary_is_read_and_the_ones_before_it_stay(store: AuditStore) -> None:
    closed(store)

    first = store.model_summaries.add(SUMMARY)
    second = store.model_summaries.add(replace(SUMMARY, text="They did not."))

    assert (first, second.number) == (replace(SUMMARY, number=1), 2)
    assert store.model_summaries.latest(["d-1", "d-2"]) == {"d-1": second}


def test_what_is_too_long_is_cut_with_a_mark(store: AuditStore) -> None:
    closed(store)

    kept = store.model_summaries.add(replace(SUMMARY, text="\0" + "x" * 100_000))

    assert len(kept.text.encode()) <= MOST_SUMMARY
    assert kept.text.endswith("[cut: 100001 characters]")
    assert store.model_summaries.latest(["d-1"]) == {"d-1": kept}


def test_neither_an_open_decision_nor_one_that_is_not_there_is_summed_up(store: AuditStore) -> None:
    opened(store)

    with pytest.raises(ConflictError, match="is open"):
        store.model_summaries.add(SUMMARY)
    with pytest.raises(NotFoundError):
        store.model_summaries.add(replace(SUMMARY, decision_id="d-2"))


def test_a_summary_leaves_the_decision_and_its_timeline_as_they_were(store: AuditStore) -> None:
    closed(store)
    before = store.decision("d-1"), store.timeline("d-1")

    store.model_summaries.add(SUMMARY)

    assert (store.decision("d-1"), store.timeline("d-1")) == before
    assert store.check() == ()

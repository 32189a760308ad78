"""Lists: decisions in a line each, runs of workflows and their stages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from maos_flows.audit.rows import Instant
from maos_flows.audit.store import AuditStore, DecisionSummary, StageRecord
from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError
from maos_flows.model import Agent, Outcome, Reason
from tests.audit.samples import NOON, SOON, ballot, decision_of, opened, opening_of, request_to, run_of

HOUR = timedelta(hours=1)
instants = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=st.timezones() | st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


@given(instants, instants)
def test_b44_text_of_instants_is_in_the_order_of_time(one: datetime, other: datetime) -> None:
    texts = [Instant().process_bind_param(instant, sqlite.dialect()) for instant in (one, other)]

    assert (texts[0] < texts[1]) == (one.astimezone(UTC) < other.astimezone(UTC))
    assert [Instant().process_result_value(text, sqlite.dialect()) for text in texts] == [
        one.astimezone(UTC),
        other.astimezone(UTC),
    ]


def test_a_decision_in_a_line(store: AuditStore) -> None:
    opened(store, title="Database", workflow="product", run_id="r-1")
    summary = DecisionSummary(
        decision_id="d-1",
        title="Database",
        question="Which database?",
        algorithm="simple_majority",
        workflow="product",
        run_id="r-1",
        outcome=None,
        reason=None,
        choice=None,
        opened_at=NOON,
        decided_at=None,
        simulated=False,
    )

    assert store.decisions() == (summary,)

    for name in ("ada", "bob", "cyd"):
        store.record_answer(ballot(name))
    store.close_decision(decision_of(store), at=SOON)

    closed = replace(
        summary, outcome=Outcome.REACHED, reason=Reason.THRESHOLD_MET, choice="PostgreSQL", decided_at=SOON
    )
    assert store.decisions() == (closed,)


def test_the_newest_decisions_come_first(store: AuditStore) -> None:
    for number in range(5):
        request = request_to(run_id=f"r-{number % 2}")
        store.open_decision(opening_of(request, f"d-{number}", now=NOON + number * HOUR), request)

    def ids(**fields: object) -> list[str]:
        return [summary.decision_id for summary in store.decisions(**fields)]  # type: ignore[arg-type]

    assert ids() == ["d-4", "d-3", "d-2", "d-1", "d-0"]
    assert ids(limit=2) == ["d-4", "d-3"]
    assert ids(run_id="r-1") == ["d-3", "d-1"]
    assert ids(before=(NOON + 2 * HOUR).astimezone()) == ["d-1", "d-0"]


def test_decisions_opened_at_the_same_instant_have_one_order(store: AuditStore) -> None:
    for decision_id in ("d-b", "d-a", "d-c"):
        opened(store, decision_id)

    assert [summary.decision_id for summary in store.decisions()] == ["d-c", "d-b", "d-a"]


def test_a_simulated_agent_is_shown_in_the_list(store: AuditStore) -> None:
    request = replace(request_to(), agents=(Agent("ada", voter="simulated"), Agent("bob", voter="python")))
    store.open_decision(opening_of(request), request)

    assert store.decisions()[0].simulated is True


def test_a_simulated_ballot_is_shown_in_the_list(store: AuditStore) -> None:
    opened(store)
    store.record_answer(ballot(voter="simulated"))
    store.close_decision(decision_of(store), at=SOON)

    assert store.decisions()[0].simulated is True


def test_an_instant_to_list_from_needs_a_time_zone(store: AuditStore) -> None:
    with pytest.raises(ConfigurationError, match="before"):
        store.decisions(before=datetime(2026, 3, 1))  # noqa: DTZ001 - the point of the test


def test_a_run_is_read_back_as_it_was(store: AuditStore) -> None:
    run = run_of()

    assert store.open_run(run) == run
    assert store.run("r-1") == run
    assert store.run("r-2") is None


def test_a_run_taken_up_again_is_the_run_as_it_was_started(store: AuditStore) -> None:
    first = store.open_run(run_of())

    again = store.open_run(run_of(started_at=NOON + HOUR, flow_run_id="f-2", base="/elsewhere"))

    assert again == first


@pytest.mark.parametrize("fields", [{"source": "other"}, {"workflow": "other"}, {"parameters": {}}])
def test_another_run_under_the_same_id_is_refused(store: AuditStore, fields: dict[str, object]) -> None:
    store.open_run(run_of())

    with pytest.raises(ConflictError, match="r-1"):
        store.open_run(run_of(**fields))


def test_a_run_ends_once(store: AuditStore) -> None:
    run = store.open_run(run_of())

    ended = store.close_run("r-1", outcome="reached", at=SOON)

    assert ended == replace(run, outcome="reached", finished_at=SOON)
    assert store.close_run("r-1", outcome="failed", at=SOON + HOUR) == ended
    with pytest.raises(NotFoundError, match="r-2"):
        store.close_run("r-2", outcome="reached", at=SOON)


def test_the_newest_runs_come_first(store: AuditStore) -> None:
    for number in range(3):
        store.open_run(run_of(f"r-{number}", started_at=NOON + number * HOUR))

    assert [run.run_id for run in store.runs()] == ["r-2", "r-1", "r-0"]
    assert [run.run_id for run in store.runs(limit=1)] == ["r-2"]


def test_stages_are_kept_once_each_in_the_order_in_which_they_ended(store: AuditStore) -> None:
    store.open_run(run_of())
    store.note_stage("r-1", "design", outcome="reached", explanation="3 of 5", at=SOON)
    store.note_stage("r-1", "build", outcome="skipped", explanation="design said reject\0", at=NOON)
    store.note_stage("r-1", "design", outcome="failed", explanation="again", at=SOON + HOUR)

    assert store.stages("r-1") == (
        StageRecord("r-1", "build", "skipped", "design said reject\ufffd", NOON),
        StageRecord("r-1", "design", "reached", "3 of 5", SOON),
    )
    assert store.stages("r-2") == ()


def test_a_stage_of_no_run_is_refused(store: AuditStore) -> None:
    with pytest.raises(NotFoundError, match="r-1"):
        store.note_stage("r-1", "design", outcome="reached", explanation="", at=SOON)

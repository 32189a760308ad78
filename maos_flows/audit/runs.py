"""Runs of workflows, and how each stage of them ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from maos_flows.audit.bounds import MOST_REASONING, in_utc
from maos_flows.audit.encoding import encode
from maos_flows.audit.rows import RUN, STAGE
from maos_flows.audit.texts import cut, portable, without_gaps
from maos_flows.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run of a workflow.

    Attributes:
        run_id: Its id.
        workflow: The workflow's name.
        source: The document as it was read.
        base: The folder its paths are relative to.
        parameters: What it was started with, as JSON.
        started_at: When it was first started.
        finished_at: When it ended; None while it has not.
        outcome: How it ended; None while it has not.
        flow_run_id: Prefect's id of the flow run that started it.
    """

    run_id: str
    workflow: str
    source: str
    base: str
    parameters: Mapping[str, Any] = field(hash=False)
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None
    flow_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class StageRecord:
    """How one stage of a run ended, and why."""

    run_id: str
    stage: str
    outcome: str
    explanation: str
    at: datetime


def open_run(connection: Connection, run: WorkflowRun) -> WorkflowRun:
    """Keep a run, or give it as it is kept if it is there already.

    Raises:
        ConflictError: It is there and is of another workflow, document or parameters.
    """
    values = {
        "run_id": run.run_id,
        "workflow": without_gaps(run.workflow),
        "source": run.source.encode(errors="replace"),
        "base": without_gaps(run.base),
        "parameters": encode(portable(run.parameters)),
        "flow_run_id": run.flow_run_id,
        "started_at": in_utc(run.started_at, path="started_at"),
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(RUN).on_conflict_do_nothing(), values)
    row = connection.execute(select(RUN).where(RUN.c.run_id == run.run_id)).one()
    if (row.workflow, row.source, row.parameters) != (values["workflow"], values["source"], values["parameters"]):
        raise ConflictError(f"run {run.run_id!r} is in the audit store already, with another document or parameters")
    return _run(row)


def close_run(connection: Connection, run_id: str, *, outcome: str, at: datetime) -> WorkflowRun:
    """Write how a run ended, or give it as it is kept if it has.

    Raises:
        NotFoundError: There is no such run.
    """
    once = update(RUN).where(RUN.c.run_id == run_id, RUN.c.outcome.is_(None))
    connection.execute(once.values(outcome=cut(outcome, MOST_REASONING), finished_at=in_utc(at, path="at")))
    closed = read(connection, run_id)
    if closed is None:
        raise _not_found(run_id)
    return closed


def read(connection: Connection, run_id: str) -> WorkflowRun | None:
    """Read a run; None if it is not there."""
    row = connection.execute(select(RUN).where(RUN.c.run_id == run_id)).one_or_none()
    return None if row is None else _run(row)


def read_newest(connection: Connection, *, limit: int) -> tuple[WorkflowRun, ...]:
    """Read the newest runs first."""
    newest = select(RUN).order_by(RUN.c.started_at.desc(), RUN.c.run_id.desc()).limit(limit)
    return tuple(_run(row) for row in connection.execute(newest))


def add_stage(connection: Connection, stage: StageRecord) -> None:
    """Keep how a stage ended; what was kept first stays.

    Raises:
        NotFoundError: There is no such run.
    """
    if connection.execute(select(RUN.c.run_id).where(RUN.c.run_id == stage.run_id)).one_or_none() is None:
        raise _not_found(stage.run_id)
    values = {
        "run_id": stage.run_id,
        "stage": stage.stage,
        "outcome": without_gaps(stage.outcome),
        "explanation": cut(stage.explanation, MOST_REASONING),
        "at": in_utc(stage.at, path="at"),
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(STAGE).on_conflict_do_nothing(), values)


def read_stages(connection: Connection, run_id: str) -> tuple[StageRecord, ...]:
    """Read how the stages of a run ended, in the order in which they did."""
    query = select(STAGE).where(STAGE.c.run_id == run_id)
    stages = [
        StageRecord(row.run_id, row.stage, row.outcome, row.explanation, row.at) for row in connection.execute(query)
    ]
    return tuple(sorted(stages, key=lambda stage: (stage.at, stage.stage)))


def _run(row: Row[Any]) -> WorkflowRun:
    return WorkflowRun(
        run_id=row.run_id,
        workflow=row.workflow,
        source=row.source.decode(),
        base=row.base,
        parameters=json.loads(row.parameters),
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=row.outcome,
        flow_run_id=row.flow_run_id,
    )


def _not_found(run_id: str) -> NotFoundError:
    return NotFoundError(f"there is no run {run_id!r} in the audit store")

"""Batches: thousands of questions decided in one flow run, and which chunks of them are done."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from maos_flows.audit.bounds import in_utc
from maos_flows.audit.bulk import Closed, add_all
from maos_flows.audit.closing import Verdict
from maos_flows.audit.encoding import decode, digest_of, encode
from maos_flows.audit.rows import BATCH, BATCH_CHUNK, DECISION
from maos_flows.audit.texts import portable, without_gaps
from maos_flows.errors import ConflictError, NotFoundError

_MOST_NAMED = 500
"""Names in one query: SQLite takes a thousand and more, and a longer statement is no faster."""

Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One batch.

    Attributes:
        batch_id: Its id; the ids of its decisions begin with it.
        source: The file its questions came from.
        algorithm: The policy or the workflow that decides them.
        questions: How many are decided.
        parameters: What decides what is written: input digests, rule, agents, size of a chunk; as JSON.
        started_at: When it was first started.
        finished_at: When the last chunk was done; None while one is not.
        flow_run_id: Prefect's id of the flow run that started it.
    """

    batch_id: str
    source: str
    algorithm: str
    questions: int
    parameters: Mapping[str, Any] = field(hash=False)
    started_at: datetime
    finished_at: datetime | None = None
    flow_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """A chunk of a batch that is done: how many of its questions ended in which way."""

    batch_id: str
    number: int
    counts: Mapping[str, int] = field(hash=False)
    at: datetime


class Batches:
    """The batches of a store."""

    def __init__(self, writing: Transaction, reading: Transaction) -> None:
        self._writing = writing
        self._reading = reading

    def open(self, batch: BatchRecord) -> BatchRecord:
        """Keep a batch.

        Returns:
            The batch as it is kept: as it was first started, if it is there already.

        Raises:
            ConflictError: It is there and began with other input or parameters; names those that differ.
        """
        with self._writing() as connection:
            return _open(connection, batch)

    def find(self, batch_id: str) -> BatchRecord | None:
        """Read a batch; None if it is not there."""
        with self._reading() as connection:
            row = connection.execute(select(BATCH).where(BATCH.c.id == batch_id)).one_or_none()
        return None if row is None else _batch(row)

    def newest(self, *, limit: int = 50) -> tuple[BatchRecord, ...]:
        """List batches, the newest first."""
        query = select(BATCH).order_by(BATCH.c.started_at.desc(), BATCH.c.id.desc()).limit(limit)
        with self._reading() as connection:
            return tuple(_batch(row) for row in connection.execute(query))

    def chunks(self, batch_id: str) -> tuple[ChunkRecord, ...]:
        """Read the chunks of a batch that are done, in order."""
        query = select(BATCH_CHUNK).where(BATCH_CHUNK.c.batch_id == batch_id).order_by(BATCH_CHUNK.c.number)
        with self._reading() as connection:
            return tuple(
                ChunkRecord(row.batch_id, row.number, json.loads(row.counts), row.at)
                for row in connection.execute(query)
            )

    def close_chunk(self, chunk: ChunkRecord, decided: Sequence[Closed] = ()) -> bool:
        """Keep a chunk and, in the same transaction, decisions that are not on record yet: all of it or nothing.

        Args:
            chunk: The chunk.
            decided: Its decisions, each opened, answered and closed at the chunk's time.

        Returns:
            Whether it was kept; False if it was done already, and then nothing is written.

        Raises:
            NotFoundError: There is no such batch.
            ConflictError: One of the decisions is on record although the chunk is not.
        """
        at = in_utc(chunk.at, path="at")
        values = {
            "batch_id": chunk.batch_id,
            "number": chunk.number,
            "counts": encode(portable(chunk.counts)),
            "at": at,
        }
        with self._writing() as connection:
            if connection.execute(select(BATCH.c.id).where(BATCH.c.id == chunk.batch_id)).one_or_none() is None:
                raise _not_found(chunk.batch_id)
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            once = dialect.insert(BATCH_CHUNK).on_conflict_do_nothing().returning(BATCH_CHUNK.c.number)
            if connection.execute(once, values).one_or_none() is None:
                return False
            _check_are_new(connection, decided)
            add_all(connection, decided, at=at)
            return True

    def finish(self, batch_id: str, *, at: datetime) -> BatchRecord:
        """Write when a batch's last chunk was done; the first time counts.

        Raises:
            NotFoundError: There is no such batch.
        """
        once = update(BATCH).where(BATCH.c.id == batch_id, BATCH.c.finished_at.is_(None))
        with self._writing() as connection:
            connection.execute(once.values(finished_at=in_utc(at, path="at")))
            row = connection.execute(select(BATCH).where(BATCH.c.id == batch_id)).one_or_none()
        if row is None:
            raise _not_found(batch_id)
        return _batch(row)

    def verdicts(self, decision_ids: Iterable[str]) -> Mapping[str, Verdict]:
        """Read how decisions ended, by id; those that are open or not there are not in it."""
        found: dict[str, Verdict] = {}
        names = iter(decision_ids)
        with self._reading() as connection:
            while some := list(islice(names, _MOST_NAMED)):
                query = select(DECISION.c.id, DECISION.c.record).where(DECISION.c.id.in_(some))
                closed = query.where(DECISION.c.record.is_not(None))
                found |= {row.id: decode(Verdict, row.record) for row in connection.execute(closed)}
        return found


def _open(connection: Connection, batch: BatchRecord) -> BatchRecord:
    parameters = encode(portable(batch.parameters))
    values = {
        "id": batch.batch_id,
        "source": without_gaps(batch.source),
        "algorithm": without_gaps(batch.algorithm),
        "questions": batch.questions,
        "parameters": parameters,
        "digest": digest_of(parameters),
        "flow_run_id": batch.flow_run_id,
        "started_at": in_utc(batch.started_at, path="started_at"),
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(BATCH).on_conflict_do_nothing(), values)
    row = connection.execute(select(BATCH).where(BATCH.c.id == batch.batch_id)).one()
    if row.digest != values["digest"]:
        kept, given = json.loads(row.parameters), json.loads(parameters)
        differing = sorted(name for name in {*kept, *given} if kept.get(name) != given.get(name))
        raise ConflictError(f"batch {batch.batch_id!r} began otherwise; what differs now: {', '.join(differing)}")
    return _batch(row)


def _check_are_new(connection: Connection, decided: Sequence[Closed]) -> None:
    names = iter([entry.opening.proposal.decision_id for entry in decided])
    while some := list(islice(names, _MOST_NAMED)):
        query = select(DECISION.c.id).where(DECISION.c.id.in_(some)).order_by(DECISION.c.id).limit(1)
        there = connection.execute(query).scalar_one_or_none()
        if there is not None:
            raise ConflictError(f"decision {there!r} is in the audit store already, but not its chunk")


def _batch(row: Row[Any]) -> BatchRecord:
    return BatchRecord(
        batch_id=row.id,
        source=row.source,
        algorithm=row.algorithm,
        questions=row.questions,
        parameters=json.loads(row.parameters),
        started_at=row.started_at,
        finished_at=row.finished_at,
        flow_run_id=row.flow_run_id,
    )


def _not_found(batch_id: str) -> NotFoundError:
    return NotFoundError(f"there is no batch {batch_id!r} in the audit store")

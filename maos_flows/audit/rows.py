"""The tables of the audit store: what is kept, column by column.

Beside the columns that are searched, each row keeps its value as the exact bytes of its canonical JSON (`record`), so
that a digest of them can be checked without writing them again. Rows are added and never changed, with few
exceptions: an open decision gets its outcome, and its encrypted ballots are opened then; an open run or batch gets its
end, each once; a submission gets its flow run, and the time when it is cancelled; a lease says what holds now, and
tells nothing of what was.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import class_mapper, registry
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel


class Instant(TypeDecorator[datetime]):
    """An instant, exact to the microsecond: `timestamptz`, or in SQLite text whose order is that of time."""

    impl = String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        """Choose the column's type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Write an aware instant in UTC."""
        if value is None:
            return None
        instant = value.astimezone(UTC)
        return instant if dialect.name == "postgresql" else instant.isoformat(timespec="microseconds")

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Read an instant as aware and in UTC, whatever zone the server speaks in."""
        if value is None:
            return None
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
        return instant.astimezone(UTC)


class Row(SQLModel, registry=registry(metadata=MetaData())):
    """Base of our tables. Their metadata is their own, so that nobody else's SQLModel tables mix with them."""

    model_config = {"defer_build": True}  # nothing is validated by them, and building validators takes time


class DecisionRow(Row, table=True):
    """One decision: what was requested and, once it is closed, its outcome and record."""

    __tablename__ = "maos_decision"
    __table_args__ = (
        CheckConstraint(
            "(outcome IS NULL) = (record IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="maos_decision_is_open_or_closed",
        ),
        Index("maos_decision_by_opening", "opened_at", "id"),
        Index("maos_decision_by_run", "run_id"),
        Index(
            "maos_decision_open",
            "opened_at",
            "id",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    title: str = Field(sa_type=Text)
    question: str = Field(sa_type=Text)
    algorithm: str = Field(sa_type=Text)
    workflow: str = Field(sa_type=Text)
    run_id: str = Field(sa_type=Text)
    simulated: bool
    opened_at: datetime = Field(sa_type=Instant)
    request: bytes = Field(sa_type=LargeBinary)
    request_digest: str = Field(sa_type=Text)
    outcome: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    choice: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    record: bytes | None = Field(default=None, sa_type=LargeBinary)


class EventRow(Row, table=True):
    """One line of a decision's timeline; `sequence` counts from 1 without a gap."""

    __tablename__ = "maos_event"
    __table_args__ = (ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),)

    decision_id: str = Field(primary_key=True, sa_type=Text)
    sequence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Instant)
    kind: str = Field(sa_type=Text)
    agent_id: str | None = Field(default=None, sa_type=Text)
    text: str = Field(sa_type=Text)
    record: bytes = Field(sa_type=LargeBinary)


class RoundRow(Row, table=True):
    """One round of a decision: the opening that binds it; `sequence` is the event that tells of it."""

    __tablename__ = "maos_round"
    __table_args__ = (
        ForeignKeyConstraint(["decision_id", "sequence"], ["maos_event.decision_id", "maos_event.sequence"]),
        UniqueConstraint("decision_id", "sequence", name="maos_round_has_its_event"),
    )

    decision_id: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int
    opened_at: datetime = Field(sa_type=Instant)
    deadline: datetime | None = Field(default=None, sa_type=Instant)
    digest: str = Field(sa_type=Text)
    record: bytes = Field(sa_type=LargeBinary)


class ElectorRow(Row, table=True):
    """One agent's place in the electorate of a round, in its order; `weight` is exact, as text."""

    __tablename__ = "maos_elector"
    __table_args__ = (ForeignKeyConstraint(["decision_id", "round"], ["maos_round.decision_id", "maos_round.number"]),)

    decision_id: str = Field(primary_key=True, sa_type=Text)
    round: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    agent_id: str = Field(primary_key=True, sa_type=Text)
    position: int
    weight: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    voter: str = Field(sa_type=Text)


class AnswerRow(Row, table=True):
    """An elector's one answer in a round: a ballot, or why there is none (`kind` is `ballot` or the absence's kind)."""

    __tablename__ = "maos_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["decision_id", "round", "agent_id"],
            ["maos_elector.decision_id", "maos_elector.round", "maos_elector.agent_id"],
        ),
        ForeignKeyConstraint(["decision_id", "sequence"], ["maos_event.decision_id", "maos_event.sequence"]),
        UniqueConstraint("decision_id", "sequence", name="maos_answer_has_its_event"),
    )

    decision_id: str = Field(primary_key=True, sa_type=Text)
    round: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    agent_id: str = Field(primary_key=True, sa_type=Text)
    sequence: int
    kind: str = Field(sa_type=Text)
    choice: str | None = Field(default=None, sa_type=Text)
    voter: str = Field(sa_type=Text)
    received_at: datetime | None = Field(default=None, sa_type=Instant)
    record: bytes = Field(sa_type=LargeBinary)


class RejectedRow(Row, table=True):
    """A ballot that is kept and not counted; `digest` is of what it says, so that the same one is kept once."""

    __tablename__ = "maos_rejected_ballot"
    __table_args__ = (
        ForeignKeyConstraint(["decision_id", "sequence"], ["maos_event.decision_id", "maos_event.sequence"]),
        ForeignKeyConstraint(["decision_id", "round"], ["maos_round.decision_id", "maos_round.number"]),
        UniqueConstraint("decision_id", "round", "digest", "reason", name="maos_rejected_ballot_is_kept_once"),
    )

    decision_id: str = Field(primary_key=True, sa_type=Text)
    sequence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    round: int
    agent_id: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    explanation: str = Field(sa_type=Text)
    received_at: datetime | None = Field(default=None, sa_type=Instant)
    digest: str = Field(sa_type=Text)
    record: bytes = Field(sa_type=LargeBinary)


class FaultRow(Row, table=True):
    """An agent's misbehaviour found in a decision."""

    __tablename__ = "maos_fault"
    __table_args__ = (
        ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
        Index("maos_fault_by_agent", "agent_id"),
    )

    decision_id: str = Field(primary_key=True, sa_type=Text)
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    agent_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    is_proof: bool
    record: bytes = Field(sa_type=LargeBinary)


class RunRow(Row, table=True):
    """One run of a workflow, with the document as it was read."""

    __tablename__ = "maos_run"
    __table_args__ = (
        CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="maos_run_is_open_or_finished"),
        Index("maos_run_by_start", "started_at", "run_id"),
    )

    run_id: str = Field(primary_key=True, sa_type=Text)
    workflow: str = Field(sa_type=Text)
    source: bytes = Field(sa_type=LargeBinary)
    base: str = Field(sa_type=Text)
    parameters: bytes = Field(sa_type=LargeBinary)
    flow_run_id: str | None = Field(default=None, sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = Field(default=None, sa_type=Text)


class StageRow(Row, table=True):
    """How one stage of a run ended, skipped ones among them."""

    __tablename__ = "maos_stage"
    __table_args__ = (ForeignKeyConstraint(["run_id"], ["maos_run.run_id"]),)

    run_id: str = Field(primary_key=True, sa_type=Text)
    stage: str = Field(primary_key=True, sa_type=Text)
    outcome: str = Field(sa_type=Text)
    explanation: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class SubmissionRow(Row, table=True):
    """Something handed in to be decided or run, under the id its decision or run has or will have."""

    __tablename__ = "maos_submission"
    __table_args__ = (Index("maos_submission_by_time", "submitted_at", "id"),)

    id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    content: bytes = Field(sa_type=LargeBinary)
    flow_run_id: str | None = Field(default=None, sa_type=Text)
    submitted_at: datetime = Field(sa_type=Instant)
    cancelled_at: datetime | None = Field(default=None, sa_type=Instant)


class BatchRow(Row, table=True):
    """One batch of questions decided in one flow run; `digest` is of its input and of the parameters it began with."""

    __tablename__ = "maos_batch"
    __table_args__ = (Index("maos_batch_by_start", "started_at", "id"),)

    id: str = Field(primary_key=True, sa_type=Text)
    source: str = Field(sa_type=Text)
    algorithm: str = Field(sa_type=Text)
    questions: int
    parameters: bytes = Field(sa_type=LargeBinary)
    digest: str = Field(sa_type=Text)
    flow_run_id: str | None = Field(default=None, sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)


class BatchChunkRow(Row, table=True):
    """One chunk of a batch that is done, written with the last of its decisions; `counts` says how they ended."""

    __tablename__ = "maos_batch_chunk"
    __table_args__ = (ForeignKeyConstraint(["batch_id"], ["maos_batch.id"]),)

    batch_id: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    counts: bytes = Field(sa_type=LargeBinary)
    at: datetime = Field(sa_type=Instant)


class ConfigurationChangeRow(Row, table=True):
    """One change of the configuration, numbered from 1 without a gap; `record` says what changed, key by key."""

    __tablename__ = "maos_configuration_change"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    path: str = Field(sa_type=Text)
    digest_before: str = Field(sa_type=Text)
    digest_after: str = Field(sa_type=Text)
    record: bytes = Field(sa_type=LargeBinary)


class PolicyVersionRow(Row, table=True):
    """One version of a policy that was installed, with its bytes, or that it was removed; `number` counts from 1."""

    __tablename__ = "maos_policy_version"
    __table_args__ = (Index("maos_policy_version_by_name", "name", "number"),)

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Instant)
    who: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    content: bytes = Field(sa_type=LargeBinary)
    origin: str = Field(sa_type=Text)


class LeaseRow(Row, table=True):
    """Who is at work on a flow run or a decision, and until when."""

    __tablename__ = "maos_lease"

    subject: str = Field(primary_key=True, sa_type=Text)
    owner: str = Field(sa_type=Text)
    expires_at: datetime = Field(sa_type=Instant)
    takeovers: int


def table_of(row: type[Row]) -> Table:
    """Give the table of a row."""
    table = class_mapper(row).local_table
    assert isinstance(table, Table)
    return table


METADATA = Row.metadata
DECISION = table_of(DecisionRow)
EVENT = table_of(EventRow)
ROUND = table_of(RoundRow)
ELECTOR = table_of(ElectorRow)
ANSWER = table_of(AnswerRow)
REJECTED = table_of(RejectedRow)
FAULT = table_of(FaultRow)
RUN = table_of(RunRow)
STAGE = table_of(StageRow)
SUBMISSION = table_of(SubmissionRow)
LEASE = table_of(LeaseRow)
BATCH = table_of(BatchRow)
BATCH_CHUNK = table_of(BatchChunkRow)
CONFIGURATION_CHANGE = table_of(ConfigurationChangeRow)
POLICY_VERSION = table_of(PolicyVersionRow)

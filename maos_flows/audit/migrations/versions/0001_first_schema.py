"""The first schema: decisions, rounds, electorates, answers, rejected ballots, faults, timelines, runs and stages."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _decisions()
    _answers()
    _runs()


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[str]:
    kind = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    return sa.Column(name, kind, nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _its_event() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["decision_id", "sequence"], ["maos_event.decision_id", "maos_event.sequence"])


def _decisions() -> None:
    op.create_table(
        "maos_decision",
        *(_text("id"), _text("title"), _text("question"), _text("algorithm"), _text("workflow"), _text("run_id")),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        *(_instant("opened_at"), _bytes("request"), _text("request_digest")),
        *(_text("outcome", nullable=True), _text("reason", nullable=True), _text("choice", nullable=True)),
        *(_instant("decided_at", nullable=True), _bytes("record", nullable=True)),
        sa.CheckConstraint(
            "(outcome IS NULL) = (record IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)",
            name="maos_decision_is_open_or_closed",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("maos_decision_by_opening", "maos_decision", ["opened_at", "id"])
    op.create_index("maos_decision_by_run", "maos_decision", ["run_id"])
    op.create_table(
        "maos_event",
        *(_text("decision_id"), _number("sequence"), _instant("at"), _text("kind")),
        *(_text("agent_id", nullable=True), _text("text"), _bytes("record")),
        sa.ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
        sa.PrimaryKeyConstraint("decision_id", "sequence"),
    )
    op.create_table(
        "maos_fault",
        *(_text("decision_id"), _number("position"), _text("agent_id"), _text("kind")),
        *(sa.Column("is_proof", sa.Boolean(), nullable=False), _bytes("record")),
        sa.ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
        sa.PrimaryKeyConstraint("decision_id", "position"),
    )
    op.create_index("maos_fault_by_agent", "maos_fault", ["agent_id"])


def _answers() -> None:
    op.create_table(
        "maos_round",
        *(_text("decision_id"), _number("number"), _number("sequence"), _instant("opened_at")),
        *(_instant("deadline", nullable=True), _text("digest"), _bytes("record")),
        _its_event(),
        sa.PrimaryKeyConstraint("decision_id", "number"),
        sa.UniqueConstraint("decision_id", "sequence", name="maos_round_has_its_event"),
    )
    op.create_table(
        "maos_elector",
        *(_text("decision_id"), _number("round"), _text("agent_id"), _number("position")),
        *(_text("weight"), _text("role"), _text("voter")),
        sa.ForeignKeyConstraint(["decision_id", "round"], ["maos_round.decision_id", "maos_round.number"]),
        sa.PrimaryKeyConstraint("decision_id", "round", "agent_id"),
    )
    op.create_table(
        "maos_answer",
        *(_text("decision_id"), _number("round"), _text("agent_id"), _number("sequence"), _text("kind")),
        *(_text("choice", nullable=True), _text("voter"), _instant("received_at", nullable=True), _bytes("record")),
        sa.ForeignKeyConstraint(
            ["decision_id", "round", "agent_id"],
            ["maos_elector.decision_id", "maos_elector.round", "maos_elector.agent_id"],
        ),
        _its_event(),
        sa.PrimaryKeyConstraint("decision_id", "round", "agent_id"),
        sa.UniqueConstraint("decision_id", "sequence", name="maos_answer_has_its_event"),
    )
    op.create_table(
        "maos_rejected_ballot",
        *(_text("decision_id"), _number("sequence"), _number("round"), _text("agent_id"), _text("reason")),
        *(_text("explanation"), _instant("received_at", nullable=True), _text("digest"), _bytes("record")),
        sa.ForeignKeyConstraint(["decision_id", "round"], ["maos_round.decision_id", "maos_round.number"]),
        _its_event(),
        sa.PrimaryKeyConstraint("decision_id", "sequence"),
        sa.UniqueConstraint("decision_id", "round", "digest", "reason", name="maos_rejected_ballot_is_kept_once"),
    )


def _runs() -> None:
    op.create_table(
        "maos_run",
        *(_text("run_id"), _text("workflow"), _bytes("source"), _text("base"), _bytes("parameters")),
        *(_text("flow_run_id", nullable=True), _instant("started_at"), _instant("finished_at", nullable=True)),
        _text("outcome", nullable=True),
        sa.CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="maos_run_is_open_or_finished"),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("maos_run_by_start", "maos_run", ["started_at", "run_id"])
    op.create_table(
        "maos_stage",
        *(_text("run_id"), _text("stage"), _text("outcome"), _text("explanation"), _instant("at")),
        sa.ForeignKeyConstraint(["run_id"], ["maos_run.run_id"]),
        sa.PrimaryKeyConstraint("run_id", "stage"),
    )

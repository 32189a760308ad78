"""People: what they are asked, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PLACE = ("decision_id", "round", "kind", "agent_id")


def upgrade() -> None:
    """Make the tables."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_question",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("deadline", instant, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*_PLACE),
        sa.ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
    )
    op.create_index("maos_question_by_deadline", "maos_question", ["deadline"])
    op.create_table(
        "maos_question_note",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*_PLACE, "number"),
        sa.ForeignKeyConstraint(_PLACE, [f"maos_question.{name}" for name in _PLACE]),
        sa.UniqueConstraint(*_PLACE, "what", "key", name="maos_question_note_once"),
    )


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

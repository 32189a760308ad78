"""Drills on running decisions, and agents that are kept out of electorates."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_drill",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("drill", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_at", instant, nullable=False),
        sa.Column("ends_at", instant, nullable=False),
        sa.Column("begun_at", instant, nullable=True),
        sa.Column("ended_at", instant, nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", "number"),
        sa.ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
    )
    op.create_table(
        "maos_isolation",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("released_at", instant, nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "number"),
        sa.ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
    )


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

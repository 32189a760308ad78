"""What is learned: feedback on decisions, and how it moved agents' standings."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_feedback",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("correct", sa.Text(), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id"),
        sa.ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
    )
    op.create_table(
        "maos_standing",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "number"),
        sa.ForeignKeyConstraint(["decision_id"], ["maos_feedback.decision_id"]),
    )
    op.create_index("maos_standing_by_decision", "maos_standing", ["decision_id"])


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

"""Submissions: what was handed in, kept before a flow run is made of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_submission",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("submitted_at", instant, nullable=False),
        sa.Column("cancelled_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("maos_submission_by_time", "maos_submission", ["submitted_at", "id"])


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

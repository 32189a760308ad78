"""Leases: who is at work on a flow run or a decision, and until when; open decisions are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the index."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_lease",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("takeovers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    still_open = sa.text("outcome IS NULL")
    op.create_index(
        "maos_decision_open",
        "maos_decision",
        ["opened_at", "id"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

"""Versions of policies: what was installed, by whom, with its bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_policy_version",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", instant, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("who", "action", "name", "kind", "digest")),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("maos_policy_version_by_name", "maos_policy_version", ["name", "number"])


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

"""Changes of the configuration: who changed which keys, from what to what."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_configuration_change",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest_before", sa.Text(), nullable=False),
        sa.Column("digest_after", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

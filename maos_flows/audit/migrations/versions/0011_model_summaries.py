"""What language models wrote about closed decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_model_summary",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", "number"),
        sa.ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),
    )


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

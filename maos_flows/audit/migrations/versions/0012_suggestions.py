"""What agents suggested before there were choices."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ELECTOR = ("decision_id", "round", "agent_id")


def upgrade() -> None:
    """Make the table."""
    instant = sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "maos_suggestion",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("voter", sa.Text(), nullable=False),
        sa.Column("received_at", instant, nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*_ELECTOR),
        sa.ForeignKeyConstraint(_ELECTOR, [f"maos_elector.{name}" for name in _ELECTOR]),
        sa.ForeignKeyConstraint(["decision_id", "sequence"], ["maos_event.decision_id", "maos_event.sequence"]),
        sa.UniqueConstraint("decision_id", "sequence", name="maos_suggestion_has_its_event"),
    )


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

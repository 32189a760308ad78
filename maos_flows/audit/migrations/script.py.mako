"""${message}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    """Refuse: an audit is never taken back."""
    raise NotImplementedError("the audit store's schema is never taken back; restore a backup instead")

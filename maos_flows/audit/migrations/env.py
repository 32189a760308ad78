"""How Alembic runs our migrations: on the connection and within the transaction it is given."""

from alembic import context

from maos_flows.audit.schema import VERSION_TABLE
from maos_flows.audit.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
context.run_migrations()

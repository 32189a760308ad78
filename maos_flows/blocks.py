"""Blocks: what people configure in the Prefect UI."""

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from maos_flows.audit.store import AuditStore


class MaosAuditStore(Block):
    """Where decisions, ballots and timelines are kept.

    Attributes:
        url: Address of the database.

    Example:
        Read a decision from the store:
        ```python
        from maos_flows.blocks import MaosAuditStore

        store = MaosAuditStore.load("BLOCK_NAME").open()
        print(store.decision("d-0123456789ab"))
        ```
    """

    _block_type_name = "MAOS Audit Store"
    _block_type_slug = "maos-audit-store"

    url: SecretStr = Field(
        default=..., description="Database URL, such as postgresql://user:password@host/maos or sqlite:///audit.db."
    )

    def open(self) -> AuditStore:
        """Open the store.

        Returns:
            The audit store, brought to the newest schema.

        Raises:
            StoreError: It cannot be opened.
        """
        return AuditStore.open(self.url.get_secret_value())

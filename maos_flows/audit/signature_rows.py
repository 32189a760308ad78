"""The table of signatures under the records of closed decisions."""

from sqlalchemy import ForeignKeyConstraint, LargeBinary, Text
from sqlmodel import Field

from maos_flows.audit.rows import Row, table_of


class SignatureRow(Row, table=True):
    """The signature of one decision's record; `manifest` lists the digest of every row of it, and is what is signed."""

    __tablename__ = "maos_decision_signature"
    __table_args__ = (ForeignKeyConstraint(["decision_id"], ["maos_decision.id"]),)

    decision_id: str = Field(primary_key=True, sa_type=Text)
    public_key: str = Field(sa_type=Text)
    manifest: bytes = Field(sa_type=LargeBinary)
    token: str = Field(sa_type=Text)


SIGNATURE = table_of(SignatureRow)

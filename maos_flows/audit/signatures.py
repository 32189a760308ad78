"""Signed records: when a decision is closed, all its rows are listed with their digests, and the list is signed.

So whoever changes, adds or removes one of them without the key is found, and the row is named. What comes to a
timeline after the closing is not signed. Whoever holds the key can sign another list, and a decision that is removed
whole, signature and all, leaves no trace here.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select

from maos_flows import signing
from maos_flows.audit.encoding import digest_of
from maos_flows.audit.rows import ANSWER, DECISION, ELECTOR, EVENT, FAULT, REJECTED, ROUND
from maos_flows.audit.sealing import keys_of
from maos_flows.audit.signature_rows import SIGNATURE
from maos_flows.audit.suggestion_rows import SUGGESTION
from maos_flows.errors import NotFoundError
from maos_flows.model import EventKind
from maos_flows.protocols.byzantine import canonical_bytes
from maos_flows.records import canonical

KIND = "decision"
"""What is signed: the header's `typ` is `maos-decision+jws`."""

VERSION = 1
_TABLES = (DECISION, ROUND, ELECTOR, SUGGESTION, ANSWER, REJECTED, FAULT, EVENT)
_ASKED_FOR = b'"signed_record":true'
"""What a request that asks for it says, in canonical form."""
_WITH_TIME = (REJECTED, EVENT)
"""Tables that a closed decision can still get rows in: those after its end are not of its record."""


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """What came of checking the signature of a decision's record.

    Attributes:
        problems: What is wrong, each in a line; none if the record is as it was signed.
        key_id: The thumbprint (RFC 7638) of the key that signed it; empty if none did.
        rows: How many rows are signed.
        is_own_key: Whether that key is the one kept here; if not, compare the thumbprint with one that is trusted.
    """

    problems: tuple[str, ...]
    key_id: str = ""
    rows: int = 0
    is_own_key: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def lines(self) -> Iterator[str]:
        """Say it in lines for people."""
        if self.key_id:
            whose = "this installation's" if self.is_own_key else "compare it with the one you trust"
            yield f"record      {self.rows} rows signed with key {self.key_id} ({whose})"
        for problem in self.problems:
            yield f"wrong       {problem}"


class Signatures:
    """Signatures of records, as a store gives them."""

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._reading = reading

    def check(self, decision_id: str) -> SignatureCheck | None:
        """Check the signature of a closed decision's record; None if it has none and need not.

        Raises:
            NotFoundError: There is no closed decision of that id.
        """
        with self._reading() as connection:
            return check(connection, decision_id)


def sign(connection: Connection, decision_id: str) -> None:
    """Sign the record of a decision that was just closed, if its request asks for that."""
    if not _is_to_be_signed(connection, decision_id):
        return
    manifest = _manifest(connection, decision_id)
    keys = keys_of(connection)
    written = canonical(manifest)
    claims = _claims(decision_id, keys.deployment, written, manifest)
    values = {
        "decision_id": decision_id,
        "public_key": keys.records_key.public,
        "manifest": written,
        "token": keys.records_key.sign(KIND, claims),
    }
    connection.execute(insert(SIGNATURE), values)


def check(connection: Connection, decision_id: str) -> SignatureCheck | None:
    """Check the signature of a closed decision's record; None if it has none and need not.

    Raises:
        NotFoundError: There is no closed decision of that id.
    """
    query = select(DECISION.c.outcome).where(DECISION.c.id == decision_id)
    if connection.execute(query).scalar_one_or_none() is None:
        raise NotFoundError(f"there is no closed decision {decision_id[:80]!r}")
    signed = connection.execute(select(SIGNATURE).where(SIGNATURE.c.decision_id == decision_id)).one_or_none()
    if signed is not None:
        return _checked(connection, signed)
    if not _is_to_be_signed(connection, decision_id):
        return None
    return SignatureCheck((f"the record of decision {decision_id} was to be signed, and its signature is gone",))


def problems_of_signatures(connection: Connection) -> Iterator[str]:
    """Find records that are not as they were signed, over the whole store."""
    joined = select(DECISION.c.id, DECISION.c.request, SIGNATURE.c.decision_id.label("signed"))
    joined = joined.outerjoin(SIGNATURE, SIGNATURE.c.decision_id == DECISION.c.id).where(
        DECISION.c.outcome.is_not(None)
    )
    rows = connection.execute(joined.order_by(DECISION.c.id).execution_options(yield_per=500))
    concerned = [row.id for row in rows if row.signed is not None or _ASKED_FOR in row.request]
    for decision_id in concerned:
        found = check(connection, decision_id)
        yield from () if found is None else found.problems


def _checked(connection: Connection, signed: Row[Any]) -> SignatureCheck:
    decision_id: str = signed.decision_id
    keys = keys_of(connection)
    is_own = keys.has_records_key and keys.records_key.public == signed.public_key
    key_id = signing.thumbprint(signed.public_key)
    said = signing.verify(signed.public_key, KIND, signed.token)
    written = signed.manifest if isinstance(signed.manifest, bytes) else b""
    try:
        manifest: Mapping[str, str] = dict(json.loads(written))
    except (ValueError, TypeError):
        manifest = {}
    aud = "" if said is None else str(said.get("aud"))
    problems = []
    if keys.has_records_key and not is_own:
        problems.append(f"the record of decision {decision_id} is signed with another key than this installation's")
    if said is None or dict(said) != _claims(decision_id, aud, written, manifest):
        problems.append(f"the signature of decision {decision_id} does not hold for what it stands under")
    else:
        problems += _differences(manifest, _manifest(connection, decision_id))
    return SignatureCheck(tuple(problems), key_id, len(manifest), is_own)


def _differences(signed: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Name each row that is not as it was signed."""
    names = sorted(signed.keys() | found.keys())
    words = {
        name: "is gone" if name not in found else "was added" if name not in signed else "was altered" for name in names
    }
    return [f"{name} {said} since it was signed" for name, said in words.items() if signed.get(name) != found.get(name)]


def _claims(decision_id: str, deployment: str, written: bytes, manifest: Mapping[str, str]) -> dict[str, str | int]:
    openings = {name: digest for name, digest in manifest.items() if name.startswith(f"{ROUND.name} ")}
    return {
        "v": VERSION,
        "aud": deployment,
        "decision_id": decision_id,
        "rows": len(manifest),
        "record_sha256": str(manifest.get(f"{DECISION.name} {decision_id}", "")),
        "opening_sha256": hashlib.sha256(canonical_bytes(openings)).hexdigest(),
        "manifest_sha256": hashlib.sha256(written).hexdigest(),
    }


def _is_to_be_signed(connection: Connection, decision_id: str) -> bool:
    request = connection.execute(select(DECISION.c.request).where(DECISION.c.id == decision_id)).scalar_one()
    return bool(json.loads(request).get("signed_record", False))


def _manifest(connection: Connection, decision_id: str) -> dict[str, str]:
    """List every row of a decision's record, by table and key, with the digest of all its columns."""
    ended = select(EVENT.c.sequence).where(EVENT.c.decision_id == decision_id, EVENT.c.kind == EventKind.DECIDED.value)
    last = connection.execute(ended.order_by(EVENT.c.sequence)).scalars().first() or 0
    return dict(entry for table in _TABLES for entry in _rows(connection, table, decision_id, last=last))


def _rows(connection: Connection, table: Table, decision_id: str, *, last: int) -> Iterator[tuple[str, str]]:
    owner = table.c.id if table is DECISION else table.c.decision_id
    query = select(table).where(owner == decision_id)
    if table in _WITH_TIME:
        query = query.where(table.c.sequence <= last)
    keys = [column.name for column in table.primary_key]
    for row in connection.execute(query).mappings():
        name = " ".join([table.name, *(str(row[key]) for key in keys)])
        yield name, digest_of(canonical({column: _plain(value) for column, value in row.items()}))


def _plain(value: object) -> object:
    match value:
        case bytes():
            return digest_of(value)
        case datetime():
            return value.isoformat(timespec="microseconds")
        case _:
            return value

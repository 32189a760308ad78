"""Values to the bytes the store keeps and back.

What agents write freely (reasoning, evidence, attributes, explanations) stands in the records of answers and rejected
ballots; timelines do not repeat it and decisions name the ballots they counted. So it can later be moved to a table
of its own, with a salted digest in its place in those records, and be erased without touching any other row.
"""

import hashlib
import json
from typing import TypeVar

from maos_flows.audit.texts import portable
from maos_flows.errors import ConfigurationError, StoreError
from maos_flows.records import canonical, from_plain, to_plain

Value = TypeVar("Value")


def encode(value: object) -> bytes:
    """Write a value as canonical JSON. What JSON cannot carry exactly (integers above 2^53) is text."""
    plain = to_plain(value)
    try:
        return canonical(plain)
    except ValueError:
        return canonical(portable(plain))


def digest_of(record: bytes) -> str:
    """Give the SHA-256 of a record's exact bytes, written like `records.digest` writes it."""
    return f"sha256:{hashlib.sha256(record).hexdigest()}"


def decode(kind: type[Value], record: bytes) -> Value:
    """Read a value from a record.

    Raises:
        StoreError: The record is damaged.
    """
    try:
        return from_plain(kind, json.loads(record))
    except (ValueError, ConfigurationError) as error:
        first = str(error).splitlines()[0]
        raise StoreError(f"a record of a {kind.__name__} in the audit store is damaged: {first}") from error

"""Versions of policies that people installed: which bytes, when, by whom; rows are added and never changed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from maos_flows.audit.bounds import MOST_TEXT, in_utc
from maos_flows.audit.rows import POLICY_VERSION
from maos_flows.audit.texts import cut

Transaction = Callable[[], AbstractContextManager[Connection]]


class PolicyAction(StrEnum):
    """What was done with a policy."""

    INSTALLED = "installed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a policy as it was installed, or that it was removed.

    Attributes:
        at: When.
        who: The user of the operating system.
        action: Whether it was installed or removed.
        name: The policy's name.
        kind: What it is: `python` or `declarative`.
        digest: The SHA-256 of its file, as `sha256:` and hexadecimal digits.
        content: The file's bytes, so that a decision can be replayed under it; empty of a removal.
        origin: The file it was installed from.
        number: Counts from 1; the store gives it.
    """

    at: datetime
    who: str
    action: PolicyAction
    name: str
    kind: str
    digest: str
    content: bytes
    origin: str
    number: int = 0


class PolicyVersions:
    """The versions in one store."""

    def __init__(self, writing: Transaction, reading: Transaction) -> None:
        self._writing = writing
        self._reading = reading

    def record(self, version: PolicyVersion) -> PolicyVersion:
        """Keep a version, numbered after the last."""
        with self._writing() as connection:
            return _add(connection, version)

    def of(self, name: str) -> tuple[PolicyVersion, ...]:
        """Read the versions of a policy, the newest first."""
        table = POLICY_VERSION.c
        query = select(POLICY_VERSION).where(table.name == name).order_by(table.number.desc())
        with self._reading() as connection:
            return tuple(map(_version, connection.execute(query)))

    def content(self, digest: str) -> bytes | None:
        """Read the bytes that have a digest; None if none was ever installed."""
        table = POLICY_VERSION.c
        installed = (table.digest == digest, table.action == PolicyAction.INSTALLED.value)
        query = select(table.content).where(*installed).order_by(table.number).limit(1)
        with self._reading() as connection:
            found: bytes | None = connection.execute(query).scalar_one_or_none()
        return found


def _add(connection: Connection, version: PolicyVersion) -> PolicyVersion:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE maos_policy_version IN EXCLUSIVE MODE")
    last: int = connection.execute(select(func.coalesce(func.max(POLICY_VERSION.c.number), 0))).scalar_one()
    values = {
        "number": last + 1,
        "at": in_utc(version.at, path="at"),
        "who": cut(version.who, MOST_TEXT),
        "action": version.action.value,
        "name": version.name,
        "kind": version.kind,
        "digest": version.digest,
        "content": version.content,
        "origin": cut(version.origin, MOST_TEXT),
    }
    connection.execute(insert(POLICY_VERSION), values)
    return _version(connection.execute(select(POLICY_VERSION).where(POLICY_VERSION.c.number == last + 1)).one())


def _version(row: Row[Any]) -> PolicyVersion:
    action = PolicyAction(row.action)
    return PolicyVersion(row.at, row.who, action, row.name, row.kind, row.digest, row.content, row.origin, row.number)

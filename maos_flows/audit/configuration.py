"""Changes of the configuration: who changed which keys, from what to what; rows are added and never changed."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from maos_flows.audit.bounds import MOST_TEXT, in_utc
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.rows import CONFIGURATION_CHANGE
from maos_flows.audit.texts import cut, portable, without_gaps

Transaction = Callable[[], AbstractContextManager[Connection]]
BY_HAND = "edited by hand"
"""The action of a change that was found, and not made, by a command."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key: what it was and what it is, as written; None where it was or is not set."""

    key: str
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """One change of the configuration's file.

    Attributes:
        at: When.
        who: The user of the operating system.
        action: What was done, in words: `set consensus.voting_timeout`.
        path: The file.
        digest_before: The SHA-256 of its text before.
        digest_after: The SHA-256 of its text after.
        keys: What changed.
        number: Counts from 1; the store gives it.
    """

    at: datetime
    who: str
    action: str
    path: str
    digest_before: str
    digest_after: str
    keys: tuple[KeyChange, ...] = field(default=(), hash=False)
    number: int = 0


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a change's record holds."""

    keys: tuple[KeyChange, ...]


class ConfigurationChanges:
    """The changes in one store."""

    def __init__(self, writing: Transaction, reading: Transaction) -> None:
        self._writing = writing
        self._reading = reading

    def record(self, change: ConfigurationChange) -> ConfigurationChange:
        """Keep a change, numbered after the last.

        If the text before is not what the last change of that file left, somebody edited it meanwhile: that is kept
        first, as a change of its own without keys.
        """
        with self._writing() as connection:
            last = _last(connection, change.path)
            if last is not None and last != change.digest_before:
                found = ConfigurationChange(change.at, "", BY_HAND, change.path, last, change.digest_before)
                _add(connection, found)
            return _add(connection, change)

    def newest(self, *, limit: int) -> tuple[ConfigurationChange, ...]:
        """Read the newest changes, the newest first."""
        query = select(CONFIGURATION_CHANGE).order_by(CONFIGURATION_CHANGE.c.number.desc()).limit(limit)
        with self._reading() as connection:
            return tuple(_change(row) for row in connection.execute(query))

    def last_digest(self, path: str) -> str | None:
        """Read the digest of the text that the last recorded change of a file left; None if there is none."""
        with self._reading() as connection:
            return _last(connection, path)


def _last(connection: Connection, path: str) -> str | None:
    table = CONFIGURATION_CHANGE.c
    query = select(table.digest_after).where(table.path == path).order_by(table.number.desc()).limit(1)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def _add(connection: Connection, change: ConfigurationChange) -> ConfigurationChange:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE maos_configuration_change IN EXCLUSIVE MODE")
    last: int = connection.execute(select(func.coalesce(func.max(CONFIGURATION_CHANGE.c.number), 0))).scalar_one()
    values: Mapping[str, Any] = {
        "number": last + 1,
        "at": in_utc(change.at, path="at"),
        "who": cut(change.who, MOST_TEXT),
        "action": cut(change.action, MOST_TEXT),
        "path": without_gaps(change.path),
        "digest_before": change.digest_before,
        "digest_after": change.digest_after,
        "record": encode(portable({"keys": [_plain(key) for key in change.keys]})),
    }
    connection.execute(insert(CONFIGURATION_CHANGE), values)
    row = connection.execute(select(CONFIGURATION_CHANGE).where(CONFIGURATION_CHANGE.c.number == last + 1)).one()
    return _change(row)


def _plain(key: KeyChange) -> Mapping[str, Any]:
    return {"key": key.key, "before": key.before, "after": key.after}


def _change(row: Row[Any]) -> ConfigurationChange:
    keys = decode(_Keys, row.record).keys
    return ConfigurationChange(
        row.at, row.who, row.action, row.path, row.digest_before, row.digest_after, keys, row.number
    )

"""A decision's timeline: events numbered without a gap, written with the rows they tell of."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select

from maos_flows.audit.bounds import bound_event
from maos_flows.audit.engine import notes_of
from maos_flows.audit.rows import EVENT
from maos_flows.errors import ConfigurationError, Problem, StoreError
from maos_flows.model import Event, EventKind
from maos_flows.records import canonical

OF_ROWS = frozenset(
    {
        EventKind.OPENED,
        EventKind.ROUND_OPENED,
        EventKind.BALLOT,
        EventKind.ABSENCE,
        EventKind.REJECTED,
        EventKind.SUGGESTION,
        EventKind.CHOICES,
        EventKind.DECIDED,
    }
)
"""Events that tell of rows: the store writes them itself, with what they tell of."""

_SEQUENCE = "sequence"

# Statements are made once: making one and finding its compiled form costs more than running it.
_LAST = select(func.coalesce(func.max(EVENT.c.sequence), 0)).where(EVENT.c.decision_id == bindparam("decision"))
_ADD = insert(EVENT)
_SINCE = (
    select(EVENT)
    .where(EVENT.c.decision_id == bindparam("decision"), EVENT.c.sequence > bindparam("after"))
    .order_by(EVENT.c.sequence)
)
_OF_KIND = (
    select(EVENT.c.sequence)
    .where(
        EVENT.c.decision_id == bindparam("decision"),
        EVENT.c.kind == bindparam("kind"),
        EVENT.c.sequence > bindparam("after"),
    )
    .limit(1)
)


def check_told(events: Sequence[Event]) -> None:
    """Refuse events that tell of rows, from whoever is not the store.

    Raises:
        ConfigurationError: One does.
    """
    for event in events:
        if event.kind in OF_ROWS:
            message = f"{event.kind.value!r} is written by the store itself, with what it tells of"
            raise ConfigurationError([Problem("kind", message)])


def append(connection: Connection, decision_id: str, event: Event) -> Event:
    """Add an event with the next number. The caller holds the decision (`openings.hold`), so no other can take it."""
    (numbered,) = append_all(connection, decision_id, [event])
    return numbered


def append_all(connection: Connection, decision_id: str, events: Sequence[Event]) -> tuple[Event, ...]:
    """Add events in order with the next numbers, in one statement. The caller holds the decision."""
    notes = notes_of(connection)
    last: int | None = notes.get((_SEQUENCE, decision_id))
    if last is None:
        last = int(connection.execute(_LAST, {"decision": decision_id}).scalar_one())
    numbered = tuple(bound_event(event, sequence=number) for number, event in enumerate(events, last + 1))
    notes[_SEQUENCE, decision_id] = last + len(numbered)
    values = [{"decision_id": decision_id, "sequence": event.sequence, **told(event)} for event in numbered]
    connection.execute(_ADD, values[0] if len(values) == 1 else values)
    return numbered


def told(event: Event) -> dict[str, Any]:
    """Give a bounded event's row but for what it belongs to and its number."""
    return {
        "at": event.at,
        "kind": event.kind.value,
        "agent_id": event.agent_id,
        "text": event.text,
        "record": canonical(event.data),
    }


def read(connection: Connection, decision_id: str, *, after: int) -> tuple[Event, ...]:
    """Read the events numbered above `after`, in order. Cheap enough to be asked several times a second."""
    rows = connection.execute(_SINCE, {"decision": decision_id, "after": after})
    return tuple(_event(row) for row in rows.mappings())


def holds(connection: Connection, decision_id: str, kind: EventKind, *, after: int) -> bool:
    """Say whether an event of a kind is numbered above `after`."""
    found = connection.execute(_OF_KIND, {"decision": decision_id, "kind": kind.value, "after": after})
    return found.first() is not None


def _event(row: RowMapping) -> Event:
    try:
        kind = EventKind(row["kind"])
        data: dict[str, Any] = json.loads(row["record"])
    except ValueError as error:
        where = f"event {row['sequence']} of {row['decision_id']}"
        raise StoreError(f"{where} in the audit store is damaged: {error}") from error
    return Event(row["at"], kind, row["text"], agent_id=row["agent_id"], sequence=row["sequence"], data=data)

"""Checks of a whole store: is the file sound, the schema ours, and does every row have the rows it belongs with."""

from collections.abc import Iterator

from sqlalchemy import Connection, Table, exists, func, select, text

from maos_flows.audit.encoding import digest_of
from maos_flows.audit.rows import ANSWER, DECISION, EVENT, REJECTED, ROUND
from maos_flows.audit.schema import problems_of_schema
from maos_flows.audit.signatures import problems_of_signatures
from maos_flows.audit.suggestion_rows import SUGGESTION
from maos_flows.model import EventKind

_COUNTS = {
    "timelines with a gap": """
        SELECT count(*) FROM (
            SELECT decision_id FROM maos_event GROUP BY decision_id
            HAVING min(sequence) <> 1 OR max(sequence) <> count(*)
        ) AS gaps""",
    "decisions without a first round": """
        SELECT count(*) FROM maos_decision d
        WHERE NOT EXISTS (SELECT 1 FROM maos_round r WHERE r.decision_id = d.id AND r.number IN (0, 1))""",
    "rounds without an electorate": """
        SELECT count(*) FROM maos_round r
        WHERE NOT EXISTS (SELECT 1 FROM maos_elector e WHERE e.decision_id = r.decision_id AND e.round = r.number)""",
    "closed decisions without their event, or the reverse": """
        SELECT count(*) FROM maos_decision d
        WHERE (SELECT count(*) FROM maos_event e WHERE e.decision_id = d.id AND e.kind = 'decided')
            <> CASE WHEN d.outcome IS NULL THEN 0 ELSE 1 END""",
    "rows that belong to a decision that is gone": """
        SELECT count(*) FROM maos_event e
        WHERE NOT EXISTS (SELECT 1 FROM maos_decision d WHERE d.id = e.decision_id)""",
}

_TELLS_OF = (
    (ROUND, (EventKind.OPENED, EventKind.ROUND_OPENED)),
    (ANSWER, (EventKind.BALLOT, EventKind.ABSENCE)),
    (REJECTED, (EventKind.REJECTED,)),
    (SUGGESTION, (EventKind.SUGGESTION,)),
)
"""Which events tell of which table's rows."""


def problems_of(connection: Connection) -> tuple[str, ...]:
    """Say what is wrong with a store, each in a line; nothing if all is well. Reads the whole store."""
    damage = (*_damage(connection), *problems_of_schema(connection))
    if damage:
        return damage
    counts = ((what, connection.execute(text(query)).scalar_one()) for what, query in _COUNTS.items())
    return (*(f"{count} {what}" for what, count in counts if count), *_unmatched(connection), *_altered(connection))


def _damage(connection: Connection) -> tuple[str, ...]:
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT 1"))
        return ()
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    broken = () if found == ["ok"] else tuple(f"the file is damaged: {line}" for line in found)
    return (*broken, *(f"row {row[1]} of {row[0]} belongs to a row of {row[2]} that is gone" for row in orphans))


def _unmatched(connection: Connection) -> Iterator[str]:
    """Find rows without the event that tells of them, and such events without their row."""
    for table, kinds in _TELLS_OF:
        event_of_row = (
            *(EVENT.c.decision_id == table.c.decision_id, EVENT.c.sequence == table.c.sequence),
            EVENT.c.kind.in_([kind.value for kind in kinds]),
        )
        silent = select(func.count()).select_from(table).where(~exists().where(*event_of_row))
        row_of_event = (table.c.decision_id == EVENT.c.decision_id, table.c.sequence == EVENT.c.sequence)
        empty = select(func.count()).select_from(EVENT).where(event_of_row[-1], ~exists().where(*row_of_event))
        if count := connection.execute(silent).scalar_one():
            yield f"{count} rows of {table.name} without their event"
        if count := connection.execute(empty).scalar_one():
            yield f"{count} events without their row of {table.name}"


def _altered(connection: Connection) -> Iterator[str]:
    """Find openings and requests whose bytes are not those that were kept, and records that are not as signed."""
    yield from _differing(connection, ROUND, "record", "digest")
    yield from _differing(connection, DECISION, "request", "request_digest")
    yield from problems_of_signatures(connection)


def _differing(connection: Connection, table: Table, record: str, digest: str) -> Iterator[str]:
    keys = list(table.primary_key)
    query = select(*keys, table.c[record].label("kept"), table.c[digest].label("promised")).order_by(*keys)
    for row in connection.execute(query.execution_options(yield_per=500)):
        if digest_of(row.kept) != row.promised:
            yield f"the {record} of {table.name} {' '.join(map(str, row[: len(keys)]))} was altered"

"""Ballots that nobody reads in the store until their decision is closed: sealed as they come, opened at the closing."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, select, update

from maos_flows.audit.encoding import decode, digest_of, encode
from maos_flows.audit.rows import ANSWER, REJECTED
from maos_flows.audit.texts import without_gaps
from maos_flows.errors import StoreError
from maos_flows.keys import KeyFolder
from maos_flows.model import Ballot
from maos_flows.sealing import is_sealed

_KEYS = "maos_keys"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ballot is kept: a sealed one says the same within, so that none can be put in another's place."""

    decision_id: str
    round: int
    agent_id: str


def use_keys(engine: Engine, keys: Callable[[], KeyFolder]) -> None:
    """Say which keys the transactions of an engine seal, open and sign with."""
    engine.update_execution_options(**{_KEYS: keys})


def keys_of(connection: Connection) -> KeyFolder:
    """Give the keys that a transaction seals, opens and signs with."""
    keys: Callable[[], KeyFolder] = connection.get_execution_options()[_KEYS]
    return keys()


def seal(connection: Connection, record: bytes) -> bytes:
    """Seal a record with this installation's key, made if there is none."""
    return keys_of(connection).sealing_key.seal(record)


def blind(connection: Connection, digest: str) -> str:
    """Give a digest's stand-in while what it is of is sealed."""
    return keys_of(connection).sealing_key.blind(digest)


def read_ballot(connection: Connection, record: bytes, place: Place | None = None) -> Ballot:
    """Read a ballot from its record, sealed or not.

    Raises:
        StoreError: It is sealed and the key is not here, or it was altered or is not of this place.
    """
    ballot = decode(Ballot, unsealed(connection, record))
    if place is not None and is_sealed(record):
        within = Place(ballot.decision_id, ballot.round, ballot.agent_id)
        if within != place:
            raise StoreError(f"the sealed ballot of {place.agent_id!r} is not its own: it is another's")
    return ballot


def unsealed(connection: Connection, record: bytes) -> bytes:
    """Give a record as it was before it was sealed; one that is not sealed as it is.

    Raises:
        StoreError: The key it was sealed with is not here, or it was altered.
    """
    if not is_sealed(record):
        return record
    keys = keys_of(connection)
    if not keys.can_open:
        raise StoreError(f"a ballot is sealed, and no key that could open it is kept in {keys.folder}")
    try:
        return keys.sealing_key.open(record)
    except ValueError as error:
        raise StoreError(f"a sealed ballot cannot be opened: {error}") from error


def open_all(connection: Connection, decision_id: str) -> None:
    """Open every sealed ballot of a decision, those that were rejected among them: it is being closed.

    Raises:
        StoreError: A key is not here, or a ballot was altered: then nothing of it is opened, nor closed.
    """
    answers = connection.execute(select(ANSWER).where(ANSWER.c.decision_id == decision_id)).all()
    for row in answers:
        if is_sealed(row.record):
            ballot = read_ballot(connection, row.record, Place(decision_id, row.round, row.agent_id))
            here = (ANSWER.c.round == row.round, ANSWER.c.agent_id == row.agent_id)
            values = {"record": encode(ballot), "choice": without_gaps(ballot.choice)}
            connection.execute(update(ANSWER).where(ANSWER.c.decision_id == decision_id, *here).values(**values))
    rejected = connection.execute(select(REJECTED).where(REJECTED.c.decision_id == decision_id)).all()
    for row in rejected:
        if is_sealed(row.record):
            ballot = read_ballot(connection, row.record)
            values = {
                "record": encode(ballot),
                "explanation": unsealed(connection, row.explanation.encode()).decode(),
                "digest": content_digest(ballot),
            }
            here = (REJECTED.c.decision_id == decision_id, REJECTED.c.sequence == row.sequence)
            connection.execute(update(REJECTED).where(*here).values(**values))


def content_digest(ballot: Ballot) -> str:
    """Give the digest of what a ballot says, whenever it came."""
    return digest_of(encode(replace(ballot, received_at=None, seconds=0.0)))

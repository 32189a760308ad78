"""What proves a decision on record: how its ballots were agreed on and signed, and how its record is signed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from maos_flows.agreement.verification import Verified, verify_decision
from maos_flows.audit.signatures import SignatureCheck
from maos_flows.audit.store import AuditStore
from maos_flows.cli.loading import known_policies
from maos_flows.cli.lookup import configured_store
from maos_flows.errors import NotFoundError, StoreError
from maos_flows.model import Decision

_RECORD_PROVEN = "proven      the record is as it was signed"


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of verifying a decision; a part is None where nothing of the kind was signed."""

    decision_id: str
    ballots: Verified | None
    record: SignatureCheck | None
    damage: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.damage and all(part is None or part.is_sound for part in (self.ballots, self.record))

    def lines(self) -> Iterator[str]:
        """Say it in lines for people."""
        if self.record is not None:
            yield from self.record.lines()
        if self.damage:
            yield f"wrong       {self.damage}"
        *told, verdict = (
            ("proven      the record is as it was signed",) if self.ballots is None else self.ballots.lines()
        )
        yield from told
        yield verdict if self.is_sound else "NOT PROVEN"

    def as_plain(self) -> dict[str, Any]:
        """Give it for programs."""
        ballots = {} if self.ballots is None else asdict(self.ballots)
        record = None if self.record is None else asdict(self.record)
        return {"decision_id": self.decision_id, "sound": self.is_sound, **ballots, "record": record}


def prove(decision_id: str) -> Proof:
    """Verify all there is to verify of a decision.

    Raises:
        NotFoundError: There is no such closed decision, or nothing of it is signed.
    """
    store = configured_store()
    record = store.signatures.check(decision_id)
    decision, damage = _read(store, decision_id)
    if decision is None:
        return Proof(decision_id, None, record, damage)
    try:
        ballots = verify_decision(decision, known_policies().find(decision.opening.algorithm))
    except NotFoundError:
        if record is None:
            raise
        ballots = None
    return Proof(decision_id, ballots, record)


def _read(store: AuditStore, decision_id: str) -> tuple[Decision | None, str]:
    """Read a closed decision, or say why what was made of it cannot be read as one any more."""
    try:
        return store.decision(decision_id), ""
    except StoreError as error:
        return None, str(error)

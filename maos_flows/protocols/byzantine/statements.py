"""Statements: what agents sign, and the one place where signed tokens are read, verified and remembered.

Signing and verifying come from outside. A token is text that carries its payload's exact bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never

from maos_flows.protocols.byzantine.agreement import ABSTAIN, Agreement
from maos_flows.protocols.canonical import is_digest

Payload = Mapping[str, str | int]
LAST_VIEW = 2**31
_BALLOT_FIELDS = {"decision", "agent", "choice", "detail"}
_VOTE_FIELDS = {"decision", "view", "value"}
_CHANGE_FIELDS = {"decision", "view", "prepared_view", "prepared_value"}


class Kind(StrEnum):
    """What a signed statement is; a signature holds for its kind only."""

    BALLOT = "ballot"
    PROPOSE = "propose"
    PREPARE = "prepare"
    COMMIT = "commit"
    VIEW_CHANGE = "view-change"


Verify = Callable[[str, Kind, str], Mapping[str, object] | None]
"""Verify a token under an agent's key as being of a kind: its payload, or None. Must not raise for any text.

The payload must be read with `canonical.read_payload` or as strictly."""


class Signing(Protocol):
    """One agent's key, and everybody's public keys."""

    def sign(self, kind: Kind, payload: Payload) -> str:
        """Sign a payload in its canonical bytes as being of `kind`: a token."""
        ...

    def verify(self, agent: str, kind: Kind, token: str) -> Mapping[str, object] | None:
        """Do as `Verify` says."""
        ...


@dataclass(frozen=True, slots=True)
class Signed:
    """A token and the agent that is said to have signed it."""

    agent: str
    token: str


@dataclass(frozen=True, slots=True)
class BallotStatement:
    """`agent` answers `choice`; `detail` digests its reasoning and all else that stays outside."""

    agent: str
    choice: str
    detail: str


@dataclass(frozen=True, slots=True)
class VoteStatement:
    """`agent` proposes, prepares or commits the value with digest `value` in `view`."""

    agent: str
    kind: Kind
    view: int
    value: str


@dataclass(frozen=True, slots=True)
class ChangeStatement:
    """`agent` moves to `view`; it last prepared `prepared_value` in `prepared_view` (0 and "" for nothing)."""

    agent: str
    view: int
    prepared_view: int
    prepared_value: str


Statement = BallotStatement | VoteStatement | ChangeStatement


def ballot_payload(agreement: Agreement, agent: str, choice: str, detail: str) -> Payload:
    """Say what a ballot signs."""
    return {"decision": agreement.digest, "agent": agent, "choice": choice, "detail": detail}


def vote_payload(agreement: Agreement, view: int, value: str) -> Payload:
    """Say what PROPOSE, PREPARE and COMMIT sign."""
    return {"decision": agreement.digest, "view": view, "value": value}


def change_payload(agreement: Agreement, view: int, prepared_view: int, prepared_value: str) -> Payload:
    """Say what VIEW-CHANGE signs."""
    return {
        "decision": agreement.digest,
        "view": view,
        "prepared_view": prepared_view,
        "prepared_value": prepared_value,
    }


class Reader:
    """Reads tokens into statements. Each token is verified once while it is remembered, which is bounded.

    Attributes:
        agreement: The decision that the statements must be about.
        verifications: How many signatures were checked.
    """

    def __init__(self, agreement: Agreement, verify: Verify) -> None:
        self.agreement = agreement
        self.verifications = 0
        self._verify = verify
        self._read: dict[tuple[Kind, str, str], Statement | None] = {}
        self._most = 1_024 + 64 * agreement.size

    def ballot(self, signed: Signed) -> BallotStatement | None:
        """Read a ballot; None if it is not one by this agent, for this decision, for a choice allowed."""
        statement = self.read(Kind.BALLOT, signed)
        return statement if isinstance(statement, BallotStatement) else None

    def vote(self, kind: Kind, signed: Signed) -> VoteStatement | None:
        """Read a PROPOSE, PREPARE or COMMIT; None if it is not one by this agent for this decision."""
        statement = self.read(kind, signed)
        return statement if isinstance(statement, VoteStatement) else None

    def change(self, signed: Signed) -> ChangeStatement | None:
        """Read a VIEW-CHANGE; None if it is not one by this agent for this decision."""
        statement = self.read(Kind.VIEW_CHANGE, signed)
        return statement if isinstance(statement, ChangeStatement) else None

    def read(self, kind: Kind, signed: Signed) -> Statement | None:
        """Read a token of a kind; None if the signature, the fields or the decision are not right."""
        key = (kind, signed.agent, signed.token)
        if key in self._read:
            return self._read[key]
        if signed.agent not in self.agreement.places or len(signed.token) > self.agreement.token_limit:
            return None
        self.verifications += 1
        payload = self._verify(signed.agent, kind, signed.token)
        statement = None if payload is None else self._parse(kind, signed.agent, payload)
        if len(self._read) >= self._most:
            del self._read[next(iter(self._read))]
        self._read[key] = statement
        return statement

    def remember(self, kind: Kind, signed: Signed, statement: Statement) -> None:
        """Take a token as verified: one's own, just signed."""
        self._read[kind, signed.agent, signed.token] = statement

    def _parse(self, kind: Kind, agent: str, payload: Mapping[str, object]) -> Statement | None:
        if payload.get("decision") != self.agreement.digest:
            return None
        match kind:
            case Kind.BALLOT:
                return self._parse_ballot(agent, payload)
            case Kind.VIEW_CHANGE:
                return _parse_change(agent, payload)
            case Kind.PROPOSE | Kind.PREPARE | Kind.COMMIT:
                return _parse_vote(agent, kind, payload)
            case _:
                assert_never(kind)

    def _parse_ballot(self, agent: str, payload: Mapping[str, object]) -> BallotStatement | None:
        if payload.keys() != _BALLOT_FIELDS or payload["agent"] != agent:
            return None
        choice, detail = payload["choice"], payload["detail"]
        if not isinstance(choice, str) or not isinstance(detail, str) or not is_digest(detail):
            return None
        is_allowed = choice == ABSTAIN or choice in self.agreement.choices
        return BallotStatement(agent, choice, detail) if is_allowed else None


def _parse_vote(agent: str, kind: Kind, payload: Mapping[str, object]) -> VoteStatement | None:
    if payload.keys() != _VOTE_FIELDS:
        return None
    view, value = payload["view"], payload["value"]
    if type(view) is not int or not isinstance(value, str):
        return None
    return VoteStatement(agent, kind, view, value) if 0 < view <= LAST_VIEW and is_digest(value) else None


def _parse_change(agent: str, payload: Mapping[str, object]) -> ChangeStatement | None:
    if payload.keys() != _CHANGE_FIELDS:
        return None
    view, prepared, value = payload["view"], payload["prepared_view"], payload["prepared_value"]
    if type(view) is not int or type(prepared) is not int or not isinstance(value, str):
        return None
    is_in_range = 0 < view <= LAST_VIEW and 0 <= prepared <= LAST_VIEW and (not value or is_digest(value))
    return ChangeStatement(agent, view, prepared, value) if is_in_range else None

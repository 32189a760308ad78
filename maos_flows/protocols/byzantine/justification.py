"""Justification: why a value may be proposed in a later view. Every nested signature is checked, always."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from maos_flows.protocols.byzantine.evidence import misdeed_of_one
from maos_flows.protocols.byzantine.messages import Propose, ViewChange
from maos_flows.protocols.byzantine.statements import ChangeStatement, Kind, Reader, Signed
from maos_flows.protocols.byzantine.value import value_problem

Claim = tuple[int, str]
"""A view and the digest of the value said to be prepared in it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A VIEW-CHANGE that is well formed: its statement, and the message with what backs its claim."""

    statement: ChangeStatement
    message: ViewChange

    @property
    def signed(self) -> Signed:
        """The signed part."""
        return Signed(self.message.agent, self.message.token)


def claim_of(statement: ChangeStatement) -> Claim | None:
    """Give what a VIEW-CHANGE claims to be prepared; None for nothing."""
    return (statement.prepared_view, statement.prepared_value) if statement.prepared_view > 0 else None


def change_problem(reader: Reader, statement: ChangeStatement, message: ViewChange) -> str | None:
    """Say why a VIEW-CHANGE whose signed `statement` contradicts nothing is not well formed; None if it is."""
    claim = claim_of(statement)
    if claim is None:
        return None if message.value is None and not message.prepares else "malformed"
    if message.value is None or message.value.digest != statement.prepared_value:
        return "malformed"
    if not is_backed(reader, claim, message.prepares):
        return "unbacked_claim"
    return "invalid_value" if value_problem(reader, message.value) else None


def is_backed(reader: Reader, claim: Claim, prepares: Iterable[Signed]) -> bool:
    """Say whether PREPAREs of a quorum of different agents stand behind a claim."""
    return len(_backers(reader, prepares).get(claim, ())) >= reader.agreement.quorum


def justification_problem(reader: Reader, proposal: Propose) -> str | None:
    """Say why a proposal may not be accepted in its view; None if it may, as any value may in the first.

    The value must be the one prepared in the highest view that a quorum of VIEW-CHANGEs claims. Lower claims may
    name other values; to demand that all agree would stop the protocol for ever (Moniz, arXiv 2002.03613).
    """
    if proposal.view == 1:
        return None
    changes = _read_changes(reader, proposal)
    if changes is None:
        return "a VIEW-CHANGE does not verify or is not for this view"
    if len({change.agent for change in changes}) < reader.agreement.quorum:
        return "no quorum of VIEW-CHANGEs"
    claims = {claim for claim in map(claim_of, changes) if claim is not None}
    backers = _backers(reader, proposal.prepares) if claims else {}
    if any(len(backers.get(claim, ())) < reader.agreement.quorum for claim in claims):
        return "a claim without its PREPAREs"
    highest = highest_claims(claims)
    if highest and highest != {proposal.value.digest}:
        return "not the highest prepared value"
    return None


def highest_claims(claims: Iterable[Claim]) -> frozenset[str]:
    """Give the digests claimed for the highest view: none, one, or several if more than f lie."""
    listed = list(claims)
    highest = max((view for view, _ in listed), default=0)
    return frozenset(digest for view, digest in listed if view == highest)


def is_fresh(reader: Reader, proposal: Propose) -> bool:
    """Say whether a justified proposal repeats no prepared value."""
    read = (reader.change(signed) for signed in proposal.changes)
    return all(claim_of(statement) is None for statement in read if statement is not None)


def _read_changes(reader: Reader, proposal: Propose) -> Sequence[ChangeStatement] | None:
    read = []
    for signed in proposal.changes:
        statement = reader.change(signed)
        if statement is None or statement.view != proposal.view:
            return None
        if misdeed_of_one(reader.agreement, statement) is not None:
            return None
        read.append(statement)
    return read


def _backers(reader: Reader, prepares: Iterable[Signed]) -> Mapping[Claim, set[str]]:
    backers: dict[Claim, set[str]] = {}
    for signed in prepares:
        statement = reader.vote(Kind.PREPARE, signed)
        if statement is not None:
            backers.setdefault((statement.view, statement.value), set()).add(statement.agent)
    return backers

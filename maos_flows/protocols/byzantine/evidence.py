"""Evidence: signed statements that no honest replica ever makes. Transferable, and never against an honest agent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from maos_flows.protocols.byzantine.agreement import Agreement
from maos_flows.protocols.byzantine.statements import (
    BallotStatement,
    ChangeStatement,
    Kind,
    Reader,
    Signed,
    Statement,
    Verify,
    VoteStatement,
)


class Misdeed(StrEnum):
    """What evidence shows."""

    TWO_BALLOTS = "E1"
    """Two different ballots."""
    TWO_PROPOSALS = "E2"
    """Two values proposed in one view."""
    TWO_PREPARES = "E3"
    """Two values prepared in one view."""
    TWO_COMMITS = "E4"
    """Two values committed in one view."""
    FORGOTTEN_COMMIT = "E5"
    """A value committed, and a later VIEW-CHANGE that claims an older one, or another one, to be the last prepared."""
    CONTRADICTION = "E6"
    """One statement that contradicts itself: prepared in the future, or a proposal by somebody not the primary."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One agent's signed statements that show a misdeed.

    Attributes:
        misdeed: Which.
        agent: Who signed.
        statements: Kind and token of each: two, or one for a contradiction.
    """

    misdeed: Misdeed
    agent: str
    statements: tuple[tuple[Kind, str], ...]


TWICE = {
    Kind.BALLOT: Misdeed.TWO_BALLOTS,
    Kind.PROPOSE: Misdeed.TWO_PROPOSALS,
    Kind.PREPARE: Misdeed.TWO_PREPARES,
    Kind.COMMIT: Misdeed.TWO_COMMITS,
}


def verify_evidence(agreement: Agreement, evidence: Evidence, verify: Verify) -> bool:
    """Verify evidence offline."""
    return is_evidence(Reader(agreement, verify), evidence)


def is_evidence(reader: Reader, evidence: Evidence) -> bool:
    """Say whether evidence shows its misdeed and is signed by whom it accuses."""
    read = [reader.read(kind, Signed(evidence.agent, token)) for kind, token in evidence.statements[:3]]
    match read:
        case [ChangeStatement() | VoteStatement() | BallotStatement() as one]:
            return misdeed_of_one(reader.agreement, one) is evidence.misdeed
        case [
            ChangeStatement() | VoteStatement() | BallotStatement() as one,
            ChangeStatement() | VoteStatement() | BallotStatement() as other,
        ]:
            return misdeed_of_two(one, other) is evidence.misdeed
        case _:
            return False


def misdeed_of_one(agreement: Agreement, statement: Statement) -> Misdeed | None:
    """Say what a single signed statement shows, if anything."""
    match statement:
        case ChangeStatement():
            claims_nothing = statement.prepared_view == 0 and not statement.prepared_value
            claims_something = 0 < statement.prepared_view < statement.view and statement.prepared_value
            return None if claims_nothing or claims_something else Misdeed.CONTRADICTION
        case VoteStatement(agent, Kind.PROPOSE, view):
            return None if agreement.primary(view) == agent else Misdeed.CONTRADICTION
        case VoteStatement() | BallotStatement():
            return None
        case _:
            assert_never(statement)


def misdeed_of_two(one: Statement, other: Statement) -> Misdeed | None:
    """Say what two statements signed by the same agent show together, if anything, in this order."""
    match one, other:
        case BallotStatement(), BallotStatement():
            return Misdeed.TWO_BALLOTS if one.agent == other.agent and one != other else None
        case VoteStatement(), VoteStatement():
            is_same_place = (one.agent, one.kind, one.view) == (other.agent, other.kind, other.view)
            return TWICE[one.kind] if is_same_place and one.value != other.value else None
        case VoteStatement(kind=Kind.COMMIT), ChangeStatement():
            return Misdeed.FORGOTTEN_COMMIT if _forgets(one, other) else None
        case _:
            return None


def _forgets(commit: VoteStatement, change: ChangeStatement) -> bool:
    """Say whether a VIEW-CHANGE denies an earlier COMMIT.

    Who commits prepared the same value in the same view and never goes back, so also another value for that very
    view is a denial.
    """
    if commit.agent != change.agent or change.view <= commit.view:
        return False
    if change.prepared_view == commit.view:
        return change.prepared_value != commit.value
    return change.prepared_view < commit.view


@dataclass(frozen=True, slots=True)
class Utterance:
    """A token, who is said to have signed it, and as what: what auditors collect from replicas' archives."""

    kind: Kind
    signed: Signed


def name_culprits(agreement: Agreement, utterances: Iterable[Utterance], verify: Verify) -> Mapping[str, Evidence]:
    """Name every agent whose utterances convict it, with evidence.

    Given two certificates of one decision and the archives of the honest replicas, at least f + 1 are named as long
    as fewer than a quorum misbehaved: in one view the two quorums of COMMITs share them (E4); otherwise the first
    accepted proposal of another value rests on VIEW-CHANGEs of a quorum that shares them (E5, or E3 in its PREPAREs).
    Compare Sheng et al., BFT Protocol Forensics (CCS 2021).
    """
    reader = Reader(agreement, verify)
    said: dict[str, dict[Statement, tuple[Kind, str]]] = {}
    for utterance in utterances:
        statement = reader.read(utterance.kind, utterance.signed)
        if statement is not None:
            tokens = said.setdefault(utterance.signed.agent, {})
            tokens.setdefault(statement, (utterance.kind, utterance.signed.token))
    found = ((agent, _convict(agreement, agent, tokens)) for agent, tokens in sorted(said.items()))
    return {agent: evidence for agent, evidence in found if evidence is not None}


def _convict(agreement: Agreement, agent: str, said: Mapping[Statement, tuple[Kind, str]]) -> Evidence | None:
    for one, token in said.items():
        alone = misdeed_of_one(agreement, one)
        if alone is not None:
            return Evidence(alone, agent, (token,))
        for other, other_token in said.items():
            together = misdeed_of_two(one, other)
            if together is not None:
                return Evidence(together, agent, (token, other_token))
    return None

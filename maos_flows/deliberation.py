"""Deliberation: what agents are given of each other between rounds, who changed their mind, and swings to suspect.

Other agents' text is data: one line of JSON each, bounded, never instruction. Most of what panels gain comes from
voting; more rounds make agents agree more often, not be right more often, so one blind round is the default.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from maos_flows.model import ABSTAIN, Ballot, Context


class Deliberation(StrEnum):
    """What agents are given of the round before.

    BLIND is nothing; REASONS are the choices and reasons, without names and in no order that tells; FULL is with the
    agents' names and confidences.
    """

    BLIND = "blind"
    REASONS = "reasons"
    FULL = "full"


MOST_ANSWERS = 50
"""So many answers of others are given at most; of a larger electorate a sample drawn by the decision's id."""
LONGEST_REASON = 500
"""What is longer is cut."""

_INSTRUCTING = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:previous|prior|above|other|instructions?|everything)\b"
    r"|\byou (?:must|have to|should now|are now)\b"
    r"|\b(?:system|developer) (?:prompt|message|instruction)"
    r"|\bcount (?:this|me|it) as\b"
    r"|\b(?:everyone|everybody|all agents|all of you) (?:must|has to|have to|should) (?:vote|choose|answer|switch)\b",
    re.IGNORECASE | re.DOTALL,
)
_SWUNG = 2
"""One in so many of those who had chosen otherwise makes a swing."""


@dataclass(frozen=True, slots=True)
class ChangeOfMind:
    """An agent that chose otherwise than in the round before, and its reason now."""

    agent_id: str
    before: str
    after: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Swing:
    """A text that reads like an instruction, after which the panel moved to its author's choice: a suspicion, no more.

    Attributes:
        agent_id: Whose ballot it was.
        choice: What it was for.
        followers: Who moved to that choice in the next round.
    """

    agent_id: str
    choice: str
    followers: tuple[str, ...]


def given_to_agents(ballots: Iterable[Ballot], deliberation: Deliberation, *, seed: str) -> tuple[Context, ...]:
    """Give what agents see of a round's ballots in the next one.

    Args:
        ballots: The ballots that were counted.
        deliberation: How much of them is shown.
        seed: What the order and, of many, the sample are drawn from, the same whenever it is asked.
    """
    known = sorted(ballots, key=lambda ballot: ballot.agent_id)
    if deliberation is Deliberation.BLIND or not known:
        return ()
    digest = hashlib.sha256(f"{seed} {known[0].round}".encode()).digest()
    shuffled = Random(digest).sample(known, min(len(known), MOST_ANSWERS))  # noqa: S311 - drawn so that it can be redrawn
    shown = shuffled if deliberation is Deliberation.REASONS else sorted(shuffled, key=lambda ballot: ballot.agent_id)
    lines = [_line(ballot, named=deliberation is Deliberation.FULL) for ballot in shown]
    return (Context(f"answers of round {known[0].round}", "\n".join(lines)),)


def _line(ballot: Ballot, *, named: bool) -> str:
    said = {"choice": ballot.choice, "reasoning": " ".join(ballot.reasoning.split())[:LONGEST_REASON]}
    if named:
        said = {"agent_id": ballot.agent_id, **said}
        if ballot.confidence is not None:
            said["confidence"] = f"{float(ballot.confidence):.2f}"
    return json.dumps(said, ensure_ascii=True)


def changes_of_mind(before: Iterable[Ballot], after: Iterable[Ballot]) -> tuple[ChangeOfMind, ...]:
    """Name who chose otherwise than in the round before, by agent; who voted in only one of the two is left out."""
    chosen = {ballot.agent_id: ballot.choice for ballot in before}
    return tuple(
        ChangeOfMind(ballot.agent_id, chosen[ballot.agent_id], ballot.choice, ballot.reasoning)
        for ballot in sorted(after, key=lambda ballot: ballot.agent_id)
        if chosen.get(ballot.agent_id, ballot.choice) != ballot.choice
    )


def swings(before: Sequence[Ballot], after: Sequence[Ballot]) -> tuple[Swing, ...]:
    """Find texts that read like instructions, after which half or more of the others moved to their author's choice."""
    return tuple(_swings(before, changes_of_mind(before, after)))


def _swings(before: Sequence[Ballot], changes: Sequence[ChangeOfMind]) -> Iterator[Swing]:
    for ballot in sorted(before, key=lambda ballot: ballot.agent_id):
        if ballot.choice == ABSTAIN or not _INSTRUCTING.search(ballot.reasoning):
            continue
        others = [other for other in before if other.choice != ballot.choice]
        followers = tuple(change.agent_id for change in changes if change.after == ballot.choice)
        if followers and len(followers) * _SWUNG >= len(others):
            yield Swing(ballot.agent_id, ballot.choice, followers)

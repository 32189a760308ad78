"""What is agreed upon and by whom: the frozen configuration of one Byzantine decision, its quorums and digest."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from math import lcm

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.protocols.canonical import canonical_bytes, sha256_hex
from maos_flows.quorum import HALF, Threshold, byzantine_quorum, tolerated_faults

ABSTAIN = "abstain"
"""The choice that is always allowed and never wins."""

FEWEST_REPLICAS = 4
TEXT_LIMIT = 1_024
MESSAGE_FLOOR = 65_536
MORE_THAN_HALF = Threshold(HALF, strict=True)
_TOKEN_FRAME = 2_048
_WORST_ESCAPE = 8


class TieRule(StrEnum):
    """What becomes of several choices that meet the threshold and are equally strong."""

    NONE = "none"
    """Nothing is chosen."""
    FIRST_LISTED = "first_listed"
    """The one listed first is chosen."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One agent's place in a decision.

    Attributes:
        agent: Its id.
        public_key: The key its statements are verified with, in whatever text the verifying function reads.
        weight: What its ballot counts in the tally, exact. Quorums count heads.
    """

    agent: str
    public_key: str
    weight: Fraction = Fraction(1)


@dataclass(frozen=True)
class Agreement:
    """Everything that binds one decision. Its digest is in every signed payload, so nothing of it can be changed.

    Attributes:
        decision_id: The decision.
        question: What is asked.
        choices: The answers allowed beside `abstain`, in order.
        seats: The agents, in any order; kept sorted by id.
        threshold: The share of the weight of all seats that a choice needs: silence is not consent.
        tie: What becomes of a tie.
        binding: A digest of whatever else binds the decision; what is signed then holds for that alone.

    Raises:
        ConfigurationError: Fewer than 4 seats, ids or keys not unique, no choices, weights that count nothing.
    """

    decision_id: str
    question: str
    choices: tuple[str, ...]
    seats: tuple[Seat, ...]
    threshold: Threshold = MORE_THAN_HALF
    tie: TieRule = TieRule.NONE
    binding: str = ""

    def __post_init__(self) -> None:
        problems = (*_seat_problems(self.seats), *_choice_problems(self.choices))
        if problems:
            raise ConfigurationError(problems)
        object.__setattr__(self, "seats", tuple(sorted(self.seats, key=lambda seat: seat.agent)))

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """All agents by id."""
        return tuple(seat.agent for seat in self.seats)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Each agent's place in the order of ids."""
        return {agent: place for place, agent in enumerate(self.agents)}

    @cached_property
    def size(self) -> int:
        """How many replicas there are: n."""
        return len(self.seats)

    @cached_property
    def faults(self) -> int:
        """How many of them may be Byzantine: f."""
        return tolerated_faults(self.size)

    @cached_property
    def quorum(self) -> int:
        """How many statements prepare or commit a value: q. Any two such sets share an honest replica."""
        return byzantine_quorum(self.size, self.faults)

    @cached_property
    def weak_quorum(self) -> int:
        """How many statements come from at least one honest replica: f + 1."""
        return self.faults + 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all of it."""
        return sha256_hex(
            canonical_bytes(
                {
                    "protocol": "maos-bft/1",
                    "decision": self.decision_id,
                    "question": self.question,
                    "choices": list(self.choices),
                    "seats": [[seat.agent, seat.public_key, str(seat.weight)] for seat in self.seats],
                    "threshold": str(self.threshold),
                    "tie": self.tie.value,
                    "faults": self.faults,
                    **({"binding": self.binding} if self.binding else {}),
                }
            )
        )

    @cached_property
    def units(self) -> Mapping[str, int]:
        """Each agent's weight in whole units of `unit`."""
        return {seat.agent: int(seat.weight / self.unit) for seat in self.seats}

    @cached_property
    def unit(self) -> Fraction:
        """The largest weight that divides every seat's weight."""
        return Fraction(1, lcm(*(seat.weight.denominator for seat in self.seats)))

    @cached_property
    def token_limit(self) -> int:
        """The most characters a signed statement may have; every honest one has fewer."""
        longest = max(len(text.encode()) for text in (*self.agents, *self.choices))
        return _TOKEN_FRAME + _WORST_ESCAPE * longest

    @cached_property
    def message_limit(self) -> int:
        """The most bytes a message may have: the largest honest proposal justifies every prepared value."""
        return max(MESSAGE_FLOOR, self.token_limit * self.size * (self.size + 3))

    def primary(self, view: int) -> str:
        """Name the agent that may propose in `view`. The first one depends on the digest, so none is always first."""
        return self.agents[(view - 1 + self._offset) % self.size]

    @cached_property
    def _offset(self) -> int:
        return int(self.digest, 16) % self.size


def _seat_problems(seats: tuple[Seat, ...]) -> Iterator[Problem]:
    if len(seats) < FEWEST_REPLICAS:
        yield Problem(
            "seats", f"{len(seats)} replicas cannot bear one that lies; at least {FEWEST_REPLICAS} are needed"
        )
    yield from _repeated("seats", "agent", [_plain(seat.agent) for seat in seats])
    yield from _repeated("seats", "public key", [seat.public_key for seat in seats])
    for seat in seats:
        if not 0 < len(seat.agent) <= TEXT_LIMIT:
            yield Problem("seats", f"agent {seat.agent[:40]!r} needs an id of 1 to {TEXT_LIMIT} characters")
        if seat.weight < 0:
            yield Problem("seats", f"agent {seat.agent[:40]!r} has weight {seat.weight}; at least 0 is allowed")
    if seats and not any(seat.weight > 0 for seat in seats):
        yield Problem("seats", "no agent has weight; at least one must")


def _choice_problems(choices: tuple[str, ...]) -> Iterator[Problem]:
    if not choices:
        yield Problem("choices", "there are none; at least one is needed")
    yield from _repeated("choices", "choice", list(choices))
    for choice in choices:
        if not 0 < len(choice) <= TEXT_LIMIT:
            yield Problem("choices", f"{choice[:40]!r} must have 1 to {TEXT_LIMIT} characters")
    if ABSTAIN in choices:
        yield Problem("choices", f"{ABSTAIN!r} is always allowed and never wins; leave it out")


def _repeated(path: str, what: str, names: list[str]) -> Iterator[Problem]:
    for name, number in sorted(Counter(names).items()):
        if number > 1:
            yield Problem(path, f"{what} {name[:40]!r} is there {number} times; each must be unique")


def _plain(agent: str) -> str:
    """Set aside case, spaces and Unicode forms: what people would read as one name is one."""
    return " ".join(unicodedata.normalize("NFKC", agent).casefold().split())

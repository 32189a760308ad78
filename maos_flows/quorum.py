"""Quorum: how much is enough. Exact shares of a whole, and the counts that protocols need."""

import re
from dataclasses import dataclass
from fractions import Fraction

from maos_flows.errors import ConfigurationError, Problem

HALF = Fraction(1, 2)
_NUMBER = re.compile(r"(\d{1,18})(?:\.(\d{1,18}))?|(\d{1,18})/(\d{1,18})", re.ASCII)


def parse_fraction(text: str, *, path: str = "") -> Fraction:
    """Read a number exactly: `0.67` is 67/100, `2/3` is two thirds.

    Args:
        text: Digits, with a decimal point or as a fraction; no sign, exponent, percent sign or separators.
        path: Where the text stood, for the error.

    Raises:
        ConfigurationError: Anything else, `nan`, `inf`, `1e309`, `60%` and `-1` among it.
    """
    stripped = text.strip()
    match = _NUMBER.fullmatch(stripped)
    if match is None:
        raise ConfigurationError([Problem(path, f"{text[:40]!r} is not a number; write it like 0.67 or 2/3")])
    if match[3] is not None:
        if int(match[4]) == 0:
            raise ConfigurationError([Problem(path, f"{text[:40]!r} divides by zero")])
        return Fraction(int(match[3]), int(match[4]))
    return Fraction(stripped)


@dataclass(frozen=True, slots=True)
class Threshold:
    """The share of a whole that a choice needs.

    Attributes:
        share: In (0, 1].
        strict: True if the share must be exceeded, False if reaching it is enough.
    """

    share: Fraction
    strict: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            message = f"{self.share} is not a threshold; it must be above 0 and at most 1"
            raise ConfigurationError([Problem("threshold", message)])
        if self.strict and self.share == 1:
            raise ConfigurationError([Problem("threshold", "more than the whole can never be reached")])

    @property
    def is_majority(self) -> bool:
        """Whether only one choice can meet it: it asks for more than half."""
        twice = 2 * self.share.numerator
        return twice > self.share.denominator or (self.strict and twice == self.share.denominator)

    def is_met_by(self, part: int, whole: int) -> bool:
        """Say whether `part` of `whole` (both in the same integer units) is enough. Exact; a whole of 0 never is."""
        if whole <= 0:
            return False
        have = part * self.share.denominator
        need = whole * self.share.numerator
        return have > need if self.strict else have >= need

    def is_equalled_by(self, part: int, whole: int) -> bool:
        """Say whether `part` of `whole` is at least the share, even where more than the share is needed."""
        return whole > 0 and part * self.share.denominator >= whole * self.share.numerator

    def needed(self, whole: int) -> int:
        """Give the smallest integer part of `whole` that is enough: 3 of 4 for 0.66, never rounded down."""
        need = whole * self.share.numerator
        if self.strict:
            return need // self.share.denominator + 1
        return -(-need // self.share.denominator)

    def __str__(self) -> str:
        return f"more than {self.share}" if self.strict else f"at least {self.share}"


MAJORITY = Threshold(HALF, strict=True)
"""More than half."""


def majority_threshold(share: Fraction) -> Threshold:
    """Join the majority rule with a threshold: strictly more than half, and at least `share`."""
    return MAJORITY if 0 < share <= HALF else Threshold(share)


def majority(n: int) -> int:
    """Count the fewest of `n` that are more than half: any two such sets share a replica."""
    return n // 2 + 1


def tolerated_crashes(n: int) -> int:
    """Count the crashes a majority of `n` replicas survives: the largest f with f < n/2."""
    return (n - 1) // 2


def tolerated_faults(n: int) -> int:
    """Count the Byzantine replicas that `n` can bear: the largest f with n >= 3f + 1."""
    return (n - 1) // 3


def byzantine_quorum(n: int, f: int) -> int:
    """Count the fewest of `n` such that any two such sets share an honest replica when `f` are Byzantine.

    Not the constant 2f + 1, which is right only for n = 3f + 1 (Castro and Liskov 1999 assume that n).
    """
    return (n + f) // 2 + 1

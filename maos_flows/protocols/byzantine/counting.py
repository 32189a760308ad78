"""Count a valid value against all seats, exactly, and bound what f liars can do to the count."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from maos_flows.protocols.byzantine.agreement import ABSTAIN, Agreement, TieRule
from maos_flows.protocols.byzantine.statements import BallotStatement


@dataclass(frozen=True, slots=True)
class CertifiedTally:
    """What a certificate's ballots come to.

    Attributes:
        choice: What was chosen; None if nothing was.
        reason: `threshold_met`, `below_threshold`, `tie`, `all_abstained` or `no_ballots`.
        units: Weight of each choice in the agreement's units, in its order.
        abstained: Weight of abstentions, in units.
        whole: Weight of all seats, in units: what shares are shares of.
        needed: Weight a choice needs, in units.
        excluded: Agents whose two ballots void each other.
        absent: Agents without an entry.
    """

    choice: str | None
    reason: str
    units: Mapping[str, int] = field(hash=False)
    abstained: int
    whole: int
    needed: int
    excluded: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def count(agreement: Agreement, ballots: Iterable[BallotStatement]) -> tuple[Counter[str], str | None, str]:
    """Count ballots, at most one an agent: units per choice, what is chosen, and why. It always has an answer."""
    cast: Counter[str] = Counter()
    for ballot in ballots:
        cast[ballot.choice] += agreement.units[ballot.agent]
    choice, reason = _judge(agreement, cast)
    return cast, choice, reason


def _judge(agreement: Agreement, cast: Counter[str]) -> tuple[str | None, str]:
    if not cast:
        return None, "no_ballots"
    if set(cast) == {ABSTAIN}:
        return None, "all_abstained"
    best = max(cast[choice] for choice in agreement.choices)
    if not best or not agreement.threshold.is_met_by(best, sum(agreement.units.values())):
        return None, "below_threshold"
    strongest = [choice for choice in agreement.choices if cast[choice] == best]
    if len(strongest) > 1 and agreement.tie is TieRule.NONE:
        return None, "tie"
    return strongest[0], "threshold_met"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What at most f Byzantine agents, the heaviest ones, can do to an outcome. Weights are in units.

    Attributes:
        needed: Weight a choice needs.
        faulty: The most weight that f agents hold.
        honest_needed: A choice passes only if honest agents of this weight are for it.
        is_vetoable: Whether f agents can always keep every choice from passing.
        is_majority_safe: Whether whatever passes has more than half of the honest weight behind it.
        largest_share: The largest share of the whole that one agent holds.
    """

    needed: int
    faulty: int
    honest_needed: int
    is_vetoable: bool
    is_majority_safe: bool
    largest_share: Fraction


def bounds(agreement: Agreement) -> Bounds:
    """Bound the outcome: worth a warning when the decision opens."""
    weights = sorted(agreement.units.values(), reverse=True)
    whole = sum(weights)
    needed = agreement.threshold.needed(whole)
    faulty = sum(weights[: agreement.faults])
    return Bounds(
        needed=needed,
        faulty=faulty,
        honest_needed=max(0, needed - faulty),
        is_vetoable=needed > whole - faulty,
        is_majority_safe=2 * (needed - faulty) > whole - faulty,
        largest_share=Fraction(weights[0], whole),
    )

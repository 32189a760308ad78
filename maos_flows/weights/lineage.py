"""Lineage: agents of one origin err together, so their votes are fewer than they look.

Language models of one family or vendor make the same mistakes; with a correlation r between members, n votes are worth
n / (1 + (n - 1) r) independent ones (Kish 1965, the design effect).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction


def effective_votes(lineages: Sequence[str], *, weights: Sequence[Fraction] = ()) -> Fraction:
    """Give how many independent votes there effectively were, if agents of one lineage err alike.

    Args:
        lineages: The lineage of each agent that voted; an empty one is the agent's own.
        weights: Their weights, in the same order; equal if not given.

    Returns:
        The square of the whole over the sum of the lineages' squares: 3 for three lineages of equal weight, and less
        where one has more than the others. 0 without votes.
    """
    shares: dict[str, Fraction] = {}
    for place, lineage in enumerate(lineages):
        name = lineage or f"\N{NULL}{place}"
        shares[name] = shares.get(name, Fraction(0)) + (weights[place] if weights else Fraction(1))
    squares = sum(share * share for share in shares.values())
    return sum(shares.values(), Fraction(0)) ** 2 / squares if squares else Fraction(0)


def shared_weights(lineages: Mapping[str, str], weights: Mapping[str, Fraction]) -> dict[str, tuple[Fraction, str]]:
    """Divide each weight by how many of its lineage there are, so that one lineage has one vote.

    Args:
        lineages: By agent; an empty lineage is the agent's own. Advisers (weight 0) share with nobody.
        weights: By agent, before.

    Returns:
        By agent, the weight and, where it was divided, why.
    """
    size = Counter(lineages[agent] for agent, weight in weights.items() if weight and lineages[agent])
    return {
        agent: (weight / size[lineages[agent]], f"1 of {size[lineages[agent]]} of lineage {lineages[agent]}")
        if weight and size[lineages[agent]] > 1
        else (weight, "")
        for agent, weight in weights.items()
    }

"""What ballots have cost, as they state it themselves."""

from collections.abc import Sequence

from maos_flows.model import Ballot


def cost_of(ballots: Sequence[Ballot]) -> float | None:
    """Add up what ballots state as `cost` among their attributes; None if none does."""
    stated = [ballot.attributes.get("cost") for ballot in ballots]
    numbers = [cost for cost in stated if isinstance(cost, int | float) and not isinstance(cost, bool)]
    return round(sum(numbers), 6) if numbers else None

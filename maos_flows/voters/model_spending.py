"""What asking models costs: added up over the attempts at one ballot, bounded, and told with the ballot."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from maos_flows.model import Agent, Proposal
from maos_flows.voters.failures import LastingError

_MOST_BALLOTS = 4096
"""So many ballots that were not cast are remembered: what they cost is told with the next attempt at them."""
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used: requests to the provider, tokens, and US dollars where the model's price is known."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None

    def __add__(self, other: "Spent") -> "Spent":
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Spent(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            sum(costs, Decimal(0)) if costs else None,
        )

    @property
    def tokens(self) -> int:
        """All tokens, those sent and those received."""
        return self.input_tokens + self.output_tokens

    def __str__(self) -> str:
        money = "" if self.cost is None else f", {self.cost.normalize():f} USD"
        return f"{self.requests} requests, {self.tokens} tokens{money}"

    def attributes(self, model: str) -> dict[str, Any]:
        """Give it as a ballot's attributes: `usage`, and `cost` in US dollars where it is known."""
        usage = {"model": model, "requests": self.requests}
        usage |= {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}
        return {"usage": usage} if self.cost is None else {"usage": usage, "cost": round(float(self.cost), _DIGITS)}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one ballot may use, all its attempts together; None is no limit."""

    tokens: int | None
    cost: Decimal | None

    def left(self, spent: Spent) -> "Limits":
        """Give what is left of it.

        Raises:
            LastingError: Nothing is.
        """
        tokens = None if self.tokens is None else self.tokens - spent.tokens
        cost = None if self.cost is None else self.cost - (spent.cost or 0)
        if (tokens is not None and tokens <= 0) or (cost is not None and cost <= 0):
            raise LastingError(f"what a ballot may cost is spent: {spent}")
        return Limits(tokens, cost)


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """Read the limits of a ballot from a voter's settings."""
    tokens, cost = settings.get("max_total_tokens"), settings.get("max_cost")
    return Limits(None if tokens is None else int(tokens), None if cost is None else Decimal(str(cost)))


class Accounts:
    """What was spent on ballots that are not cast yet, by decision, round and agent, within this process."""

    def __init__(self) -> None:
        self._spent: OrderedDict[tuple[str, int, str], Spent] = OrderedDict()
        self._lock = threading.Lock()

    def spent(self, agent: Agent, proposal: Proposal) -> Spent:
        """Give what attempts at this ballot have cost up to now."""
        with self._lock:
            return self._spent.get(_key(agent, proposal), Spent())

    def add(self, agent: Agent, proposal: Proposal, spent: Spent) -> Spent:
        """Add what an attempt has cost; give the sum."""
        with self._lock:
            total = self._spent.pop(_key(agent, proposal), Spent()) + spent
            self._spent[_key(agent, proposal)] = total
            if len(self._spent) > _MOST_BALLOTS:
                self._spent.popitem(last=False)
            return total

    def settle(self, agent: Agent, proposal: Proposal, spent: Spent) -> Spent:
        """Add what the attempt that gave the ballot has cost; give the sum, and remember it no longer."""
        with self._lock:
            return self._spent.pop(_key(agent, proposal), Spent()) + spent


def _key(agent: Agent, proposal: Proposal) -> tuple[str, int, str]:
    return proposal.decision_id, proposal.round, agent.id

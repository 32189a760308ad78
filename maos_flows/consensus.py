"""What the author of a policy imports, as `maos_flows.consensus` or, in a policy's file, as `maos.consensus`.

```python
from maos_flows.consensus import ConsensusPolicy, register_policy
```
"""

import math
from enum import StrEnum
from fractions import Fraction
from typing import Any

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.majority import SimpleMajority, Supermajority
from maos_flows.policies.weighted import WeightedVoting

__all__ = ["ConsensusPolicy", "VotingStrategy", "exact", "register_policy", "registered_policies"]

_MOST_DENOMINATOR = 10**6
_registered: list[ConsensusPolicy] = []


class VotingStrategy(StrEnum):
    """The ways of counting that a policy can hand its votes on to."""

    SIMPLE_MAJORITY = "simple_majority"
    SUPERMAJORITY = "supermajority"
    WEIGHTED_VOTING = "weighted_voting"

    def evaluate_proposal(self, proposal: dict[str, Any], votes: list[dict[str, Any]]) -> dict[str, Any]:
        """Rule on votes as that algorithm does, and give its answer: `consensus`, `decision`, `strength`, `reason`."""
        return _STRATEGIES[self].evaluate_proposal(proposal, votes)


_STRATEGIES: dict[VotingStrategy, ConsensusPolicy] = {
    VotingStrategy.SIMPLE_MAJORITY: SimpleMajority(),
    VotingStrategy.SUPERMAJORITY: Supermajority(),
    VotingStrategy.WEIGHTED_VOTING: WeightedVoting(),
}


def register_policy(policy: ConsensusPolicy) -> ConsensusPolicy:
    """Hand over the policy of this file, made with the parameters it shall have, and give it back.

    Raises:
        ConfigurationError: It is not a `ConsensusPolicy`: a class, perhaps, and not one made of it.
    """
    given: object = policy
    if not isinstance(given, ConsensusPolicy):
        what = f"the class {given.__name__}; make one of it" if isinstance(given, type) else f"a {type(given).__name__}"
        raise ConfigurationError([Problem("register_policy", f"it takes a ConsensusPolicy, not {what}")])
    _registered.append(policy)
    return policy


def registered_policies() -> tuple[ConsensusPolicy, ...]:
    """List the policies that were handed over in this process, in order."""
    return tuple(_registered)


def exact(number: float | Fraction | str) -> Fraction:
    """Give the number a float was written from: 1/10 for `0.1`, 2/3 for the float nearest to two thirds.

    Weights and confidences come as floats. Added as such, 0.1 + 0.2 is not 0.3, and a threshold is missed that was met.
    The fraction with the smallest denominator, up to a million, that is written as this very float is taken, else the
    float's decimal digits.

    Raises:
        ValueError: It is not finite, or not a number.
    """
    if not isinstance(number, float):
        try:
            return Fraction(number)
        except ZeroDivisionError as error:
            raise ValueError(f"{number} is not a number to count with") from error
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a number to count with")
    likely = Fraction(number).limit_denominator(_MOST_DENOMINATOR)
    return likely if float(likely) == number else Fraction(repr(number))

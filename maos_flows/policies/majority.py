"""Majority and supermajority: one agent, one ballot."""

from fractions import Fraction

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.policies.threshold import ThresholdPolicy
from maos_flows.quorum import HALF, Threshold


class SimpleMajority(ThresholdPolicy):
    """More than half, and at least the threshold if that is higher."""

    name = "simple_majority"
    tolerates = "fewer than half crashed or absent"


class Supermajority(ThresholdPolicy):
    """At least a share above half, two thirds (as 0.67) unless given."""

    name = "supermajority"
    tolerates = "fewer than a third absent"

    def threshold(self, share: Fraction | None) -> Threshold:
        """Make the threshold of a share above half.

        Raises:
            ConfigurationError: The share is half or less: a plurality is never called a majority.
        """
        if share is None:
            return Threshold(Fraction(67, 100))
        if share <= HALF:
            message = f"a supermajority needs more than half, not {share}; use simple_majority or weighted_voting"
            raise ConfigurationError([Problem("threshold", message)])
        return Threshold(share)

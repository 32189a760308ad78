"""Every algorithm the configuration knows by name, and one of a user's own; where a protocol is missing, its rule."""

from collections.abc import Mapping
from typing import Any

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.byzantine import ByzantineTolerant
from maos_flows.policies.raft import Raft
from maos_flows.policies.registry import PolicyRegistry, built_in_policies
from maos_flows.policies.threshold import ThresholdPolicy


class OfOurs(ThresholdPolicy):
    """A policy with a parameter."""

    name = "of_ours"

    def settings(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if given.get("depth") == "9":
            raise ConfigurationError([Problem("parameters.depth", "it is too deep")])
        return dict(given)


class Adaptive(ThresholdPolicy):
    """The threshold of whatever is adapted to."""

    name = "adaptive"


def _standing_in() -> PolicyRegistry:
    built_in = built_in_policies()
    others: tuple[ConsensusPolicy, ...] = (ByzantineTolerant(), Raft(), Adaptive(), OfOurs())
    policies = [*built_in.values(), *(policy for policy in others if policy.name not in built_in)]
    registry = PolicyRegistry()
    registry._policies = {policy.name: policy for policy in policies}
    return registry


STANDING_IN = _standing_in()

"""The policies there are, by name."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.policies.adaptive import Adaptive
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.byzantine import ByzantineTolerant
from maos_flows.policies.majority import SimpleMajority, Supermajority
from maos_flows.policies.raft import Raft
from maos_flows.policies.weighted import WeightedVoting


class PolicyRegistry(Mapping[str, ConsensusPolicy]):
    """Policies by name. Looking up an unknown name says which is nearest."""

    def __init__(self, *policies: ConsensusPolicy) -> None:
        self._policies: dict[str, ConsensusPolicy] = {}
        for policy in policies:
            self.register(policy)

    def register(self, policy: ConsensusPolicy) -> None:
        """Add a policy under its name.

        Raises:
            ConfigurationError: The name is empty, reserved or taken.
        """
        if not policy.name:
            raise ConfigurationError([Problem("name", f"{type(policy).__name__} has no name")])
        if policy.name in self._policies:
            raise ConfigurationError([Problem("name", f"the name {policy.name!r} is taken")])
        self._policies[policy.name] = policy

    def __getitem__(self, name: str) -> ConsensusPolicy:
        return self._policies[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._policies))

    def __len__(self) -> int:
        return len(self._policies)

    def find(self, name: str, *, path: str = "consensus_algorithm") -> ConsensusPolicy:
        """Find a policy by its name.

        Raises:
            ConfigurationError: There is none of that name.
        """
        if name in self._policies:
            return self._policies[name]
        near = get_close_matches(name, list(self), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        message = f"there is no algorithm {name[:60]!r}; available: {', '.join(self)}{hint}"
        raise ConfigurationError([Problem(path, message)])


def built_in_policies() -> PolicyRegistry:
    """Make a registry of the policies that come with the package."""
    return PolicyRegistry(SimpleMajority(), Supermajority(), WeightedVoting(), ByzantineTolerant(), Raft(), Adaptive())

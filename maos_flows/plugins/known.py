"""The policies there are, from one door: those of this package, those installed from files, those of other packages."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from maos_flows.errors import ConfigurationError, MaosError, Problem
from maos_flows.plugins.pins import installed_names
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.registry import PolicyRegistry, built_in_policies

GROUP = "maos_flows.policies"
"""The group of entry points by which a package brings policies, each called as its policy is."""


class KnownPolicies(PolicyRegistry):
    """Policies by name, each loaded when it is first asked for; an installed one comes before a package's."""

    def __init__(self, home: Path) -> None:
        super().__init__(*built_in_policies().values())
        self._home = home
        self._installed = frozenset(installed_names(home))

    @cached_property
    def packaged(self) -> Mapping[str, EntryPoint]:
        """The entry points of packages by the names of their policies; nothing of them is imported."""
        found = sorted(entry_points(group=GROUP), key=lambda entry: entry.value)
        return {entry.name: entry for entry in found}

    def __getitem__(self, name: str) -> ConsensusPolicy:
        if name not in self._policies:
            self._policies[name] = self._load(name)
        return self._policies[name]

    def __contains__(self, name: object) -> bool:
        return name in self._policies or name in self._installed or name in self.packaged

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._policies, *self._installed, *self.packaged}))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, name: str, *, path: str = "consensus_algorithm") -> ConsensusPolicy:
        """Find a policy by its name.

        Raises:
            ConfigurationError: There is none of that name, or it is not what was installed, or it cannot be loaded.
        """
        if name not in self:
            return super().find(name, path=path)
        try:
            return self[name]
        except MaosError as error:
            raise ConfigurationError([Problem(path, str(error))]) from error

    def _load(self, name: str) -> ConsensusPolicy:
        """Load a policy; what runs it in a sandbox is imported only if there is one to run."""
        if name in self._installed:
            from maos_flows.plugins.loading import load_installed  # noqa: PLC0415 - see above

            return load_installed(self._home, name)
        from maos_flows.plugins.packages import load_packaged  # noqa: PLC0415 - see above

        return load_packaged(self.packaged[name])


def known_policies(home: Path) -> KnownPolicies:
    """Give every policy there is: built in, installed in a home, brought by packages."""
    return KnownPolicies(home)

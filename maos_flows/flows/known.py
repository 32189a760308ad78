"""The policy that an algorithm's name means where a flow runs: built in, or installed there."""

import asyncio
import os

from maos_flows.config import settings_from
from maos_flows.flows.tasks import POLICIES
from maos_flows.plugins.known import KnownPolicies, known_policies
from maos_flows.policies.base import ConsensusPolicy


def policies_here() -> KnownPolicies:
    """Give every policy there is on this machine, as it is installed now."""
    return known_policies(settings_from(os.environ).home)


async def policy_named(name: str) -> ConsensusPolicy:
    """Find a policy; one that is not built in is read from the disk, beside the loop.

    Raises:
        ConfigurationError: There is none of that name here, or it is not what was installed.
    """
    if name in POLICIES:
        return POLICIES[name]
    return await asyncio.to_thread(_find, name)


def _find(name: str) -> ConsensusPolicy:
    return policies_here().find(name)

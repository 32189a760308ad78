"""What `maos consensus health` looks at: the store, the roster, and whether its agents can be reached."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maos_flows.audit.store import AuditStore
from maos_flows.cli.loading import configuration, fallback_roster
from maos_flows.cli.watching.words import clean
from maos_flows.config import settings_from
from maos_flows.errors import MaosError
from maos_flows.model import Agent
from maos_flows.roster import default_roster
from maos_flows.voters.reaching import Reached, reach_all


@dataclass(frozen=True, slots=True)
class Health:
    """What was found.

    Attributes:
        store: What is wrong with the audit store; empty if nothing is.
        roster: How many enabled agents there are, and of which roster.
        agents: Whether each can be reached, if that was looked at.
    """

    store: str
    roster: str
    agents: tuple[Reached, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong and every agent looked at can be reached."""
        return not self.store and all(agent.is_reachable for agent in self.agents)

    def lines(self) -> Iterator[str]:
        """Say it in lines."""
        yield f"store   {clean(self.store) or 'sound'}"
        yield f"roster  {clean(self.roster)}"
        width = max((len(agent.agent_id) for agent in self.agents), default=0)
        for agent in self.agents:
            word = "reachable" if agent.is_reachable else "unreachable"
            yield f"  {agent.agent_id:<{width}}  {agent.voter:<9}  {word:<11}  {clean(agent.found)}"


def look(roster: Path | None, *, with_agents: bool, timeout_seconds: float) -> Health:
    """Look at the store, the roster, and at the agents if that is wanted.

    Raises:
        ConfigurationError: The roster or the configuration cannot be read.
    """
    agents, named = _agents(roster)
    reached = asyncio.run(reach_all(agents, timeout_seconds=timeout_seconds)) if with_agents else ()
    return Health(_store(), f"{len(agents)} agents, {named}", reached)


def _agents(roster: Path | None) -> tuple[tuple[Agent, ...], str]:
    given = fallback_roster(roster)
    configured = configuration().roster
    loaded, named = (given, "of the roster file") if given else (configured, "configured")
    if loaded is None:
        loaded, named = default_roster(), "of the default roster, simulated"
    return tuple(agent for agent in loaded.roster.agents if agent.enabled), named


def _store() -> str:
    try:
        with AuditStore.open(settings_from(os.environ).database_url) as store:
            return "; ".join(store.check())
    except MaosError as error:
        return str(error)

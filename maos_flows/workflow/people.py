"""The people a stage's decision may be put to: its overseers, and the deputies of those who vote."""

from collections.abc import Iterator, Sequence

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import nearest
from maos_flows.model import Agent, Roster
from maos_flows.model.people import Overseers
from maos_flows.workflow.configured import Configured

OVERSEER = "overseer"
"""The role whose people are asked where nobody is named."""


def overseers_of(configured: Configured, roster: Roster, named: Sequence[str], *, timeout_seconds: float) -> Overseers:
    """Say to whom a decision is put if it is escalated, and whether one of them must confirm it.

    Args:
        configured: What holds for decisions of its type.
        roster: Where people are found; one of the role `overseer` needs not be named.
        named: Ids or roles of people; none takes the role `overseer`.
        timeout_seconds: How long they have.

    Raises:
        ConfigurationError: A name is nobody's, somebody must confirm and there is nobody, or in production mode one of
            them has no key.
    """
    people = [agent for agent in roster.agents if agent.enabled and agent.voter == "human"]
    problems = [Problem(f"escalate_to[{index}]", text) for index, text in _strangers(named, people)]
    wanted = set(named) or {OVERSEER}
    chosen = tuple(agent for agent in people if not wanted.isdisjoint((agent.id, agent.role)))
    must_confirm = configured.type.human_oversight
    if must_confirm and not chosen and not problems:
        message = "true: there is nobody to confirm; name people under escalate_to, or give one the role overseer"
        problems.append(Problem(configured.key(*configured.of_type("human_oversight")), message))
    unproven = [agent.id for agent in chosen if agent.public_key is None]
    if configured.consensus.production_mode and unproven:
        message = f"in production mode who oversees needs a public_key; {', '.join(unproven)[:200]} has none"
        problems.append(Problem("escalate_to", message))
    if problems:
        raise ConfigurationError(problems)
    return Overseers(chosen, timeout_seconds, must_confirm)


def electable(roster: Roster, roles: Sequence[str]) -> Roster:
    """Give those of a roster who may vote: people who are overseers do only where their role is named."""
    if OVERSEER in roles:
        return roster
    return Roster(tuple(agent for agent in roster.agents if (agent.voter, agent.role) != ("human", OVERSEER)))


def deputies_of(roster: Roster, agents: Sequence[Agent]) -> tuple[Agent, ...]:
    """Find the deputies of the people among some agents."""
    wanted = {agent.settings.get("deputy") for agent in agents if agent.voter == "human"}
    return tuple(agent for agent in roster.agents if agent.id in wanted)


def _strangers(named: Sequence[str], people: Sequence[Agent]) -> Iterator[tuple[int, str]]:
    known = {name for agent in people for name in (agent.id, agent.role)}
    for index, name in enumerate(named):
        if name not in known:
            yield index, f"no enabled person is {name[:60]!r} or has that role{nearest(name, known)}"

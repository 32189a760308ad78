"""Selection: which agents of a roster are asked. A fixed rule, so that the same roster gives the same electorate."""

import re
from collections.abc import Iterable, Sequence

from maos_flows.model import Agent, Roster
from maos_flows.scrutiny import fold


def select_agents(
    roster: Roster,
    *,
    roles: Sequence[str] = (),
    domains: Sequence[str] = (),
    question: str = "",
    most: int | None = None,
) -> tuple[Agent, ...]:
    """Select the enabled agents that fit best.

    With `roles`, only agents of those roles; an agent on call only if its role is one of them, or if its domains or
    role are among the domains given or mentioned in the question. With `most`, the best: first those whose domains (or
    role) meet the domains given, then those whose domains or role the question mentions, then by place in the roster.
    The result is in the roster's order. A name is mentioned where its words stand in the question one after another;
    whatever is neither letter nor digit (`_`, `-`, ...) parts words.

    Args:
        roster: All agents.
        roles: Roles that may take part; none means all.
        domains: What the matter is about.
        question: Searched for the names of domains and roles.
        most: How many at most; None means all.
    """
    asked = {fold(domain) for domain in domains}
    said = _words(question)

    def fit(agent: Agent) -> tuple[int, int]:
        known = [fold(name) for name in (*agent.domains, agent.role)]
        named = sum(1 for name in known if name in asked)
        mentioned = sum(1 for name in known if _words(name).strip() and _words(name) in said)
        return -named, -mentioned

    enabled = [agent for agent in roster.agents if agent.enabled and (not roles or agent.role in roles)]
    allowed = [agent for agent in enabled if not agent.on_call or roles or fit(agent) != (0, 0)]
    if most is None or most >= len(allowed):
        return tuple(allowed)
    chosen = sorted(sorted(range(len(allowed)), key=lambda place: (fit(allowed[place]), place))[:most])
    return tuple(allowed[place] for place in chosen)


def mentioned(names: Iterable[str], text: str) -> tuple[str, ...]:
    """Give the names that a text mentions, each once, in their order."""
    said = _words(text)
    return tuple(dict.fromkeys(name for name in names if _words(name).strip() and _words(name) in said))


def _words(text: str) -> str:
    """Give the words of a text with one space before and after each."""
    return " ".join(["", *re.findall(r"[^\W_]+", fold(text)), ""])

"""Who answers, said once on stderr before anybody is asked: simulated agents, and language models that cost money."""

from collections.abc import Iterable

from maos_flows.cli.output import say
from maos_flows.model import Agent


def say_who_answers(agents: Iterable[Agent]) -> None:
    """Say that simulated agents answer, or which language models do, where they are among the agents."""
    asked = tuple(agents)
    if any(agent.voter == "simulated" for agent in asked):
        say("note: simulated agents answer; their ballots come from a generator. Name your own with --roster FILE.")
    models = sorted({str(agent.settings.get("model", "")) for agent in asked if agent.voter == "model"})
    if models:
        say(f"note: language models answer ({', '.join(models)}), and are paid for; MAOS_MODEL=simulated asks none.")

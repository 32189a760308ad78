"""`human` voters: a person is asked on record, by whoever decides on record; here nobody can be reached."""

from typing import NoReturn

from maos_flows.model import Agent, Proposal
from maos_flows.voters.failures import LastingError


async def answer(agent: Agent, proposal: Proposal) -> NoReturn:
    """Refuse: a question to a person waits in the audit store, and this one is of no decision that is there.

    Raises:
        LastingError: Always.
    """
    del proposal
    raise LastingError(f"{agent.id} is a person, and people are asked only in decisions on record")

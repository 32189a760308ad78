"""Voter `http`: an agent behind a URL, that gets the proposal as JSON and gives its ballot as JSON, signed or not."""

import json

from maos_flows.model import Agent, Proposal
from maos_flows.voters.failures import LastingError
from maos_flows.voters.http_exchange import exchange
from maos_flows.voters.http_protocol import as_sent, version_for
from maos_flows.voters.strict_json import read_json


async def answer(agent: Agent, proposal: Proposal) -> object:
    """Ask the agent once and read its answer.

    A signature is passed on only where the roster has the agent's key to check it with.

    Raises:
        LastingError: It may not be asked there, or gave no answer and would not the next time.
        PassingError: It could not be reached, is busy, or answered no JSON.
    """
    url = str(agent.settings.get("url", ""))
    if not url:
        raise LastingError("no url is set")
    body = json.dumps(as_sent(agent, proposal)).encode()
    reply = read_json(await exchange("POST", url, agent.settings, body=body, version=version_for(proposal)))
    if agent.public_key is None and isinstance(reply, dict):
        reply.pop("signature", None)
    return reply

"""The protocol between maos and agents behind a URL: what is sent beside the proposal, and under which version."""

from typing import Any
from urllib.parse import urljoin

from maos_flows.agreement.binding import claims_of
from maos_flows.model import Agent, Proposal
from maos_flows.voters.asked import as_asked

VERSION = 1
"""The version that questions for ballots are asked under; agents of every version answer them."""
SUGGESTIONS_VERSION = 2
"""The version that has suggestions too: under it an agent is asked for one, and only under it."""
VERSIONS = (VERSION, SUGGESTIONS_VERSION)
VERSION_HEADER = "Maos-Agent-Protocol"
"""The header, of requests and of answers, that says which version of the protocol is spoken."""


def version_for(proposal: Proposal) -> int:
    """Give the lowest version under which a proposal can be asked, so that older agents answer all they can."""
    return SUGGESTIONS_VERSION if proposal.wants_suggestions else VERSION


def as_sent(agent: Agent, proposal: Proposal) -> dict[str, Any]:
    """Give what is sent to an agent: what every voter is asked, and all that its signature binds.

    From `claims` and the rest the agent can make the proposal's digest anew, so it signs for what it was shown.
    """
    return as_asked(agent, proposal) | {"proposer": proposal.proposer, "claims": claims_of(proposal)}


def health_url(url: str) -> str:
    """Give where an agent says whether it is well: `health` beside its own address."""
    return urljoin(url, "health")

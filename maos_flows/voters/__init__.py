"""Voters: the code that answers for agents. `ask` is the one way to a ballot, `suggest` to a suggestion."""

from maos_flows.voters.base import ask
from maos_flows.voters.failures import LastingError, PassingError
from maos_flows.voters.kinds import VOTERS
from maos_flows.voters.retrying import Backoff
from maos_flows.voters.suggesting import suggest

__all__ = ["VOTERS", "Backoff", "LastingError", "PassingError", "ask", "suggest"]

"""Voters: the code that answers for agents. `ask` is the one way to it."""

from maos_flows.voters.base import VOTERS, ask
from maos_flows.voters.failures import LastingError, PassingError
from maos_flows.voters.retrying import Backoff

__all__ = ["VOTERS", "Backoff", "LastingError", "PassingError", "ask"]

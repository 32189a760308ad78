"""Voters: the code that answers for agents. `ask` is the one way to it."""

from maos_flows.voters.base import VOTERS, Backoff, ask
from maos_flows.voters.failures import LastingError, PassingError

__all__ = ["VOTERS", "Backoff", "LastingError", "PassingError", "ask"]

"""Asking again after failures that may pass: how long to wait, and when to give up."""

import asyncio
from dataclasses import dataclass

import tenacity

from maos_flows.voters.failures import BusyError, PassingError

LONGEST_SECONDS = 3600.0
"""How long anybody may be waited for and asked again where no deadline bounds it."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before asking again: `initial`, doubled each time up to `maximum`, and up to `jitter` more."""

    initial_seconds: float = 0.5
    maximum_seconds: float = 10.0
    jitter_seconds: float = 0.5


def retrying(retries: int, backoff: Backoff, *, seconds_left: float | None) -> tenacity.AsyncRetrying:
    """Make what calls again after failures that may pass, and raises the last one.

    There is no use in waiting for an attempt that the deadline forbids, nor for one that is wanted in days.
    """
    bound = LONGEST_SECONDS if seconds_left is None else seconds_left
    doubling = tenacity.wait_exponential(multiplier=backoff.initial_seconds, max=backoff.maximum_seconds)
    return tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(retries + 1) | tenacity.stop_before_delay(bound),
        wait=_AsAsked(doubling) + tenacity.wait_random(0, backoff.jitter_seconds),
        retry=tenacity.retry_if_exception_type(PassingError),
        sleep=asyncio.sleep,
        reraise=True,
    )


class _AsAsked(tenacity.wait.wait_base):
    """Waits as long as whoever is busy asks to, where that is longer."""

    def __init__(self, otherwise: tenacity.wait.wait_base) -> None:
        self._otherwise = otherwise

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        failure = retry_state.outcome.exception() if retry_state.outcome else None
        asked = failure.retry_after_seconds if isinstance(failure, BusyError) else 0.0
        return max(self._otherwise(retry_state), asked)

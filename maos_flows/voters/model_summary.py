"""Having a model sum up a decision, through pydantic-ai; imported only where one is asked, for it takes seconds."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from pydantic_ai import Agent as Asker
from pydantic_ai.usage import RunUsage, UsageLimits

from maos_flows.model import Decision
from maos_flows.voters.failures import AttemptTimeoutError
from maos_flows.voters.model_asking import check_price, model_settings, spent_of
from maos_flows.voters.model_failures import failure_of
from maos_flows.voters.model_provider import model_of
from maos_flows.voters.model_spending import Limits, Spent
from maos_flows.voters.retrying import Backoff, retrying
from maos_flows.voters.summary_prompt import TASK, summary_prompt
from maos_flows.voters.threads import in_daemon_thread

_WANTED = "summary"


async def write(
    decision: Decision, settings: Mapping[str, Any], *, seconds: float, retries: int, backoff: Backoff
) -> tuple[str, Spent]:
    """Have a model write about a decision; give its words as they came, and what all attempts have cost.

    Raises:
        VoterError: It gave none in the time, or within its limits; the failure tells what it cost, if it did.
    """
    used = RunUsage()
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            attempts = retrying(retries, backoff, seconds_left=seconds)
            words: str = await attempts(partial(_attempt, decision, settings, used))
    except Exception as error:
        failure = AttemptTimeoutError(f"no summary within {seconds:g} s") if limit.expired() else _failure(error)
        if used.requests:
            failure.args = (f"{failure} ({spent_of(used)})",)
        raise failure from error
    return words, spent_of(used)


_failure = partial(failure_of, wanted=_WANTED)


async def _attempt(decision: Decision, settings: Mapping[str, Any], used: RunUsage) -> str:
    """Ask once; what earlier attempts have used counts towards the limits."""
    try:
        asker = await in_daemon_thread(lambda: _asker(settings), name=_WANTED)
        bounds = UsageLimits(request_limit=int(settings["max_requests"]), cost_limit=_most_cost(settings))
        async with asker:
            found = await asker.run(summary_prompt(decision), usage_limits=bounds, usage=used)
    except Exception as error:
        raise _failure(error) from error
    return found.output


def _asker(settings: Mapping[str, Any]) -> "Asker[object, str]":
    model = model_of(settings)
    check_price(model, Limits(None, _most_cost(settings)))
    return Asker(model, output_type=str, instructions=TASK, model_settings=model_settings(settings, model), retries=1)


def _most_cost(settings: Mapping[str, Any]) -> Decimal | None:
    cost = settings.get("max_cost")
    return None if cost is None else Decimal(str(cost))

"""Asking a model through pydantic-ai; imported only where a model is asked, for it takes seconds."""

from collections.abc import Mapping
from typing import Any

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from pydantic import BaseModel
from pydantic_ai import Agent as Asker
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models import Model
from pydantic_ai.output import ToolOutput
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage, UsageLimits

from maos_flows.model import Agent, Proposal
from maos_flows.proposing import is_of_suggestions
from maos_flows.voters.failures import LastingError
from maos_flows.voters.model_ballot import SuggestionForm, ballot_form
from maos_flows.voters.model_failures import failure_of
from maos_flows.voters.model_prompt import instructions, prompt
from maos_flows.voters.model_provider import model_of
from maos_flows.voters.model_spending import Accounts, Limits, Spent, limits_of
from maos_flows.voters.model_tools import tools_of, toolsets_of
from maos_flows.voters.strict_json import read_json
from maos_flows.voters.threads import in_daemon_thread

FORM, SUGGESTION_FORM = "cast_ballot", "make_suggestion"
"""The names of the forms, as the model sees them."""
_accounts = Accounts()


async def answer(agent: Agent, proposal: Proposal) -> dict[str, Any]:
    """Ask the agent's model; give its ballot's or suggestion's fields, with `usage` and `cost`, of failed attempts too.

    Raises:
        VoterError: It gave no ballot; the failure tells what it cost, if it did.
    """
    limits, used = limits_of(agent.settings).left(_accounts.spent(agent, proposal)), RunUsage()
    try:
        fields = await _fields(agent, proposal, limits=limits, used=used)
    except Exception as error:
        failure = failure_of(error, wanted="suggestion" if proposal.wants_suggestions else "ballot")
        spent = _accounts.add(agent, proposal, spent_of(used))
        if spent.requests:
            failure.args = (f"{failure} ({spent})",)
        raise failure from error
    spent = _accounts.settle(agent, proposal, spent_of(used))
    return fields | {"attributes": spent.attributes(str(agent.settings["model"]))}


async def _fields(agent: Agent, proposal: Proposal, *, limits: Limits, used: RunUsage) -> dict[str, Any]:
    # Clients, tools and certificates are loaded from files, the first time for seconds: that delays nobody else.
    asker = await in_daemon_thread(lambda: _asker(agent, proposal, limits), name=f"voter-{agent.id}")
    bounds = UsageLimits(
        request_limit=int(agent.settings.get("max_requests", 10)),
        total_tokens_limit=limits.tokens,
        cost_limit=limits.cost,
    )
    async with asker:
        found = await asker.run(prompt(agent, proposal), usage_limits=bounds, usage=used)
    return _as_given(found.all_messages(), found.output, _form(proposal)[1])


def _asker(agent: Agent, proposal: Proposal, limits: Limits) -> "Asker[object, BaseModel]":
    model = model_of(agent.settings)
    check_price(model, limits)
    # Texts of other agents may try to make a model act; while they are before it, it has nothing to act with.
    is_alone = proposal.round <= 1 and not is_of_suggestions(proposal)
    form, name = _form(proposal)
    return Asker(
        model,
        output_type=ToolOutput(form, name=name),
        instructions=instructions(agent, proposal),
        model_settings=model_settings(agent.settings, model),
        retries=int(agent.settings.get("repairs", 2)),
        tools=tools_of(agent.settings) if is_alone else (),
        toolsets=toolsets_of(agent.settings) if is_alone else (),
        name=agent.id,
    )


def _form(proposal: Proposal) -> tuple[type[BaseModel], str]:
    """Give what is to be filled in, and its name."""
    return (SuggestionForm, SUGGESTION_FORM) if proposal.wants_suggestions else (ballot_form(proposal), FORM)


def _as_given(messages: list[ModelMessage], output: BaseModel, form: str) -> dict[str, Any]:
    """Read the form again as it was sent, strictly: a key that stands twice is no ballot.

    Raises:
        MalformedError: It is not strict JSON.
    """
    for message in reversed(messages):
        for part in message.parts if isinstance(message, ModelResponse) else ():
            if isinstance(part, ToolCallPart) and part.tool_name == form and isinstance(part.args, str):
                given = read_json(part.args.encode())
                return {name: value for name, value in given.items() if value is not None}
    return output.model_dump(exclude_none=True)


def model_settings(settings: Mapping[str, Any], model: Model) -> ModelSettings:
    """Give what the provider is told.

    Its client retries nothing, since asking again is the caller's affair; Amazon's can only be told so by a variable.
    """
    told = ModelSettings() if "max_retries" in model.unsupported_settings else ModelSettings(max_retries=0)
    if "temperature" in settings:
        told["temperature"] = float(settings["temperature"])
    if "max_tokens" in settings:
        told["max_tokens"] = int(settings["max_tokens"])
    return told


def check_price(model: Model, limits: Limits) -> None:
    """Refuse a limit in money for a model whose price nobody knows: it would bound nothing."""
    if limits.cost is None:
        return
    try:
        calc_price(PricedUsage(input_tokens=1, output_tokens=1), model.model_name, provider_id=model.system)
    except LookupError as error:
        raise LastingError(
            f"max_cost cannot bound {model.system}:{model.model_name}, whose price is not known; use max_total_tokens"
        ) from error


def spent_of(used: RunUsage) -> Spent:
    """Give what was used as what was spent."""
    return Spent(used.requests, used.input_tokens, used.output_tokens, used.cost)

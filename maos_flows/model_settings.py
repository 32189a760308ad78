"""Settings of voters that are language models: which one, with what means, within which bounds; never its key."""

import re
from collections.abc import Mapping
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from maos_flows.text_types import Count, Distinct, Positive, Text, Weight
from maos_flows.voter_form import Variable, VoterForm, wrong

_FUNCTION = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
_PROVIDER = r"[a-z][a-z0-9_./-]*"
_GOOGLE = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK")
_KEYS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY",),
    "google": _GOOGLE,
    "bedrock": _AWS,
    "cohere": ("CO_API_KEY",),
    "huggingface": ("HF_TOKEN",),
}
"""The secrets of providers whose variable is not simply their name with `_API_KEY`, or who have several names."""
_HOTTEST = 2


def _temperature(number: Fraction) -> Fraction:
    if number > _HOTTEST:
        raise ValueError("a temperature is a number from 0 to 2")
    return number


SIMULATED = "simulated"
"""What `MAOS_MODEL` holds where simulated agents are wanted even so."""
DEFAULT_MODELS: Mapping[str, str] = {
    "ANTHROPIC_API_KEY": "anthropic:claude-sonnet-5-5",
    "OPENAI_API_KEY": "openai:gpt-6-luna",
    "GOOGLE_API_KEY": "google:gemini-3.8-flash",
    "GEMINI_API_KEY": "google:gemini-3.8-flash",
    "MISTRAL_API_KEY": "mistral:mistral-medium-latest",
    "GROQ_API_KEY": "groq:openai/gpt-oss-120b",
}
"""The model that answers where none is named, by the variable that holds its provider's key; the first set counts."""


def default_model(environ: Mapping[str, str], *, named: str | None) -> str | None:
    """Give the model that answers where no agents are configured; None: simulated agents do.

    A key alone names a model only where what asks models is installed: else every agent would fail.

    Args:
        environ: Where keys are.
        named: What `MAOS_MODEL` holds, if anything.
    """
    if named is not None:
        return None if named == SIMULATED else named
    if find_spec("pydantic_ai") is None:
        return None
    return next((model for variable, model in DEFAULT_MODELS.items() if environ.get(variable)), None)


Temperature = Annotated[Weight, AfterValidator(_temperature)]
Texts = Annotated[tuple[Text, ...], Distinct]


class ModelVoter(VoterForm):
    """A language model, asked through pydantic-ai; its provider's key comes from the environment, never from here."""

    kind: Literal["model"]
    model: Text = Field(description="provider:name, as pydantic-ai takes it, like anthropic:claude-sonnet-5-5.")
    base_url: Text | None = Field(None, description="Where a server is that speaks as the provider does.")
    api_key_env: Variable | None = Field(
        None, description="The environment variable that holds the key; by default the provider's own."
    )
    instructions: Text | None = Field(None, description="What it is told to do, beside its role.")
    persona: Text | None = Field(None, description="Who it is, in a sentence or two.")
    temperature: Temperature | None = Field(None, description="From 0 to 2, where the model takes one.")
    tools: Texts = Field((), description="Functions it may call, each package.module:function.")
    mcp_servers: Texts = Field(
        (), description="Servers of tools it may use: an http address, or a command that starts one."
    )
    pass_env: Annotated[tuple[Variable, ...], Distinct] = Field(
        (), description="Variables of the caller's environment that such commands get."
    )
    repairs: Count = Field(2, description="How often it may mend an answer that is no ballot, in one attempt.")
    max_requests: Positive = Field(10, description="How many requests to the provider one attempt may make.")
    max_tokens: Positive | None = Field(None, description="How many tokens one reply may have.")
    max_total_tokens: Positive | None = Field(
        None, description="How many tokens, sent and received, one ballot may use, all attempts together."
    )
    max_cost: Weight | None = Field(None, description="How many US dollars one ballot may cost, all attempts together.")

    def _own(self, base: Path) -> dict[str, Any]:
        del base
        provider = _provider(self.model)
        if self.base_url is not None:
            _check_address(self.base_url)
        for index, tool in enumerate(self.tools):
            if not re.fullmatch(_FUNCTION, tool, re.ASCII):
                raise wrong(f"tools[{index}]", f"{tool[:80]!r} is not like package.module:function")
        keys = (self.api_key_env,) if self.api_key_env else key_variables(provider)
        bounds = {"max_tokens": self.max_tokens, "max_total_tokens": self.max_total_tokens}
        numbers = {"temperature": self.temperature, "max_cost": self.max_cost}
        texts = {"base_url": self.base_url, "api_key_env": self.api_key_env}
        texts |= {"instructions": self.instructions, "persona": self.persona}
        settings = {
            "model": self.model,
            **texts,
            **{name: None if number is None else float(number) for name, number in numbers.items()},
            **bounds,
            "repairs": self.repairs,
            "max_requests": self.max_requests,
            "tools": list(self.tools) or None,
            "mcp_servers": list(self.mcp_servers) or None,
            "mcp_env": list(self.pass_env) or None,
            "pass_env": sorted({*keys, *self.pass_env}),  # what is removed from whatever it says
        }
        return {name: value for name, value in settings.items() if value is not None}


def key_variables(provider: str) -> tuple[str, ...]:
    """Name the environment variables that hold a provider's secrets."""
    own = f"{re.sub('[^A-Z0-9]', '_', provider.upper())}_API_KEY"
    return _KEYS.get(provider.removeprefix("gateway/").partition("-")[0], (own,))


def is_model(name: str) -> bool:
    """Say whether a name is of the form `provider:name`."""
    provider, colon, name = name.partition(":")
    return bool(colon and name and re.fullmatch(_PROVIDER, provider, re.ASCII))


def _provider(model: str) -> str:
    if not is_model(model):
        raise wrong("model", f"{model[:80]!r} is not like provider:name, for example openai:gpt-6-luna")
    return model.partition(":")[0]


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong("base_url", "it is not an http address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise wrong("base_url", "it holds more than an address; a key belongs in the environment, see api_key_env")

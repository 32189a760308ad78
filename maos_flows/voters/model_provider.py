"""Which model answers: `provider:name` as pydantic-ai takes it, at its own address or at one that speaks alike."""

import os
from collections.abc import Mapping
from typing import Any

from pydantic_ai.models import Model, infer_model
from pydantic_ai.providers import Provider, infer_provider, infer_provider_class

from maos_flows.voters.failures import LastingError

_ADDRESSES = {"openai": "OPENAI_BASE_URL"}
"""Variables that move a provider elsewhere: what answers there speaks Chat Completions, and seldom more."""

_BLOCKING = "bedrock"
_BLOCKED_SECONDS = 60.0
"""Amazon's client waits in a thread that nothing can end, and no process ends before it: so it gives up by itself."""


def model_of(settings: Mapping[str, Any]) -> Model:
    """Make the model that settings name.

    Its key comes from the environment, from the variable `api_key_env` names or the provider's own.

    Raises:
        LastingError: The key is not set, or the provider takes no address.
        Exception: pydantic-ai knows no such model, or its client is not installed.
    """
    provider, _, name = str(settings["model"]).partition(":")
    base_url, variable = settings.get("base_url"), settings.get("api_key_env")
    if variable and not os.environ.get(variable):
        raise LastingError(f"the environment variable {variable} is not set")
    if provider == "openai" and (base_url or os.environ.get(_ADDRESSES["openai"])):
        provider = "openai-chat"
    own = {"base_url": base_url, "api_key": os.environ[variable] if variable else None}
    if provider == _BLOCKING:
        own["aws_read_timeout"] = settings.get("timeout", _BLOCKED_SECONDS)
    given = {key: value for key, value in own.items() if value}
    return infer_model(f"{provider}:{name}", lambda kind: _provider(kind, given))


def _provider(kind: str, given: Mapping[str, Any]) -> Provider[Any]:
    if not given:
        return infer_provider(kind)
    try:
        return infer_provider_class(kind)(**given)
    except TypeError as error:
        raise LastingError(f"the provider {kind} takes no {' and no '.join(given)}") from error

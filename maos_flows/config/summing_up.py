"""The configured model that sums decisions up, with its settings as those of a voter that is a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maos_flows.config.form import ExplainForm
from maos_flows.forms import read
from maos_flows.model_settings import ModelVoter

_OWN = ("model", "base_url", "api_key_env", "max_tokens", "max_cost", "timeout")


def summarizer_of(explain: ExplainForm) -> Mapping[str, Any] | None:
    """Give the settings of the model that sums decisions up; None: none is configured, and none is ever asked.

    Raises:
        ConfigurationError: They are not those of a model; names every problem with its key in the section.
    """
    if explain.model is None:
        return None
    given = {name: getattr(explain, name) for name in _OWN if getattr(explain, name) is not None}
    return read(ModelVoter, {"kind": "model", **given}).settings(Path())

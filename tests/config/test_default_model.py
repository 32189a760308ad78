"""Who answers where no agents are configured: a model whose key is there or that is named, else simulated agents."""

from importlib.util import find_spec

import pytest

from maos_flows.config import resolve
from maos_flows.errors import ConfigurationError
from maos_flows.model_settings import DEFAULT_MODELS, default_model


def models(tmp_path, **environ):
    roster = resolve({"MAOS_HOME": str(tmp_path), **environ}).roster
    return None if roster is None else {agent.settings.get("model") for agent in roster.roster.agents}


@pytest.mark.parametrize(("variable", "model"), DEFAULT_MODELS.items())
def test_a_providers_key_alone_has_its_model_answer(variable, model, tmp_path):
    assert models(tmp_path, **{variable: "secret"}) == {model}


def test_a_key_is_kept_in_no_setting(tmp_path):
    assert "secret" not in repr(resolve({"MAOS_HOME": str(tmp_path), "OPENAI_API_KEY": "secret"}))


def test_without_a_key_nobody_is_configured(tmp_path):
    assert models(tmp_path, OPENAI_API_KEY="") is None


def test_the_model_named_goes_before_the_keys(tmp_path):
    assert models(tmp_path, OPENAI_API_KEY="secret", MAOS_MODEL="ollama:qwen3") == {"ollama:qwen3"}


def test_simulated_agents_can_be_wanted_even_so(tmp_path):
    assert models(tmp_path, OPENAI_API_KEY="secret", MAOS_MODEL="simulated") is None


def test_agents_that_are_configured_go_before_any_model(tmp_path):
    (tmp_path / "config.yml").write_text("agents: [{id: ada}]\n")

    assert models(tmp_path, OPENAI_API_KEY="secret", MAOS_MODEL="ollama:qwen3") == {None}


def test_a_name_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="MAOS_MODEL: 'gpt' is neither like openai:gpt-6-luna nor simulated"):
        models(tmp_path, MAOS_MODEL="gpt")


def test_a_key_has_no_model_answer_where_nothing_is_installed_that_could_ask_it(monkeypatch):
    monkeypatch.setattr("maos_flows.model_settings.find_spec", lambda _name: None)

    assert default_model({"OPENAI_API_KEY": "secret"}, named=None) is None


def test_the_models_that_answer_by_default_are_known_and_priced():
    prices = pytest.importorskip("genai_prices")
    assert find_spec("pydantic_ai") is not None

    for model in DEFAULT_MODELS.values():
        provider, _, name = model.partition(":")
        assert prices.calc_price(prices.Usage(input_tokens=1000), name, provider_id=provider).total_price > 0

"""The manual's page on policies of one's own: its examples do what it says."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from maos_flows.model import Outcome
from maos_flows.plugins.declared import PolicyForm, declared_policy
from maos_flows.plugins.installing import install, look_at
from maos_flows.plugins.known import known_policies
from maos_flows.plugins.loading import load_installed
from maos_flows.plugins.purity import EXAMPLES
from maos_flows.plugins.sandbox import LIMITS
from maos_flows.workflow import load_workflow_file
from tests.plugins.samples import decided, opened

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "custom-policies.md").read_text()
SHOWN = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE, flags=re.MULTILINE | re.DOTALL))


@pytest.fixture
def folder(tmp_path):
    for name, content in SHOWN.items():
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.fixture
def home(folder):
    home = folder / "home"
    home.mkdir()
    with opened(home) as store:
        for name in ("board.yaml", "budget.py"):
            install(look_at(folder / name, home=home), home=home, store=store)
    return home


def test_the_policies_shown_are_installed_and_rule(home):
    budget = load_installed(home, "budget")

    agreed = decided(budget, "xxy", cost_checked=True, cost=500)
    dear = decided(budget, "xxy", cost_checked=True, cost=50_000)

    assert (agreed.outcome, agreed.choice, agreed.explanation) == (
        Outcome.REACHED,
        "x",
        "x: 2 checked the costs; too dear for 0",
    )
    assert dear.details == {"found_too_dear": ["doctor_a", "doctor_b", "doctor_c"]}
    assert decided(load_installed(home, "release_board"), "xxx").outcome is Outcome.NOT_REACHED


def test_the_stage_shown_sets_the_parameters(folder, home):
    workflow = load_workflow_file(folder / "workflow.yaml", policies=known_policies(home))

    assert workflow.stages[0].request.parameters.settings == {"limit": "25000", "min_checks": "1"}


def test_the_test_shown_passes(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))

    try:
        import_module("test_budget").test_the_budget_policy_keeps_what_policies_promise()
    finally:
        for name in ("budget", "test_budget"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("key", PolicyForm.model_fields)
def test_every_key_of_a_declarative_policy_is_in_the_manual_and_shown(key):
    assert f"| `{key}` |" in PAGE
    assert f"{key}:" in SHOWN["board.yaml"]


def test_the_figures_in_the_manual_are_those_of_the_code():
    words = (f"{LIMITS.wall_seconds:g} seconds", f"{LIMITS.cpu_seconds} seconds of", f"{LIMITS.open_files} open files")
    assert all(word in PAGE for word in words)
    assert f"{LIMITS.memory_bytes // 2**20} MiB" in PAGE
    assert EXAMPLES == 60
    assert "sixty" in PAGE


@pytest.mark.parametrize("file", sorted((ROOT / "policies").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_declarative_policies_shipped_load_under_their_files_name(file):
    policy, description = declared_policy(file.read_text(), source=file.name)

    assert policy.name == file.stem
    assert description

"""The manual's page on voters: its examples do what it says."""

import asyncio
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from maos_flows.model import Agent, Context, Risk
from maos_flows.roster import load_roster
from maos_flows.voters import VOTERS, ask
from maos_flows.voters.answer import read_answer
from maos_flows.voters.asked import as_asked
from maos_flows.voters.cleaning import scrubber
from maos_flows.voters.strict_json import read_json
from maos_flows.voters.suggesting import read_suggestion

PAGE = (Path(__file__).parents[2] / "docs" / "voters.md").read_text()
EXAMPLES = dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE, flags=re.MULTILINE | re.DOTALL))


@pytest.fixture
def folder(tmp_path):
    for name, content in EXAMPLES.items():
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.fixture
def told(proposal):
    context = Context("schema.sql", "select * from a join b using (id)")
    return replace(proposal, domains=("databases",), context=(context,))


async def test_the_roster_is_read_and_every_voter_answers(folder, told):
    agents = load_roster(folder / "roster.yaml").roster.agents

    ada, grace, edsger, drill = await asyncio.gather(*(ask(agent, told) for agent in agents))

    assert (ada.choice, ada.reasoning, ada.attributes) == ("PostgreSQL", "I counted 1 joins.", {"joins": 1})
    assert (grace.choice, grace.risk) == ("PostgreSQL", Risk.LOW)
    assert (edsger.choice, edsger.reasoning) == ("PostgreSQL", "The rules are in the data.")
    assert drill.reasoning.startswith("Simulated (seed 7)")
    assert {agent.voter for agent in agents} == {"command", "python", "recorded", "simulated"}


def test_the_models_shown_are_read(folder):
    grace, linus = load_roster(folder / "models.yaml").roster.agents

    assert (grace.voter, grace.settings["max_cost"], grace.settings["pass_env"]) == (
        "model",
        0.05,
        ["ANTHROPIC_API_KEY"],
    )
    assert linus.settings["base_url"] == "http://127.0.0.1:11434/v1"


def test_the_proposal_shown_has_the_form_of_the_one_given(told):
    shown = json.loads(EXAMPLES["proposal.json"])
    given = as_asked(Agent("ada", role="architect", domains=("databases",)), told)

    assert {key: shown[key] for key in shown if key not in {"decision_id", "deadline"}} == {
        key: given[key] for key in given if key not in {"decision_id", "deadline"}
    }
    assert list(shown) == list(given)


def test_the_answer_shown_is_read():
    answer = read_answer(read_json(EXAMPLES["answer.json"].encode()), scrub=scrubber({}))

    assert (answer.choice, answer.evidence, answer.attributes) == (
        "PostgreSQL",
        ("schema.sql",),
        {"peer_reviewed": True},
    )


def test_the_suggestion_shown_is_read():
    said = read_suggestion(read_json(EXAMPLES["suggestion.json"].encode()), scrub=scrubber({}))

    assert (said.suggestion, said.reasoning) == ("Cachet", "Short, and nobody has it.")


def test_asking_from_python_prints_a_ballot(folder):
    printed = subprocess.check_output(
        [sys.executable, str(folder / "asking.py")], cwd=Path(__file__).parents[2], text=True
    )

    assert re.fullmatch(r"ada: (PostgreSQL|MongoDB) \(simulated\)\n", printed)


def test_every_kind_of_voter_has_its_section():
    assert set(re.findall(r"^## (\w+)$", PAGE, flags=re.MULTILINE)) >= set(VOTERS)

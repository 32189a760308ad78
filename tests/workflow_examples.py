"""Workflow documents that several tests load."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.policies.registry import built_in_policies
from maos_flows.roster import LoadedRoster, roster_from
from maos_flows.workflow import Workflow, load_workflow

REPOSITORY = Path(__file__).parent.parent

AGENTS = """
roster:
  - {id: ana, role: analyst, domains: [finance]}
  - {id: ben, role: coder, domains: [engineering]}
  - {id: cleo, role: auditor, weight: 0}
  - {id: dan, role: coder, domains: [engineering, architecture]}
"""

TUTORIAL = (REPOSITORY / "tests" / "documents" / "exercise_14.json").read_text()
"""The tutorial's document of exercise 14, unchanged."""

STAGE = "- stage: a\n  question: Shall we?\n"
"""A stage without more, to be followed by what a test is about."""

FOUR = roster_from(
    [{"id": "ana", "role": "analyst"}, {"id": "ben"}, {"id": "cleo", "weight": 0}, {"id": "dan"}], base=Path()
)


def workflow_of(text: str, *, base: Path = Path("/nowhere"), roster: LoadedRoster | None = None) -> Workflow:
    return load_workflow(text, source="w.yaml", base=base, policies=built_in_policies(), roster=roster)


def document(stages: str, *, head: str = "", roster: str = AGENTS) -> str:
    """Write a document of these stages over four agents."""
    lines = textwrap.indent(textwrap.dedent(stages).strip("\n"), "  ")
    return f"workflow_name: w\n{textwrap.dedent(head)}stages:\n{lines}\n{roster}"


def refused(text: str, **more: Any) -> list[str]:
    """Give the problems of a document that is no workflow."""
    with pytest.raises(ConfigurationError) as caught:
        workflow_of(text, **more)
    return [str(problem) for problem in caught.value.problems]


def with_stage(text: str) -> str:
    """Write a document of one stage, of which `text` is the rest, from line 5 on."""
    return document(STAGE + textwrap.indent(text, "  "))

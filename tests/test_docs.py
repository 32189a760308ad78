"""README and manual: what stands in their fences loads, runs, or is a command there is."""

import asyncio
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from prefect import settings

from maos_flows.cli.app import app
from maos_flows.policies.registry import built_in_policies
from maos_flows.protocols.simulation.__main__ import _parser as simulation_parser
from maos_flows.workflow import load_workflow, waves

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TESTED_ELSEWHERE = {
    "agreement.md": ("tests/agreement/test_manual.py", {"python"}),
    "agents-over-http.md": ("tests/agent_server/test_manual.py", {"yaml", "json"}),
    "audit-store.md": ("tests/audit/test_manual.py", {"python"}),
    "configuration.md": ("tests/config/test_manual.py", {"yaml"}),
    "custom-policies.md": ("tests/plugins/test_manual.py", {"yaml", "python"}),
    "open-questions.md": ("tests/test_open_choices.py", {"yaml"}),
    "people.md": ("tests/people/test_manual.py", {"yaml"}),
    "raft.md": ("tests/protocols/test_raft_documents.py", {"python"}),
    "voters.md": ("tests/voters/test_manual.py", {"yaml", "json", "python", "csv"}),
    "weights.md": ("tests/weights/test_manual.py", {"yaml"}),
    "workflows.md": ("tests/test_workflow_docs.py", {"yaml", "text"}),
    "drills.md": ("tests/drills/test_stage_drills.py", {"yaml"}),
}
SHOWN_ONLY = {("protocol-trace.md", "json")}
"""One line of a trace, whose keys the page describes."""

COMMANDS: Any = typer.main.get_command(app)
USAGE_ERROR = typer.BadParameter.__base__
"""Of whichever click typer brings."""


@dataclass(frozen=True)
class Fence:
    """A fenced block of a page: the so manyeth of its language."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.language}-{self.number}"


def fences() -> Iterator[Fence]:
    for page in PAGES:
        found = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
        numbers: Counter[str] = Counter()
        for language, text in found:
            numbers[language] += 1
            yield Fence(page.name, numbers[language], language, text)


FENCES = list(fences())


def of(language: str) -> list[Fence]:
    """The fences of a language that are tested here."""
    return [
        fence
        for fence in FENCES
        if fence.language == language and language not in TESTED_ELSEWHERE.get(fence.page, ("", set()))[1]
    ]


def test_every_fence_is_tested_somewhere():
    here = {fence for language in ("yaml", "python", "console", "ini") for fence in of(language)}
    elsewhere = {fence for fence in FENCES if fence.language in TESTED_ELSEWHERE.get(fence.page, ("", set()))[1]}

    assert {(fence.page, fence.language) for fence in FENCES if fence not in here | elsewhere} == SHOWN_ONLY
    for page, (test, _) in TESTED_ELSEWHERE.items():
        assert page in (ROOT / test).read_text()


@pytest.mark.parametrize("fence", of("yaml"), ids=str)
def test_a_workflow_shown_loads(fence):
    workflow = load_workflow(fence.text, source=fence.page, base=ROOT, policies=built_in_policies())

    assert [[stage.name for stage in wave] for wave in waves(workflow)] == [["checks"], ["announcement"]]


ROSTER = """agents:
  - {id: ada, role: architect, voter: {kind: simulated, opinions: {PostgreSQL: 1}}}
  - {id: bob, role: operator, voter: {kind: simulated, opinions: {PostgreSQL: 1}}}
"""
RESULTS = {
    "README.md-python-1": "PostgreSQL",
    "prefect.md-python-1": "a",
    "prefect.md-python-2": "Reached: a 3 of 3",
    "prefect.md-python-3": ["Reached: a 3 of 3"] * 2,
}


@pytest.mark.usefixtures("prefect_address", "home")
@pytest.mark.parametrize("fence", of("python"), ids=str)
def test_a_flow_shown_runs(fence, tmp_path, monkeypatch):
    (tmp_path / "roster.yaml").write_text(ROSTER)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(fence.text, str(fence), "exec"), names)
    (flow,) = [value for name, value in names.items() if name.startswith("choose")]

    assert asyncio.run(flow()) == RESULTS[str(fence)]


def lines() -> list[str]:
    """Every command line in the fences."""
    found = [line.removeprefix("$ ") for fence in of("console") for line in fence.text.splitlines() if line.strip()]
    return sorted(set(found))


def inline() -> list[str]:
    """Every `maos` command in the running text."""
    words = [command for page in PAGES for command in re.findall(r"`(maos [a-z][^`]*)`", page.read_text())]
    return sorted(set(words))


@pytest.mark.parametrize("line", [*lines(), *inline()])
def test_a_command_shown_is_one_there_is(line):
    program, *words = shlex.split(line, comments=True)

    check = {"maos": is_maos, "make": is_target, "prefect": is_prefect, "python": is_python}
    also = {"pip": ["install"], "export": ["PREFECT_API_URL=http://127.0.0.1:4200/api"]}
    if program in check:
        check[program](words)
    else:
        assert words[: len(also[program])] == also[program]


@pytest.mark.parametrize("fence", of("ini"), ids=str)
def test_settings_shown_are_ones_prefect_has(fence):
    names = [line.split("=")[0] for line in fence.text.splitlines()]

    assert [name for name in names if not hasattr(settings, name)] == []


def is_maos(words: list[str]) -> None:
    """Parse a command line to its end, as typing it would, without running it."""
    command, context = COMMANDS, COMMANDS.make_context("maos", list(words))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


def is_target(words: list[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert words
    assert {*words} <= {*targets}


def is_prefect(words: list[str]) -> None:
    from prefect.cli._app import _app

    _app.parse_args([word for word in words if word != "--no-prompt"], exit_on_error=False, print_error=False)


def is_python(words: list[str]) -> None:
    if words[:2] == ["-m", "maos_flows.protocols.simulation"]:
        simulation_parser().parse_args(words[2:])
    else:
        assert (ROOT / words[0]).is_file()


@pytest.mark.parametrize(
    "words", [["nonsense"], ["decide", "Q?", "--nonsense"], ["workflow", "run"], ["decide", "Q?", "--format", "xml"]]
)
def test_a_command_that_is_not_there_would_be_found(words):
    with pytest.raises(USAGE_ERROR):
        is_maos(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    local = [link for link in links if not link.startswith("https://")]

    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_benchmark_the_readme_names_is_there():
    named = re.findall(r"`python (benchmarks/\w+\.py)", (ROOT / "README.md").read_text())

    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []

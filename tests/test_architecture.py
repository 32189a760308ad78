"""What holds for the package as a whole: what importing it costs, which names it has, how its files lie."""

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import maos_flows

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "maos_flows"
LONGEST_FILE = 400
FOLDERS = ["maos_flows", "policies", "workflows", "tests", "docs", "benchmarks", ".ci"]
NOT_TEXT = {".db", ".gz", ".ico", ".png", ".pyc"}

REGISTRY = re.compile(r"(pypi|pythonhosted|npmjs|anaconda|crates)\.(org|com|io)\b")
MACHINE_PATH = re.compile(
    r"(?<![\w.:/}])/(root|work|workspace|builds|Users|home/(?!ana\b)\w+|tmp/\w+|var/folders)/"  # ana is in examples
)

HEAVY = ["prefect", "fastapi", "sqlalchemy", "sqlmodel", "alembic", "asyncio", "yaml", "pydantic"]
OF_TYPER = {"pydantic"}
"""What typer imports for itself where a command has parameters."""
NEEDED_TO_READ_WORKFLOWS = {"yaml", "pydantic"}


def imported(statement: str) -> set[str]:
    """Give the heavy packages a fresh interpreter has imported once it has run a statement."""
    report = "import atexit, json, sys\natexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr))\n"
    done = subprocess.run(
        [sys.executable, "-c", report + statement], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return {*json.loads(done.stderr.splitlines()[-1])} & {*HEAVY}


def typed(*words: str) -> str:
    return f"sys.argv = {['maos', *words]!r}\nfrom maos_flows.cli.app import main\nmain()"


@pytest.mark.parametrize("statement", ["import maos_flows", "import maos_flows; dir(maos_flows)"])
def test_importing_the_package_imports_nothing_heavy(statement):
    assert imported(statement) == set()


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["decide", "--help"]])
def test_help_imports_nothing_heavy(words):
    assert imported(typed(*words)) <= OF_TYPER


@pytest.mark.parametrize(
    "words",
    [
        ["workflow", "--help"],
        ["workflow", "schema"],
        ["workflow", "validate", "workflows/product_development.yaml"],
        ["workflow", "show", "workflows/product_development.yaml"],
        ["workflow", "list"],
    ],
)
def test_looking_at_workflows_imports_neither_prefect_nor_the_store(words):
    assert imported(typed(*words)) <= NEEDED_TO_READ_WORKFLOWS


def public_names() -> dict[str, set[str]]:
    """Give the public names by module as type checkers are told them."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    told: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom)
                names = {alias.name for alias in statement.names if alias.asname == alias.name}
                told.setdefault(statement.module or "", set()).update(names)
    return told


def test_type_checkers_are_told_the_names_there_are():
    assert public_names() == {module: set(names) for module, names in maos_flows._HOMES.items()}


@pytest.mark.parametrize("name", sorted(maos_flows._HOME_OF))
def test_every_public_name_is_there_and_listed(name):
    value = getattr(maos_flows, name)

    assert value is getattr(sys.modules[maos_flows._HOME_OF[name]], name)
    assert name in dir(maos_flows)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'NoSuchThing'"):
        maos_flows.NoSuchThing  # noqa: B018 - looking it up is what is tested


def test_the_names_are_found_by_what_looks_through_a_module():
    assert {"MaosAuditStore", "decide", "run_workflow"} <= dict(inspect.getmembers(maos_flows)).keys()


def test_imports_point_down():
    check = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True, no_logo=True))"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_too_long_to_hold_one_idea(path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


def texts() -> Iterator[Path]:
    """Every text file of the project."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".coverage"))
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix not in NOT_TEXT and "__pycache__" not in path.parts:
                yield path


def test_nothing_names_a_package_registry_or_a_place_on_somebodys_machine():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {hit[0]}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for hit in (REGISTRY.search(line), MACHINE_PATH.search(line))
        if hit
    ]

    assert found == []


@pytest.mark.parametrize(
    "line", ["see https://pypi" + ".org/x", "cd /" + "root/x", "'/" + "home/bob/x'", "=/" + "Users/bob"]
)
def test_such_a_name_would_be_found(line):
    assert REGISTRY.search(line) or MACHINE_PATH.search(line)

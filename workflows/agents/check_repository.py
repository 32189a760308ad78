"""An agent that runs one check of a repository and votes go or no_go, with the end of the check's output as evidence.

It is a program for a voter of kind `command`: the proposal comes as JSON on standard input, the ballot goes as JSON to
standard output. Its one argument is the check: tests, lint, types, dependencies or changelog.

The repository is the folder that the environment variable RELEASE_REPOSITORY names (an absolute path); without it, the
nearest folder from here upwards that has a pyproject.toml. Tools are run with the repository's own .venv, if there is
one. With RELEASE_QUICK set, tests are collected and not run. A tool that is not installed is an abstention, never a go.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAIL = 2000
"""How many characters of a check's output are kept as evidence."""
NO_TESTS = 5
"""pytest's status when it finds nothing to run."""
REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*\(?(?P<bounds>[^;@)]*)\)?\s*(;.*)?"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: whether all is well (None: it could not be checked), why, and what shows it."""

    is_well: bool | None
    reasoning: str
    evidence: tuple[str, ...] = ()


def run(repository: Path, *words: str) -> tuple[int, str]:
    """Run a module with the repository's interpreter; give its status and the end of what it printed."""
    own = repository / ".venv" / "bin" / "python"
    command = [str(own) if own.exists() else sys.executable, "-m", *words]
    ended = subprocess.run(  # noqa: S603 - running a repository's checks is what this is for
        command, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    printed = ended.stdout.decode(errors="replace").strip()
    return ended.returncode, printed[-TAIL:]


def run_tool(repository: Path, tool: str, *words: str) -> Finding:
    """Run a tool whose status 0 means that all is well."""
    if run(repository, tool, "--version")[0]:
        return Finding(None, f"{tool} is not installed, so this was not checked.")
    status, printed = run(repository, tool, *words)
    shown = " ".join((tool, *words))
    summary = [line for line in printed.splitlines() if not line.startswith("[*]")]  # ruff's hint, not its result
    last = summary[-1] if summary else "no output"
    return Finding(status == 0, f"{shown} ended with status {status}: {last}", (f"$ {shown}\n{printed}",))


def check_tests(repository: Path) -> Finding:
    """Run the tests, or in a hurry collect them."""
    quickly = ["--collect-only"] if os.environ.get("RELEASE_QUICK") else ["-x"]
    return run_tool(repository, "pytest", "-q", "-p", "no:cacheprovider", *quickly)


def check_lint(repository: Path) -> Finding:
    """Run ruff."""
    return run_tool(repository, "ruff", "check", "--no-cache", "--output-format", "concise", ".")


def check_types(repository: Path) -> Finding:
    """Run mypy on what its settings name, or on everything."""
    named = project(repository).get("tool", {}).get("mypy", {}).keys() & {"files", "packages", "modules"}
    return run_tool(repository, "mypy", *([] if named else ["."]))


def check_dependencies(repository: Path) -> Finding:
    """Want a lower bound for every dependency: without one, nobody knows what was tested."""
    stated = project(repository).get("project")
    if stated is None:
        return Finding(False, "There is no pyproject.toml with a [project] table.")
    dependencies = stated.get("dependencies", [])
    loose = tuple(line for line in dependencies if not has_lower_bound(line))
    if loose:
        return Finding(False, f"{len(loose)} of {len(dependencies)} dependencies have no lower bound.", loose)
    return Finding(True, f"All {len(dependencies)} dependencies have a lower bound.", tuple(dependencies))


def has_lower_bound(requirement: str) -> bool:
    """Say whether a requirement (PEP 508) has a bound from below or is pinned."""
    match = REQUIREMENT.fullmatch(requirement)
    bounds = match["bounds"].split(",") if match else []
    return any(bound.strip().startswith((">=", ">", "==", "~=")) for bound in bounds)


def check_changelog(repository: Path) -> Finding:
    """Want an entry for the version to be released, or for what is not released yet."""
    file = repository / "CHANGELOG.md"
    if not file.is_file():
        return Finding(False, "There is no CHANGELOG.md.")
    version = str(project(repository).get("project", {}).get("version", "unreleased"))
    entries = {heading.casefold(): body.strip() for heading, body in sections(file.read_text(encoding="utf-8"))}
    for heading, body in entries.items():
        if body and any(
            re.search(rf"(?<![\w.])v?{re.escape(name)}(?![\w.])", heading) for name in (version, "unreleased")
        ):
            return Finding(True, f"The changelog has an entry: {heading}.", (body[:TAIL],))
    return Finding(False, f"The changelog has no entry for {version}.", tuple(entries)[:5])


def sections(text: str) -> list[tuple[str, str]]:
    """Split a changelog at its second-level headings."""
    parts = re.split(r"^##\s+(.*)$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def project(repository: Path) -> dict[str, Any]:
    """Read pyproject.toml; an empty one if there is none."""
    file = repository / "pyproject.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


CHECKS: Mapping[str, Callable[[Path], Finding]] = {
    "tests": check_tests,
    "lint": check_lint,
    "types": check_types,
    "dependencies": check_dependencies,
    "changelog": check_changelog,
}


def where() -> Path:
    """Give the repository."""
    named = os.environ.get("RELEASE_REPOSITORY")
    if named:
        return Path(named)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "pyproject.toml").is_file()), here)


def ballot(check: str, finding: Finding, choices: Sequence[str]) -> dict[str, object]:
    """Make a ballot of a finding; a check that finds something wrong also uses its veto, where it has the right to."""
    go, no_go = choices[0], choices[-1]
    choice = {True: go, False: no_go, None: "abstain"}[finding.is_well]
    return {
        "choice": choice,
        "reasoning": finding.reasoning,
        "evidence": list(finding.evidence),
        "veto": finding.is_well is False,
        "attributes": {"check": check},
    }


def main() -> None:
    """Read the proposal, check, print the ballot."""
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:  # noqa: PLR2004 - the program's name and its one argument
        sys.exit(f"give one check: {', '.join(CHECKS)}")
    asked = json.load(sys.stdin)
    repository = where()
    if not repository.is_dir():
        sys.exit(f"there is no folder {repository}")
    check = sys.argv[1]
    json.dump(ballot(check, CHECKS[check](repository), asked["choices"]), sys.stdout)


if __name__ == "__main__":
    main()

"""Scenario files: one run's settings and its transcript as text, written once and checked ever after."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from importlib import import_module
from pathlib import Path
from typing import cast

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.protocols.simulation.faults import Profile
from maos_flows.protocols.simulation.report import Report
from maos_flows.protocols.simulation.world import Runner, Settings

PROTOCOLS = ("raft", "byzantine")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to run again.

    Attributes:
        protocol: One of `PROTOCOLS`.
        seed: The run's seed.
        profile: How it becomes faults.
        events: Length of the safety phase.
        size: Number of replicas; None lets the seed draw it.
        stop_after: Events in all; None runs to the end.
    """

    protocol: str
    seed: int
    profile: Profile = Profile.SWARM
    events: int = 600
    size: int | None = None
    stop_after: int | None = None

    def run(self, observe: Callable[[str], None] | None = None) -> Report:
        """Run it."""
        settings = Settings(events=self.events, size=self.size, stop_after=self.stop_after, observe=observe)
        return runner(self.protocol)(self.seed, self.profile, settings)

    def transcript(self) -> str:
        """Run it and give the scenario file's text."""
        lines: list[str] = []
        report = self.run(lines.append)
        return "\n".join([*self._head(), *lines, *_tail(report), ""])

    def _head(self) -> Iterator[str]:
        for name in ("protocol", "seed", "profile", "events", "size", "stop_after"):
            value = getattr(self, name)
            if value is not None:
                yield f"# {name}: {value}"


def runner(protocol: str) -> Runner:
    """Find a protocol's `run`, loading that protocol alone."""
    return cast("Runner", import_module(f"maos_flows.protocols.simulation.{protocol}").run)


def read_scenario(text: str, *, source: str) -> Scenario:
    """Read a scenario file's settings from its first lines.

    Raises:
        ConfigurationError: A setting is missing or makes no sense.
    """
    head = dict(_settings(text))
    protocol = head.get("protocol", "")
    if protocol not in PROTOCOLS:
        raise ConfigurationError([Problem("protocol", f"{protocol!r} is not one of {PROTOCOLS}")], source=source)
    numbers = {name: int(value) for name, value in head.items() if value.isdecimal()}
    if "seed" not in numbers:
        raise ConfigurationError([Problem("seed", "is missing; a scenario is a seed's transcript")], source=source)
    return Scenario(
        protocol,
        numbers["seed"],
        Profile(head.get("profile", Profile.SWARM)),
        events=numbers.get("events", 600),
        size=numbers.get("size"),
        stop_after=numbers.get("stop_after"),
    )


def check_scenario(path: Path) -> str:
    """Run a scenario file again; give the difference as a unified diff, empty if there is none."""
    written = path.read_text(encoding="utf-8")
    present = read_scenario(written, source=str(path)).transcript()
    lines = unified_diff(written.splitlines(), present.splitlines(), str(path), "present run", lineterm="")
    return "\n".join(lines)


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, colon, value = line.removeprefix("# ").partition(": ")
        if not line.startswith("# ") or not colon:
            return
        yield name, value


def _tail(report: Report) -> Iterator[str]:
    yield f"# decided: {report.decided}, rounds: {report.rounds}, messages: {report.messages}, events: {report.events}"
    for violation in report.violations:
        yield f"# violation: {violation}"
    yield f"# trace hash: {report.trace_hash}"

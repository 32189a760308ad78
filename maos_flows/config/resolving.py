"""Resolve the configuration: built in < file < environment, each value with where it comes from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from maos_flows.config.contradictions import contradictions
from maos_flows.config.form import ConfigurationForm
from maos_flows.config.keys import Key, as_text, is_value, keys, leaves, look_up
from maos_flows.config.settings import CONFIGURED, PREFIX, Settings, settings_from
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import attempt, nearest, place, read
from maos_flows.model_settings import default_model
from maos_flows.records import digest
from maos_flows.roster import LoadedRoster, model_roster, roster_from
from maos_flows.strict_yaml import line_of, load, load_file

BUILT_IN: Mapping[str, Any] = {
    "consensus": {
        "decision_policies": {
            "routine": {"algorithm": "simple_majority", "threshold": "0.6", "timeout": "30s"},
            "important": {
                "algorithm": "supermajority",
                "threshold": "0.67",
                "timeout": "120s",
                "expert_review": "true",
            },
            "critical": {
                "algorithm": "byzantine_tolerant",
                "threshold": "0.75",
                "timeout": "300s",
                "audit_trail": "true",
                "human_oversight": "true",
            },
            "emergency": {
                "algorithm": "raft",
                "timeout": "10s",
                "leader_override": "true",
                "emergency_contacts": "true",
            },
        }
    }
}
"""The decision types there are before anybody configures one."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an installation is configured to do: values, and where each that was set comes from.

    Attributes:
        values: The values, typed, with defaults filled in.
        origins: Where each value that was set comes from, in words, by its path.
        digest: The SHA-256 of what was set, in canonical form.
        roster: The configured agents; without any, language models, if one is named or a provider's key is there.
    """

    values: ConfigurationForm = field(default_factory=partial(read, ConfigurationForm, BUILT_IN), hash=False)
    origins: Mapping[tuple[str, ...], str] = field(default_factory=dict, hash=False)
    digest: str = ""
    roster: LoadedRoster | None = None

    def is_set(self, *path: str) -> bool:
        """Say whether somebody set a key, rather than its default holding."""
        return path in self.origins

    def value(self, *path: str) -> Any:
        """Give the value of a key, or a section; None where nothing holds."""
        found: Any = self.values
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
        return found

    def text(self, *path: str) -> str | None:
        """Give the value of a key as it could stand in the file; None where nothing holds."""
        found = self.value(*path)
        return None if found is None else as_text(found, path)


def resolve(environ: Mapping[str, str]) -> Configuration:
    """Resolve the configuration of an installation from its `config.yml` and from environment variables.

    Args:
        environ: `MAOS_HOME` says where the file is; `MAOS_CONSENSUS__VOTING_TIMEOUT=30s` sets
            `consensus.voting_timeout`, and so on.

    Raises:
        ConfigurationError: The file or a variable cannot be used, or they contradict each other; names every problem.
    """
    settings = settings_from(environ)
    said = read_file(settings)
    resolved = configure(said, from_environment(environ), settings=settings)
    model = default_model(environ, named=settings.model) if resolved.roster is None else None
    return resolved if model is None else replace(resolved, roster=model_roster(model))


def read_file(settings: Settings) -> Any:
    """Read `config.yml` as it is written; a file that is not there, or is empty, says nothing.

    Raises:
        ConfigurationError: It cannot be read, or is not a document.
    """
    path = settings.config_file
    said = load_file(path) if path.exists() else None
    return {} if said is None else said


def configure(said: Any, overlay: Mapping[str, Any], *, settings: Settings, source: str | None = None) -> Configuration:
    """Make a configuration of what a file says and of what lies over it; `source` is what errors call the file.

    Raises:
        ConfigurationError: It cannot be used; names every problem.
    """
    source = source or str(settings.config_file)
    check_document(said, source=source)
    _check_environment(overlay)
    assert isinstance(said, Mapping), "what is none was refused"
    merged = merge(merge(BUILT_IN, said), overlay)
    values = read(ConfigurationForm, merged)
    _refuse(contradictions(values), said, source)
    return Configuration(
        values,
        dict(_origins(said, overlay, source)),
        digest(merge(said, overlay)),
        None if values.agents is None else roster_from({"agents": merged["agents"]}, base=settings.home),
    )


def check_document(said: Any, *, source: str) -> None:
    """Check one document on its own: known keys, values of their types, nothing empty.

    Raises:
        ConfigurationError: It is not a configuration; names every problem with path and line.
    """
    problems: list[Problem] = []
    if isinstance(said, Mapping):
        said_nothing = [path for path, value in leaves(said) if value is None]
        problems += [Problem(place(said, path), "is empty; give it a value or leave it out") for path in said_nothing]
        said = _without(said, said_nothing)
    attempt(problems, partial(read, ConfigurationForm, said))
    if problems:
        raise ConfigurationError(problems, source=source)


def _without(data: Mapping[str, Any], paths: Sequence[tuple[str, ...]]) -> Any:
    """Give a document without what was complained of already."""
    for path in paths:
        above = look_up(data, path[:-1])
        del above[path[-1]]
    return data


def _refuse(found: Iterator[tuple[tuple[str, ...], str]], said: Any, source: str) -> None:
    problems = [Problem(place(said, path), message) for path, message in found]
    if problems:
        raise ConfigurationError(problems, source=source)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one document over another: sections are merged key by key, values and lists take the place of others."""
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            value = merge(under, value)  # noqa: PLW2901 - what is laid over stands in its place
        merged[name] = value
    return merged


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the variables that set keys; one that is empty is as good as not set.

    Raises:
        ConfigurationError: A variable stands for no key, or its text is no value; names every one.
    """
    problems: list[Problem] = []
    overlay: dict[str, Any] = {}
    for name in sorted(name for name in environ if name.startswith(CONFIGURED) and environ[name]):
        path = _path_of(name)
        if not is_value(path):
            known = [_variable_of(key) for key in keys() if "<" not in key.name]
            problems.append(Problem(name, f"it stands for no key{nearest(name, known)}"))
            continue
        value = attempt(problems, partial(value_of, environ[name], path=name))
        section = overlay
        for part in path[:-1]:
            section = section.setdefault(part, {})
        section[path[-1]] = value
    if problems:
        raise ConfigurationError(problems, source="environment")
    return overlay


def value_of(text: str, *, path: str) -> Any:
    """Read a value typed on one line as YAML: `0.67`, `byzantine_tolerant`, `[security, encryption]`.

    Raises:
        ConfigurationError: It is no value.
    """
    try:
        value = load(text)
    except ConfigurationError as error:
        raise ConfigurationError([Problem(path, problem.message) for problem in error.problems]) from error
    if value is None:
        raise ConfigurationError([Problem(path, "is empty; give it a value")])
    return value


def _check_environment(overlay: Mapping[str, Any]) -> None:
    """Check what variables set on its own, so that a problem names the variable."""
    try:
        read(ConfigurationForm, overlay)
    except ConfigurationError as error:
        problems = [
            Problem(variable(problem.path.split(" ")[0].split(".")), problem.message) for problem in error.problems
        ]
        raise ConfigurationError(problems, source="environment") from error


def _path_of(name: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(PREFIX).lower().split("__"))


def variable(path: Sequence[str]) -> str:
    """Give the name of the variable that sets a key."""
    return PREFIX + "__".join(path).upper()


def _variable_of(key: Key) -> str:
    return variable(key.path)


def _origins(said: Any, overlay: Mapping[str, Any], source: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for path, _ in leaves(BUILT_IN):
        yield path, "built in"
    for path, _ in leaves(said):
        line = line_of(said, path)
        yield path, source if line is None else f"{source}, line {line}"
    for path, _ in leaves(overlay):
        yield path, f"environment, {variable(path)}"

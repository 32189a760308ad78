"""Keys that wait: they may be configured, and a decision that needs one is refused until what it asks for is there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from maos_flows.config.keys import leaves
from maos_flows.config.resolving import Configuration
from maos_flows.errors import ConfigurationError, Problem

_ANY_TYPE = "<type>"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key that does not act yet.

    Attributes:
        path: Where it stands; `<type>` is any decision type.
        value: The value, as written, that asks for what is not there; its other values hold.
    """

    path: tuple[str, ...]
    value: str = "true"


NOT_THERE_YET = (
    Waiting(("consensus", "security", "vote_encryption")),
    Waiting(("consensus", "security", "audit_signatures")),
)
"""Whoever builds what a key asks for takes its line out, and makes it act."""


def waiting_in(said: Mapping[str, Any]) -> tuple[str, ...]:
    """List what waits of what a document sets, as `key: value`."""
    return tuple(
        f"{'.'.join(path)}: {value}"
        for path, value in leaves(said)
        if any(_matches(entry, path) and value == entry.value for entry in NOT_THERE_YET)
    )


def refuse_waiting(configuration: Configuration, *, decision_type: str) -> None:
    """Refuse a decision that needs what is not there yet.

    Args:
        configuration: What holds.
        decision_type: The type of the decision, or empty.

    Raises:
        ConfigurationError: It does; names every such key.
    """
    problems = [
        Problem(f"{name} ({origin})", f"{value} is not there yet, so nothing can be decided under it")
        for name, value, origin in _needed(configuration, decision_type)
    ]
    if problems:
        raise ConfigurationError(problems)


def _needed(configuration: Configuration, decision_type: str) -> Iterator[tuple[str, str, str]]:
    for entry in NOT_THERE_YET:
        if _ANY_TYPE in entry.path and not decision_type:
            continue
        path = tuple(decision_type if part == _ANY_TYPE else part for part in entry.path)
        if configuration.text(*path) == entry.value:
            yield ".".join(path), entry.value, configuration.origins.get(path, "the default")


def _matches(entry: Waiting, path: tuple[str, ...]) -> bool:
    return len(entry.path) == len(path) and all(
        known in (part, _ANY_TYPE) for known, part in zip(entry.path, path, strict=True)
    )

"""Change the configuration for the commands: check the whole of it, record who changes what, then write."""

import os
import pwd
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from maos_flows.audit.configuration import ConfigurationChange, KeyChange
from maos_flows.audit.store import AuditStore
from maos_flows.cli.loading import known_policies
from maos_flows.config.editing import Change, changes, merged, said_in, with_value, without
from maos_flows.config.file import ConfigFile, Version, digest_of
from maos_flows.config.form import AlgorithmsForm
from maos_flows.config.keys import is_value, parts_of
from maos_flows.config.resolving import Configuration, check_document, configure, from_environment, variable
from maos_flows.config.settings import Settings, settings_from
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import nearest, place
from maos_flows.records import digest
from maos_flows.strict_yaml import load, read_text


@dataclass(frozen=True, slots=True)
class Changed:
    """What a command changed.

    Attributes:
        path: The file.
        keys: What changed, key by key.
        hidden: Variables of the environment that go before what was set.
    """

    path: Path
    keys: tuple[KeyChange, ...]
    hidden: tuple[str, ...] = ()

    def as_plain(self) -> dict[str, Any]:
        """Give it as plain data for programs."""
        keys = [asdict(key) for key in self.keys]
        return {"path": str(self.path), "changed": keys, "hidden": list(self.hidden)}


def merge_file(source: Path) -> Changed:
    """Lay a document over the configuration; `-` reads standard input.

    Raises:
        ConfigurationError: It cannot be read or is not a configuration; names every problem.
    """
    text, name = read_document(source)
    check_document(load(text, source=name) or {}, source=name)
    return _change(f"merge {name}", lambda before: merged(before, text))


def set_value(key: str, value: str) -> Changed:
    """Set one key.

    Raises:
        ConfigurationError: There is no such key, or it cannot be that.
    """
    path = parts_of(key)
    if not is_value(path):
        raise ConfigurationError([Problem(key, "is a section; name one of its keys, or use `maos config merge`")])
    return _change(f"set {key}", lambda before: with_value(before, path, value))


def unset(key: str) -> Changed:
    """Take a key, or a section, out of the file, so that its default holds.

    Raises:
        ConfigurationError: There is no such key, or it is not set in the file.
    """
    path = parts_of(key)
    return _change(f"unset {key}", lambda before: without(before, path))


def undo() -> Changed:
    """Take back the newest change.

    Raises:
        NotFoundError: There is none left.
        ConflictError: The file was edited since by hand.
    """
    settings = settings_from(os.environ)
    file = ConfigFile(settings.config_file)

    def record(version: Version, before: str, after: str) -> None:
        _record(settings, f"undo {version.action}", before, after)

    before, after = file.undo(check=lambda text: _check(text, settings), record=record)
    return _told(settings, before, after)


def check_file(source: Path | None) -> str:
    """Check a document, or the configuration as it is, environment and all, and say what it is called.

    Raises:
        ConfigurationError: It cannot be used; names every problem.
    """
    settings = settings_from(os.environ)
    text, name = read_document(source) if source else (_text_of(settings), str(settings.config_file))
    overlay = {} if source else from_environment(os.environ)
    said = load(text, source=name) or {}
    _check_names(configure(said, overlay, settings=settings, source=name), said, name)
    return name


def read_document(source: Path) -> tuple[str, str]:
    """Read a document and say what it is called; `-` is standard input, `~` the home folder."""
    if str(source) == "-":
        return sys.stdin.read(), "standard input"
    path = source.expanduser()
    return read_text(path), str(path)


def _text_of(settings: Settings) -> str:
    return ConfigFile(settings.config_file).text()


def _change(action: str, edit: Callable[[str], str]) -> Changed:
    settings = settings_from(os.environ)

    def edited(before: str) -> str:
        after = edit(before)
        _check(after, settings)
        return after

    before, after = ConfigFile(settings.config_file).change(
        edited,
        action=action,
        who=_user(),
        at=datetime.now(UTC),
        record=lambda before, after: _record(settings, action, before, after),
    )
    return _told(settings, before, after)


def _check(text: str, settings: Settings) -> None:
    """Check a text as the whole configuration: nothing is written under which nothing could be decided."""
    said = said_in(text)
    _check_names(configure(said, {}, settings=settings), said, str(settings.config_file))


def _check_names(configuration: Configuration, said: Mapping[str, Any], source: str) -> None:
    """Check that every algorithm named is there."""
    known = set(known_policies())
    consensus = configuration.values.consensus
    named: list[tuple[tuple[str, ...], str]] = [(("consensus", "default_algorithm"), consensus.default_algorithm)]
    for name, policy in consensus.decision_policies.items():
        named.append((("consensus", "decision_policies", name, "algorithm"), policy.algorithm or ""))
    extra = consensus.algorithms.model_extra or {}
    named += [(("consensus", "algorithms", name), name) for name in (*AlgorithmsForm.model_fields, *extra)]
    problems = [
        Problem(place(said, path), f"there is no algorithm {name[:60]!r}{nearest(name, known)}")
        for path, name in named
        if name and name not in known
    ]
    if problems:
        raise ConfigurationError(problems, source=source)


def _record(settings: Settings, action: str, before: str, after: str) -> None:
    change = ConfigurationChange(
        datetime.now(UTC),
        _user(),
        action,
        str(settings.config_file),
        digest_of(before),
        digest_of(after),
        _keys(before, after),
    )
    with AuditStore.open(settings.database_url) as store:
        store.configuration.record(change)


def _told(settings: Settings, before: str, after: str) -> Changed:
    keys = _keys(before, after)
    set_now = [tuple(key.key.split(".")) for key in keys if key.after is not None]
    hidden = tuple(name for path in set_now if os.environ.get(name := variable(path)))
    return Changed(settings.config_file, keys, hidden)


def _keys(before: str, after: str) -> tuple[KeyChange, ...]:
    return tuple(_key(change) for change in changes(before, after))


def _key(change: Change) -> KeyChange:
    """Tell a change of a key; of agents, whose voters may be given secrets, only the digests."""
    path, before, after = change
    if path[0] == "agents":
        before, after = (None if value is None else digest(value) for value in (before, after))
    return KeyChange(".".join(path), before, after)


def _user() -> str:
    """Name the user of the operating system, whatever the environment says."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"

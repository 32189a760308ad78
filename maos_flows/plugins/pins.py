"""Policies installed from files: their bytes under their digest in the home, and a pin that says which are meant.

`MAOS_HOME/policies/NAME/` holds each version installed as `DIGEST.py` or `DIGEST.yaml`, and `pin.json`. Bytes are read
once, compared with the pin, and those very bytes are run. A version's bytes stay after another was installed.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from maos_flows.errors import ConfigurationError, MaosError, NotFoundError, Problem
from maos_flows.forms import nearest
from maos_flows.records import from_plain, to_plain
from maos_flows.text_types import read_name

SUFFIXES = {".py": "python", ".yaml": "declarative", ".yml": "declarative"}
"""The files that can be installed, by what they hold."""

_STORED = {"python": ".py", "declarative": ".yaml"}
_PIN = "pin.json"


@dataclass(frozen=True, slots=True)
class Pin:
    """Which bytes a policy is, and what it says of itself.

    Attributes:
        name: What it is called.
        kind: `python` or `declarative`.
        digest: The SHA-256 of its file, as `sha256:` and hexadecimal digits.
        origin: The file it was installed from.
        installed_at: When.
        tolerates: What it says it withstands.
        description: What it says it is for.
        parameters: Its own parameters with their values, as plain data.
        is_monotone: Whether it says that more support never hurts a choice.
    """

    name: str
    kind: str
    digest: str
    origin: str
    installed_at: datetime
    tolerates: str = ""
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    is_monotone: bool = True


class ChangedPolicyError(MaosError):
    """An installed policy whose file is not what was installed."""


def digest_of(content: bytes) -> str:
    """Give the digest by which a file is pinned."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def folder_of(home: Path) -> Path:
    """Give the folder of all installed policies."""
    return home / "policies"


def installed_names(home: Path) -> tuple[str, ...]:
    """List what is installed, by name."""
    folder = folder_of(home)
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/{_PIN}") if _is_name(path.parent.name)))


def _is_name(text: str) -> bool:
    with suppress(ValueError):
        return bool(read_name(text))
    return False


def read_pin(home: Path, name: str) -> Pin:
    """Read the pin of an installed policy.

    Raises:
        NotFoundError: None of that name is installed.
        ChangedPolicyError: The pin cannot be read.
    """
    path = folder_of(home) / name / _PIN
    if not _is_name(name) or not path.is_file():
        names = installed_names(home)
        raise NotFoundError(f"no policy {name[:60]!r} is installed{nearest(name, names)}")
    try:
        pin = from_plain(Pin, json.loads(path.read_bytes()))
    except (OSError, ValueError, ConfigurationError) as error:
        raise ChangedPolicyError(f"the pin {path} cannot be read; install the policy again") from error
    if pin.name != name or pin.kind not in _STORED:
        raise ChangedPolicyError(f"the pin {path} is not that of {name}; install the policy again")
    return pin


def file_of(home: Path, pin: Pin) -> Path:
    """Give the place of a version's bytes."""
    return folder_of(home) / pin.name / f"{pin.digest.removeprefix('sha256:')}{_STORED[pin.kind]}"


def read_content(home: Path, pin: Pin) -> bytes:
    """Read a policy's bytes, if they are those that were installed.

    Raises:
        ChangedPolicyError: They are not.
    """
    path = file_of(home, pin)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ChangedPolicyError(f"the policy {pin.name} cannot be read from {path}; install it again") from error
    now = digest_of(content)
    if now != pin.digest:
        words = f"was changed since it was installed, from {pin.digest} to {now}; install it again"
        raise ChangedPolicyError(f"the policy {pin.name} {words}")
    return content


def is_intact(home: Path, pin: Pin) -> bool:
    """Say whether an installed policy is still what was installed."""
    try:
        read_content(home, pin)
    except ChangedPolicyError:
        return False
    return True


def put_content(home: Path, pin: Pin, content: bytes) -> None:
    """Put a version's bytes where they belong; without its pin that is of no effect."""
    path = file_of(home, pin)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _put(path, content)


def put_pin(home: Path, pin: Pin) -> None:
    """Pin a version, in one step: before it the old one holds, after it the new."""
    _put(folder_of(home) / pin.name / _PIN, json.dumps(to_plain(pin), indent=2).encode() + b"\n")


def remove_pin(home: Path, name: str) -> None:
    """Take a policy's pin away: it is installed no more, its versions' bytes stay."""
    (folder_of(home) / name / _PIN).unlink()


def _put(path: Path, content: bytes) -> None:
    """Write a file whole under another name, then give it its own.

    Raises:
        ConfigurationError: It cannot be written.
    """
    temporary = path.with_name(f".{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o600)
        temporary.replace(path)
    except OSError as error:
        raise ConfigurationError([Problem("", f"{path} cannot be written: {error.strerror}")]) from error
    finally:
        temporary.unlink(missing_ok=True)


def pins(home: Path) -> Iterator[Pin | ChangedPolicyError]:
    """Give every pin by name, or what is wrong with it."""
    for name in installed_names(home):
        try:
            yield read_pin(home, name)
        except ChangedPolicyError as error:
            yield error

"""Install a policy: read it once, look at it in the sandbox, record it, pin it; a refused one leaves nothing behind."""

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from maos_flows.audit.policies import PolicyAction, PolicyVersion
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, NotFoundError, Problem
from maos_flows.plugins.declared import declared_policy
from maos_flows.plugins.pins import (
    SUFFIXES,
    Pin,
    digest_of,
    put_content,
    put_pin,
    read_pin,
    remove_pin,
)
from maos_flows.plugins.purity import examine
from maos_flows.plugins.sandbox import LIMITS, Code, Limits, SandboxError
from maos_flows.policies.registry import built_in_policies
from maos_flows.strict_yaml import read_bytes
from maos_flows.text_types import read_name

RESERVED = ("simple_majority", "supermajority", "weighted_voting", "byzantine_tolerant", "raft", "adaptive")
"""The names of algorithms: nobody's policy is called so."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy that was looked at and can be installed.

    Attributes:
        pin: What would be pinned.
        content: Its bytes.
        fences: What fenced it in while it was looked at; nothing of a declarative one, which is not run.
        replaces: The digest of the version installed until now, if there is another.
    """

    pin: Pin
    content: bytes
    fences: tuple[str, ...] = ()
    replaces: str | None = None


def look_at(file: Path, *, home: Path, limits: Limits = LIMITS) -> Candidate:
    """Read a policy's file and find out whether it can be installed. Its code is run in the sandbox only.

    Raises:
        ConfigurationError: It cannot be: not such a file, its name is taken, it cannot be loaded, or its answers
            depend on more than the ballots.
    """
    kind = SUFFIXES.get(file.suffix)
    if kind is None:
        raise _refused(file, f"it must be one of {', '.join(SUFFIXES)}, by its name")
    content = read_bytes(file)
    text = _decoded(file, content)
    if kind == "declarative":
        policy, description = declared_policy(text, source=str(file))
        pin = Pin(
            policy.name, kind, digest_of(content), str(file.absolute()), datetime.now(UTC), description=description
        )
        fences: tuple[str, ...] = ()
    else:
        pin, fences = _look_at_code(file, text, digest_of(content), limits)
    _check_name(file, pin.name)
    return Candidate(pin, content, fences, _installed_until_now(home, pin))


def _look_at_code(file: Path, text: str, digest: str, limits: Limits) -> tuple[Pin, tuple[str, ...]]:
    try:
        about, problem = examine(Code(source=text, file=file.name), limits=limits)
    except SandboxError as error:
        raise _refused(file, str(error)) from error
    if problem:
        raise _refused(file, problem)
    pin = Pin(
        about.name,
        "python",
        digest,
        str(file.absolute()),
        datetime.now(UTC),
        about.tolerates,
        about.description,
        about.parameters,
        is_monotone=about.is_monotone,
    )
    return pin, about.fences


def _check_name(file: Path, name: str) -> None:
    try:
        read_name(name)
    except ValueError as error:
        raise _refused(file, f"its policy's name: {error}") from error
    if name in RESERVED or name in built_in_policies():
        raise _refused(file, f"its policy is called {name}, which is the name of an algorithm; give it another")


def _installed_until_now(home: Path, pin: Pin) -> str | None:
    try:
        before = read_pin(home, pin.name)
    except NotFoundError:
        return None
    return before.digest if before.digest != pin.digest else None


def install(candidate: Candidate, *, home: Path, store: AuditStore) -> Pin:
    """Install a candidate: recorded in the audit first, pinned last.

    Raises:
        StoreError: It cannot be recorded; then it is not installed.
        ConfigurationError: It cannot be written.
    """
    put_content(home, candidate.pin, candidate.content)
    store.policies.record(_version(candidate.pin, PolicyAction.INSTALLED, candidate.content))
    put_pin(home, candidate.pin)
    return candidate.pin


def remove(name: str, *, home: Path, store: AuditStore) -> Pin:
    """Remove an installed policy; the audit keeps what it was.

    Raises:
        NotFoundError: None of that name is installed.
    """
    pin = read_pin(home, name)
    store.policies.record(_version(pin, PolicyAction.REMOVED, b""))
    remove_pin(home, name)
    return pin


def _decoded(file: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(file, f"it is not UTF-8 text: {error.reason} at byte {error.start}") from error


def _version(pin: Pin, action: PolicyAction, content: bytes) -> PolicyVersion:
    return PolicyVersion(datetime.now(UTC), _user(), action, pin.name, pin.kind, pin.digest, content, pin.origin)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _refused(file: Path, message: str) -> ConfigurationError:
    return ConfigurationError([Problem("", message)], source=str(file))

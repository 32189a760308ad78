"""Write `config.yml`: one change at a time, whole or not at all, with a history to go back in."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from maos_flows.errors import ConflictError, MaosError, NotFoundError
from maos_flows.strict_yaml import read_text

MOST_VERSIONS = 50
"""How many changes can be undone."""

_PATIENCE_SECONDS = 10.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Version:
    """One change of the file: what it was before, so that it can be undone.

    Attributes:
        at: When, in ISO 8601 and UTC.
        who: The user of the operating system.
        action: What was done, in words: `set consensus.voting_timeout`.
        before: The whole text before.
        after: The SHA-256 of the text after.
    """

    at: str
    who: str
    action: str
    before: str
    after: str


Recorder = Callable[[str, str], None]
"""Takes the text before and after, once all that can fail easily has been done; if it raises, nothing is changed."""


class ConfigFile:
    """The file, its lock and its history."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._history = path.with_name("config-history.jsonl")
        self._lock = path.with_name("config.lock")

    def text(self) -> str:
        """Read the text; a file that is not there is empty."""
        return read_text(self.path) if self.path.exists() else ""

    def versions(self) -> tuple[Version, ...]:
        """Read the changes that can be undone, the newest last."""
        if not self._history.exists():
            return ()
        try:
            lines = self._history.read_text(encoding="utf-8").splitlines()
            return tuple(Version(**json.loads(line)) for line in lines)
        except (OSError, ValueError, TypeError) as error:
            raise MaosError(f"the history {self._history} cannot be read: {error}") from error

    def change(
        self, edit: Callable[[str], str], *, action: str, who: str, at: datetime, record: Recorder
    ) -> tuple[str, str]:
        """Change the text, and keep what it was.

        Args:
            edit: Makes the new text of the old; raises if it may not be.
            action: What is done, in words.
            who: Who does it.
            at: When.
            record: Records the change elsewhere before it counts.

        Returns:
            The text before and after. If they are the same, nothing is written.

        Raises:
            MaosError: The file cannot be written, or another process keeps it locked.
        """
        with self._locked():
            before = self.text()
            after = edit(before)
            if after != before:
                version = Version(at.isoformat(timespec="seconds"), who, action, before, digest_of(after))
                kept = (*self._before_that(before), version)[-MOST_VERSIONS:]
                # The history first: a version of a change that was never made is known by its text, see _before_that.
                with _new_text(self.path, after), _new_text(self._history, _lines(kept)):
                    record(before, after)
            return before, after

    def undo(self, *, check: Callable[[str], None], record: Callable[[Version, str, str], None]) -> tuple[str, str]:
        """Give the file the text it had before the newest change.

        Returns:
            The text before and after.

        Raises:
            NotFoundError: No change is left that could be undone.
            ConflictError: The file was edited since by hand.
        """
        with self._locked():
            before = self.text()
            kept = self._before_that(before)
            if not kept:
                raise NotFoundError(f"there is no change of {self.path} to undo")
            newest = kept[-1]
            if newest.after != digest_of(before):
                raise ConflictError(f"{self.path} was edited by hand since {newest.at}; undo would lose that")
            check(newest.before)
            with _new_text(self._history, _lines(kept[:-1])), _new_text(self.path, newest.before):
                record(newest, before, newest.before)
            return before, newest.before

    def _before_that(self, text: str) -> tuple[Version, ...]:
        """Read the history less a newest change that was never made, because the process died before it was."""
        kept = self.versions()
        if kept and kept[-1].after != digest_of(text) and kept[-1].before == text:
            return kept[:-1]
        return kept

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from changing the file; the system lets go if this one dies."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._lock, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise MaosError(f"{self._lock} cannot be made: {error.strerror}") from error
        try:
            until = time.monotonic() + _PATIENCE_SECONDS
            while not _try_lock(handle):
                if time.monotonic() > until:
                    raise MaosError(f"another process is changing {self.path}")
                time.sleep(_LOOK_SECONDS)
            yield
        finally:
            os.close(handle)


def digest_of(text: str) -> str:
    """Give the SHA-256 of a text."""
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _lines(versions: tuple[Version, ...]) -> str:
    return "".join(f"{json.dumps(asdict(version), ensure_ascii=False)}\n" for version in versions)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _new_text(path: Path, text: str) -> Iterator[None]:
    """Give a file a new text, at once, if what is done meanwhile succeeds. Links are followed, the mode is kept."""
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield
        temporary.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise MaosError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)

"""Keys of the agents that answer here: made when first needed, kept in a folder that only its owner reads.

Each is a file of its own, written once: of two processes that make a key at the same moment one wins, and both have it.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from maos_flows.errors import StoreError
from maos_flows.sealing import SealingKey
from maos_flows.signing import SigningKey

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_DEPLOYMENT = "deployment"
_REPLICA = "replica of "
_RECORDS = "\0records"
"""The key that signs closed decisions; no agent can be called so."""
_SEALING = "sealing.jwk"


class KeyFolder:
    """The private keys of one installation. Threads may share it; what was read is remembered.

    Args:
        folder: Where the keys are; made, for its owner alone, when the first one is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, SigningKey] = {}
        self._sealing: SealingKey | None = None
        self._deployment = ""
        self._lock = Lock()

    @property
    def deployment(self) -> str:
        """The installation's name, drawn once: what is signed for it is void elsewhere.

        Raises:
            StoreError: It can be neither read nor kept.
        """
        with self._lock:
            if not self._deployment:
                path = self.folder / _DEPLOYMENT
                self._deployment = _kept(path, lambda: secrets.token_hex(16)).strip()
            return self._deployment

    def key_of(self, agent_id: str) -> SigningKey:
        """Give an agent's key; made now if there is none.

        Raises:
            StoreError: It can be neither read nor kept.
        """
        return self._get(agent_id)

    def replica_key_of(self, agent_id: str) -> SigningKey:
        """Give the key of the replica that stands here for an agent whose own key is elsewhere; made if there is none.

        Raises:
            StoreError: It can be neither read nor kept.
        """
        return self._get(f"{_REPLICA}{agent_id}")

    @property
    def records_key(self) -> SigningKey:
        """The key that signs the records of closed decisions; made now if there is none.

        Raises:
            StoreError: It can be neither read nor kept.
        """
        return self._get(_RECORDS)

    @property
    def has_records_key(self) -> bool:
        """Whether there is one."""
        return _RECORDS in self._known or _path(self.folder, _RECORDS).exists()

    @property
    def sealing_key(self) -> SealingKey:
        """The key that seals ballots until their decision is closed; made now if there is none.

        Raises:
            StoreError: It can be neither read nor kept.
        """
        with self._lock:
            if self._sealing is None:
                self._sealing = _read_sealing_key(self.folder / _SEALING)
            return self._sealing

    @property
    def can_open(self) -> bool:
        """Whether there is one."""
        return self._sealing is not None or (self.folder / _SEALING).exists()

    def private(self, agent_id: str, public_key: str) -> SigningKey | None:
        """Find the private half of an agent's key, or of its replica's; None if it is elsewhere. Makes none.

        Raises:
            StoreError: There is a file of it that cannot be read.
        """
        for name in (agent_id, f"{_REPLICA}{agent_id}"):
            if name in self._known or _path(self.folder, name).exists():
                key = self._get(name)
                if key.public == public_key:
                    return key
        return None

    def _get(self, name: str) -> SigningKey:
        with self._lock:
            if name not in self._known:
                self._known[name] = _read_key(_path(self.folder, name), name)
            return self._known[name]


def key_in(path: Path, agent_id: str) -> SigningKey:
    """Give the key that a file holds for an agent; made now if there is no such file.

    Raises:
        StoreError: It can be neither read nor kept, or it is another agent's.
    """
    return _read_key(path, agent_id)


def key_path(folder: Path, agent_id: str) -> Path:
    """Give the file in a folder that an agent's key is in."""
    return _path(folder, agent_id)


def _read_key(path: Path, name: str) -> SigningKey:
    text = _kept(path, lambda: _written(SigningKey.generate(), name))
    try:
        fields = json.loads(text)
        key = SigningKey.from_jwk(fields["jwk"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the key file {path} is damaged; restore it from a backup") from error
    if fields.get("agent") != name:
        raise StoreError(f"the key file {path} is of {str(fields.get('agent'))[:60]!r}, not of {name[:60]!r}")
    return key


def _read_sealing_key(path: Path) -> SealingKey:
    text = _kept(path, lambda: json.dumps(SealingKey.generate().as_jwk()) + "\n")
    try:
        return SealingKey.from_jwk(json.loads(text))
    except (ValueError, TypeError) as error:
        raise StoreError(f"the key file {path} is damaged; restore it from a backup") from error


def _written(key: SigningKey, name: str) -> str:
    return json.dumps({"agent": name, "jwk": key.as_jwk()}, ensure_ascii=True, indent=1) + "\n"


def _path(folder: Path, name: str) -> Path:
    """Give the file of a name: readable, and never the same for two names, however alike, on any file system."""
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-")
    return folder / f"{readable}.{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:16]}.jwk"


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read a file, made by `make` if there is none: whole or not at all, and once, whoever else makes it now."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise StoreError(f"the key file {path} cannot be read: {error}") from error
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        _write_once(path, make())
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise StoreError(f"the key file {path} cannot be kept: {error}") from error


def _write_once(path: Path, text: str) -> None:
    """Write a file under another name, then give it its own unless that is taken: linking fails if it is."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()

"""Fast signatures for simulations: keyed hashes. Unforgeable for whoever is given only its own `FakeSigning`."""

import hashlib
from collections.abc import Mapping

from maos_flows.protocols.byzantine.statements import Kind, Payload
from maos_flows.protocols.canonical import canonical_bytes, read_payload

_MARK = 16
_MOST_REMEMBERED = 20_000


class Keyring:
    """The keys of all agents of one run. Verifying is remembered, for every replica checks the same tokens."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._read: dict[tuple[str, str, str], Mapping[str, object] | None] = {}

    def signing(self, agent: str) -> "FakeSigning":
        """Give an agent its key, and the means to verify everybody's."""
        return FakeSigning(self, agent)

    def mark(self, agent: str, kind: Kind, data: bytes) -> str:
        """Compute what only the holder of an agent's key may compute."""
        key = f"{self._seed} {agent}".encode()[:64]
        return hashlib.blake2b(kind.encode() + b"\0" + data, key=key, digest_size=_MARK // 2).hexdigest()

    def verify(self, agent: str, kind: Kind, token: str) -> Mapping[str, object] | None:
        """Read a token; None if the agent did not sign it as being of this kind."""
        key = (agent, kind.value, token)
        if key not in self._read:
            if len(self._read) >= _MOST_REMEMBERED:
                self._read.clear()
            self._read[key] = self._verify(agent, kind, token)
        return self._read[key]

    def _verify(self, agent: str, kind: Kind, token: str) -> Mapping[str, object] | None:
        data = token[_MARK:].encode(errors="replace")
        return read_payload(data) if self.mark(agent, kind, data) == token[:_MARK] else None


class FakeSigning:
    """One agent's key in a simulation."""

    def __init__(self, keyring: Keyring, agent: str) -> None:
        self._keyring = keyring
        self._agent = agent
        self.verify = keyring.verify

    def sign(self, kind: Kind, payload: Payload) -> str:
        """Sign."""
        data = canonical_bytes(payload)
        return self._keyring.mark(self._agent, kind, data) + data.decode()

"""Ed25519 by `cryptography`, as JWS compact: what signs in use, for tests and benchmarks."""

import base64
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from maos_flows.protocols.byzantine import Kind, Payload, canonical_bytes, read_payload


def encode_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_base64(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return data if encode_base64(data) == text else None


class Keys:
    """All agents' key pairs, each made from its name."""

    def __init__(self, agents: tuple[str, ...]) -> None:
        self.private = {
            agent: Ed25519PrivateKey.from_private_bytes(agent.encode().ljust(32, b"\0")[:32]) for agent in agents
        }
        self.public: Mapping[str, Ed25519PublicKey] = {agent: key.public_key() for agent, key in self.private.items()}
        self._headers: dict[tuple[str, Kind], str] = {}

    def text(self, agent: str) -> str:
        return encode_base64(self.public[agent].public_bytes_raw())

    def signing(self, agent: str) -> "Ed25519Signing":
        return Ed25519Signing(self, agent)

    def header(self, agent: str, kind: Kind) -> str:
        if (agent, kind) not in self._headers:
            fields = {"alg": "Ed25519", "kid": agent, "typ": f"maos-bft-{kind}+jws"}
            self._headers[agent, kind] = encode_base64(canonical_bytes(fields))
        return self._headers[agent, kind]

    def verify(self, agent: str, kind: Kind, token: str) -> Mapping[str, object] | None:
        signed, _, mark = token.rpartition(".")
        header, _, payload = signed.partition(".")
        signature, data = decode_base64(mark), decode_base64(payload)
        if header != self.header(agent, kind) or signature is None or data is None or not signed.isascii():
            return None
        try:
            self.public[agent].verify(signature, signed.encode())
        except InvalidSignature:
            return None
        return read_payload(data)


class Ed25519Signing:
    """One agent's key, and everybody's public keys."""

    def __init__(self, keys: Keys, agent: str) -> None:
        self._keys = keys
        self._agent = agent
        self.verify = keys.verify

    def sign(self, kind: Kind, payload: Payload) -> str:
        signed = f"{self._keys.header(self._agent, kind)}.{encode_base64(canonical_bytes(payload))}"
        return f"{signed}.{encode_base64(self._keys.private[self._agent].sign(signed.encode()))}"

"""The one signed form: JWS compact, Ed25519 only, canonical JSON. One function signs, one verifies.

The header is fixed down to the byte (`alg`, `kid`, `typ`; RFC 7515, RFC 9864), so a token brings neither algorithm nor
key: the key is the one that was frozen for its agent, `kid` its thumbprint (RFC 7638), `typ` what kind of thing was
signed. The payload is RFC 8785 JSON without floats; its exact bytes are kept in the token and verified, never re-made.
"""

import base64
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from maos_flows.protocols.byzantine import canonical_bytes, read_payload

if TYPE_CHECKING:  # JOSE and its cryptography cost 0.1 s to import, and most commands neither sign nor verify
    from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
"""As RFC 9864 names it; the older name `EdDSA` is not taken."""

LONGEST_TOKEN = 65_536
_KEYS_REMEMBERED = 4_096
_NOT_PRIVATE = "it is not the JWK of an Ed25519 private key"

Payload = Mapping[str, str | int]


class SigningKey:
    """A private key and its public half. The private half is never shown, not even by `repr`."""

    def __init__(self, jwk: "OKPKey") -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - see above

        private = jwk.private_key
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError(_NOT_PRIVATE)  # noqa: TRY004 - a wrong key, not a wrong type of argument
        self._jwk = jwk
        self._private = private
        self.public = str(jwk.as_dict(private=False)["x"])

    @classmethod
    def generate(cls) -> "SigningKey":
        """Draw a new key from the operating system's randomness."""
        from joserfc.jwk import OKPKey  # noqa: PLC0415 - see above

        return cls(OKPKey.generate_key("Ed25519"))

    @classmethod
    def from_jwk(cls, fields: Mapping[str, Any]) -> "SigningKey":
        """Read a private key from the fields of its JWK (RFC 8037).

        Raises:
            ValueError: It is not the JWK of an Ed25519 private key, or its two halves do not belong together.
        """
        from joserfc.errors import JoseError  # noqa: PLC0415 - see above
        from joserfc.jwk import OKPKey  # noqa: PLC0415 - see above

        try:
            key = cls(OKPKey.import_key(dict(fields)))
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(_NOT_PRIVATE) from error
        if _base64(key._private.public_key().public_bytes_raw()) != key.public:
            raise ValueError(_NOT_PRIVATE)
        return key

    def as_jwk(self) -> dict[str, Any]:
        """Give all of it as a JWK, to be kept where nobody else reads."""
        return dict(self._jwk.as_dict(private=True))

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public!r})"

    def sign(self, kind: str, payload: Payload) -> str:
        """Sign a payload as being of a kind: a token of three parts. The same input gives the same token."""
        # Put together here, for its header is known: that takes half the time, and `verify` reads it by the library.
        signed = f"{_header(self.public, kind)}.{_base64(canonical_bytes(payload))}"
        return f"{signed}.{_base64(self._private.sign(signed.encode()))}"


def verify(public_key: str, kind: str, token: str) -> dict[str, Any] | None:
    """Read the payload of a token; None if this key did not sign it, exactly so, as being of this kind.

    Args:
        public_key: The signer's Ed25519 key (the `x` of RFC 8037), from whoever froze it, never from the token.
        kind: What it must be.
        token: Any text at all; nothing in it makes this raise.
    """
    if len(token) > LONGEST_TOKEN or token.partition(".")[0] != _header(public_key, kind):
        return None
    key = _public(public_key)
    if key is None:
        return None
    from joserfc import jws  # noqa: PLC0415 - see above
    from joserfc.errors import JoseError  # noqa: PLC0415 - see above

    try:
        signed = jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        return None
    return read_payload(signed.payload) if token.split(".")[1] == _base64(signed.payload) else None


def _header_fields(public_key: str, kind: str) -> dict[str, str]:
    return {"alg": ALGORITHM, "kid": thumbprint(public_key), "typ": f"maos-{kind}+jws"}


@lru_cache(_KEYS_REMEMBERED)
def thumbprint(public_key: str) -> str:
    """Give the RFC 7638 thumbprint of an Ed25519 public key; an empty text for what is none."""
    key = _public(public_key)
    return "" if key is None else str(key.thumbprint())


@lru_cache(_KEYS_REMEMBERED)
def _header(public_key: str, kind: str) -> str:
    return _base64(canonical_bytes(_header_fields(public_key, kind)))


@lru_cache(_KEYS_REMEMBERED)
def _public(public_key: str) -> "OKPKey | None":
    from joserfc.errors import JoseError  # noqa: PLC0415 - see above
    from joserfc.jwk import OKPKey  # noqa: PLC0415 - see above

    try:
        return OKPKey.import_key({"kty": "OKP", "crv": ALGORITHM, "x": public_key})
    except (JoseError, ValueError):
        return None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

"""Sealed records: JWE compact (RFC 7516), A256GCM under a key of its own each, which A256KW wraps for the keeper's key.

What is sealed is padded first, so that its length does not tell which of two choices it is for.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # JOSE and its cryptography cost 0.1 s to import, and most commands neither seal nor open
    from joserfc.jwk import OctKey

_ALGORITHMS = ["A256KW", "A256GCM"]
_KEY_BYTES = 32
_BLOCK = 512
_BEGINS = b"eyJ"
"""How a token begins: its header is a JSON object in base64. Canonical JSON begins with the brace itself."""


class SealingKey:
    """A symmetric key that seals and opens. It is never shown, not even by `repr`."""

    def __init__(self, jwk: "OctKey") -> None:
        self._jwk = jwk
        self.id = str(jwk.thumbprint())

    @classmethod
    def generate(cls) -> "SealingKey":
        """Draw a new key from the operating system's randomness."""
        from joserfc.jwk import OctKey  # noqa: PLC0415 - see above

        return cls(OctKey.generate_key(8 * _KEY_BYTES))

    @classmethod
    def from_jwk(cls, fields: Mapping[str, Any]) -> "SealingKey":
        """Read a key from the fields of its JWK.

        Raises:
            ValueError: It is not the JWK of a symmetric key of 256 bits.
        """
        from joserfc.errors import JoseError  # noqa: PLC0415 - see above
        from joserfc.jwk import OctKey  # noqa: PLC0415 - see above

        try:
            jwk = OctKey.import_key(dict(fields))
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ValueError("it is not the JWK of a symmetric key") from error
        if len(jwk.raw_value) != _KEY_BYTES:
            raise ValueError("it is not the JWK of a symmetric key of 256 bits")
        return cls(jwk)

    def as_jwk(self) -> dict[str, Any]:
        """Give all of it as a JWK, to be kept where nobody else reads."""
        return dict(self._jwk.as_dict(private=True))

    def __repr__(self) -> str:
        return f"SealingKey(id={self.id!r})"

    def seal(self, record: bytes) -> bytes:
        """Seal a record of JSON, differently each time."""
        from joserfc import jwe  # noqa: PLC0415 - see above

        header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "kid": self.id, "typ": "maos-ballot+jwe"}
        padded = record + b" " * (-len(record) % _BLOCK)
        return jwe.encrypt_compact(header, padded, self._jwk, algorithms=_ALGORITHMS).encode()

    def open(self, token: bytes) -> bytes:
        """Open what this key sealed.

        Raises:
            ValueError: It did not, or what it sealed was altered.
        """
        from joserfc import jwe  # noqa: PLC0415 - see above
        from joserfc.errors import JoseError  # noqa: PLC0415 - see above

        try:
            opened = jwe.decrypt_compact(token, self._jwk, algorithms=_ALGORITHMS).plaintext
        except (JoseError, ValueError) as error:
            raise ValueError(f"it was not sealed with key {self.id}, or was altered since") from error
        return (opened or b"").rstrip(b" ")

    def blind(self, digest: str) -> str:
        """Give a digest's stand-in: the same for the same, and of no help to who tries what the digest may be of."""
        secret = hashlib.sha256(b"maos digest" + self._jwk.raw_value).digest()
        return f"hmac-sha256:{hmac.new(secret, digest.encode(), hashlib.sha256).hexdigest()}"


def is_sealed(record: object) -> bool:
    """Say whether a record is sealed; one that is not begins with a brace, or was altered into no bytes at all."""
    return isinstance(record, bytes) and record.startswith(_BEGINS)

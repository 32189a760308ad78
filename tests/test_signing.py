"""The one signed form: what is signed reads back, and nothing else is ever taken for it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from maos_flows.signing import LONGEST_TOKEN, SigningKey, thumbprint, verify

KEY = SigningKey.generate()
OTHER = SigningKey.generate()
PAYLOADS = st.dictionaries(
    st.text(st.characters(codec="ascii"), max_size=8),
    st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.integers(-(2**53) + 1, 2**53 - 1)),
    max_size=5,
)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(header: dict[str, object], payload: bytes, key: OKPKey | OctKey, algorithm: str) -> str:
    token: str = jws.serialize_compact(header, payload, key, algorithms=[algorithm])
    return token


@given(PAYLOADS)
def test_what_is_signed_reads_back_and_signing_again_gives_the_same_token(payload: dict[str, str | int]):
    token = KEY.sign("ballot", payload)

    assert verify(KEY.public, "ballot", token) == payload
    assert KEY.sign("ballot", payload) == token


@given(PAYLOADS)
def test_b04_another_key_or_another_kind_never_verifies(payload: dict[str, str | int]):
    """B04: A's credential is nobody else's, and a ballot is no vote."""
    token = KEY.sign("ballot", payload)

    assert verify(OTHER.public, "ballot", token) is None
    assert verify(KEY.public, "commit", token) is None


@given(st.data())
def test_a_token_changed_anywhere_never_verifies(data: st.DataObject):
    token = KEY.sign("ballot", {"choice": "approve"})
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_.=é \n"))
    changed = token[:place] + letter + token[place + 1 :]

    assert changed == token or verify(KEY.public, "ballot", changed) is None


@given(st.text(max_size=200))
def test_no_text_makes_verifying_raise(text: str):
    token = KEY.sign("ballot", {})

    assert verify(KEY.public, "ballot", text) is None
    assert verify(text, "ballot", token) is None
    assert verify(KEY.public, "ballot", token.split(".")[0] + "." + text) is None


def test_b03_b07_no_header_brings_its_own_algorithm_or_key():
    """B03, B07: `none`, a hash keyed with the public key, an embedded key, another name of the algorithm: refused."""
    header = json.loads(base64.urlsafe_b64decode(KEY.sign("ballot", {}).split(".")[0] + "=="))
    private = OKPKey.import_key(OTHER.as_jwk())
    own = OKPKey.import_key(KEY.as_jwk())
    tokens = [
        f"{encoded(json.dumps({**header, 'alg': 'none'}).encode())}.{encoded(b'{}')}.",
        f"{KEY.sign('ballot', {}).rpartition('.')[0]}.",
        forged({**header, "alg": "HS256"}, b"{}", OctKey.import_key(KEY.public + "0" * 8), "HS256"),
        forged({**header, "jwk": OTHER.as_jwk()}, b"{}", private, "Ed25519"),
        forged({**header, "kid": thumbprint(OTHER.public)}, b"{}", private, "Ed25519"),
        forged({"typ": header["typ"], **header}, b'{"b":1,"a":1}', own, "Ed25519"),
        forged(header, b'{"a":1,"a":2}', own, "Ed25519"),
        forged(header, b'{"a":1.5}', own, "Ed25519"),
    ]

    assert [verify(KEY.public, "ballot", token) for token in tokens] == [None] * len(tokens)


def test_what_is_too_long_is_not_even_looked_at():
    token = KEY.sign("ballot", {"reason": "x" * LONGEST_TOKEN})

    assert verify(KEY.public, "ballot", token) is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"kty": "OKP", "crv": "Ed25519", "x": KEY.public},
        {**KEY.as_jwk(), "x": OTHER.public},
        {**KEY.as_jwk(), "crv": "Ed448"},
        {**KEY.as_jwk(), "d": 5},
    ],
)
def test_what_is_no_private_key_is_refused(fields: dict[str, object]):
    with pytest.raises(ValueError, match="private key"):
        SigningKey.from_jwk(fields)


def test_a_private_key_is_not_shown():
    assert KEY.as_jwk()["d"] not in repr(KEY)

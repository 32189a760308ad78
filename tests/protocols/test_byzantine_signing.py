"""What a signing function must promise, kept by real Ed25519 tokens and by the simulation's keyed hashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.byzantine import Kind, canonical_bytes
from maos_flows.protocols.simulation.fake_signing import Keyring
from tests.protocols.byzantine_support import agents_of
from tests.protocols.ed25519_signing import Keys, encode_base64

KEYRINGS = {"ed25519": Keys(agents_of(4)), "simulated": Keyring(7)}
PAYLOAD = {"view": 3, "value": "\u00e9 \u2028 \U0001f600"}


@pytest.mark.parametrize("keys", KEYRINGS.values(), ids=KEYRINGS.keys())
def test_a_token_verifies_for_its_agent_and_kind_only(keys):
    token = keys.signing("a01").sign(Kind.PREPARE, PAYLOAD)

    assert keys.verify("a01", Kind.PREPARE, token) == PAYLOAD
    assert [keys.verify(agent, Kind.PREPARE, token) for agent in ("a02", "a03")] == [None] * 2
    assert [keys.verify("a01", kind, token) for kind in Kind if kind is not Kind.PREPARE] == [None] * 4


@pytest.mark.parametrize("keys", KEYRINGS.values(), ids=KEYRINGS.keys())
def test_no_character_of_a_token_can_be_changed(keys):
    token = keys.signing("a01").sign(Kind.COMMIT, PAYLOAD)
    changed = {
        token[:at] + other + token[at + 1 :] for at in range(len(token)) for other in "Ax." if token[at] != other
    }

    assert not any(keys.verify("a01", Kind.COMMIT, one) for one in changed)
    assert not any(keys.verify("a01", Kind.COMMIT, token + more) for more in ("=", " ", ".", "A"))


@pytest.mark.parametrize("keys", KEYRINGS.values(), ids=KEYRINGS.keys())
@given(st.text(max_size=80))
def test_any_text_is_verified_without_an_error(keys, text):
    assert keys.verify("a01", Kind.BALLOT, text) is None


def test_a_signed_payload_that_is_not_canonical_states_nothing():
    keys = Keys(agents_of(4))
    for data in (b'{"view": 3}', b'{"view":3,"view":3}', b'{"view":3.0}', b"[]", b"\xff"):
        signed = f"{keys.header('a01', Kind.PREPARE)}.{encode_base64(data)}"
        token = f"{signed}.{encode_base64(keys.private['a01'].sign(signed.encode()))}"
        assert keys.verify("a01", Kind.PREPARE, token) is None
    assert canonical_bytes({"view": 3}) == b'{"view":3}'


def test_what_a_keyring_remembers_is_bounded():
    keyring = Keyring(0)
    for number in range(20_050):
        keyring.verify("a01", Kind.PREPARE, f"forged {number}")

    assert len(keyring._read) == 50

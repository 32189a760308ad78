"""Sealing: what is sealed comes back whole under the same key, and under no other."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.errors import StoreError
from maos_flows.keys import KeyFolder
from maos_flows.records import canonical
from maos_flows.sealing import SealingKey, is_sealed

KEY = SealingKey.generate()


@settings(max_examples=50)
@given(st.dictionaries(st.text(), st.text(), max_size=3))
def test_what_is_sealed_is_opened_whole(data: dict[str, str]) -> None:
    record = canonical(data)
    token = KEY.seal(record)

    assert (is_sealed(token), is_sealed(record), is_sealed("eyJ")) == (True, False, False)
    assert KEY.open(token) == record
    assert KEY.seal(record) != token


def test_another_key_and_an_altered_token_open_nothing() -> None:
    token = KEY.seal(b'{"choice":"x"}')
    altered = token[:-10] + (b"A" if token[-10:-9] != b"A" else b"B") + token[-9:]

    for key, given_token in ((SealingKey.generate(), token), (KEY, altered), (KEY, b"eyJ"), (KEY, b"")):
        with pytest.raises(ValueError, match="was not sealed with key"):
            key.open(given_token)


def test_a_key_is_read_again_and_never_shown(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    key = folder.sealing_key
    again = KeyFolder(tmp_path / "keys")

    assert again.can_open
    assert again.sealing_key.id == key.id
    assert key.as_jwk()["k"] not in repr(key)
    assert (tmp_path / "keys" / "sealing.jwk").stat().st_mode & 0o077 == 0
    assert again.sealing_key.blind("a") == key.blind("a") != key.blind("b")


@pytest.mark.parametrize("text", ["{", "[]", '{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAA"}', '{"kty": "OKP"}', "1"])
def test_a_damaged_key_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "sealing.jwk").write_text(text)

    with pytest.raises(StoreError, match="is damaged; restore it from a backup"):
        _ = KeyFolder(tmp_path).sealing_key

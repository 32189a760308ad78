"""Keys are made once, kept for their owner alone, and never mixed up."""

import multiprocessing
import stat
from pathlib import Path

import pytest

from maos_flows.errors import StoreError
from maos_flows.keys import KeyFolder


def public_key_of(folder: Path) -> str:
    return KeyFolder(folder).key_of("ana").public


def test_a_key_is_made_once_and_found_again(tmp_path: Path):
    first = KeyFolder(tmp_path / "keys")

    assert first.key_of("ana").public == first.key_of("ana").public == KeyFolder(tmp_path / "keys").key_of("ana").public
    assert first.deployment == KeyFolder(tmp_path / "keys").deployment
    assert len(first.deployment) == 32


def test_of_processes_that_make_a_key_at_once_all_have_the_same(tmp_path: Path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        keys = set(pool.map(public_key_of, [tmp_path / "keys"] * 12, chunksize=1))

    assert len(keys) == 1
    assert len(list((tmp_path / "keys").iterdir())) == 1


def test_only_the_owner_may_read_a_key(tmp_path: Path):
    KeyFolder(tmp_path / "home" / "keys").key_of("ana")
    folder = tmp_path / "home" / "keys"

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]


def test_agents_whose_names_look_alike_have_keys_of_their_own(tmp_path: Path):
    keys = KeyFolder(tmp_path)
    names = ["ana", "Ana", "ana/../ben", "ana ben", "a" * 300, "\N{LATIN SMALL LETTER E WITH ACUTE}", ""]

    assert len({keys.key_of(name).public for name in names}) == len(names)
    assert len({path.parent for path in tmp_path.rglob("*.jwk")}) == 1


def test_a_private_key_is_found_by_the_public_one_and_never_made_for_it(tmp_path: Path):
    keys = KeyFolder(tmp_path)
    own, replica = keys.key_of("ana"), keys.replica_key_of("ana")

    assert keys.private("ana", own.public) is own
    assert keys.private("ana", replica.public) is replica
    assert keys.private("ben", own.public) is None
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"jwk": {"kty": "OKP"}}', "\udcff"])
def test_a_damaged_key_file_is_told_and_not_replaced(tmp_path: Path, text: str):
    KeyFolder(tmp_path).key_of("ana")
    (file,) = tmp_path.iterdir()
    file.write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(StoreError, match=r"key file .* (is damaged|cannot be read)"):
        KeyFolder(tmp_path).key_of("ana")
    assert file.read_bytes() == text.encode(errors="surrogateescape")


def test_a_key_file_of_another_agent_is_not_taken(tmp_path: Path):
    keys = KeyFolder(tmp_path)
    keys.key_of("ana")
    (of_ana,) = tmp_path.iterdir()
    keys.key_of("ben")
    (of_ben,) = set(tmp_path.iterdir()) - {of_ana}
    of_ben.write_bytes(of_ana.read_bytes())

    with pytest.raises(StoreError, match="is of 'ana', not of 'ben'"):
        KeyFolder(tmp_path).key_of("ben")


def test_a_folder_that_cannot_be_made_is_told_in_a_line(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(StoreError, match="cannot be"):
        KeyFolder(tmp_path / "file").key_of("ana")

"""The file: written whole or not at all, one change at a time, with a history to go back in."""

import fcntl
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from maos_flows.config.file import MOST_VERSIONS, ConfigFile
from maos_flows.errors import ConflictError, MaosError, NotFoundError

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def file(tmp_path):
    return ConfigFile(tmp_path / "home" / "config.yml")


def nothing(*_: object) -> None:
    """Record nowhere."""


def change(file: ConfigFile, text: str, record=nothing) -> None:
    file.change(lambda _: text, action=f"set to {text}", who="ana", at=AT, record=record)


def undo(file: ConfigFile) -> tuple[str, str]:
    return file.undo(check=nothing, record=nothing)


def test_a_change_is_written_and_can_be_undone(file):
    change(file, "a: 1\n")
    change(file, "a: 2\n")

    assert undo(file) == ("a: 2\n", "a: 1\n")
    assert undo(file) == ("a: 1\n", "")
    assert file.text() == ""
    with pytest.raises(NotFoundError, match="no change"):
        undo(file)


def test_the_history_tells_who_did_what_when(file):
    change(file, "a: 1\n")

    (version,) = file.versions()
    assert (version.who, version.action, version.at) == ("ana", "set to a: 1\n", "2026-01-01T00:00:00+00:00")


def test_the_history_is_bounded(file):
    for number in range(MOST_VERSIONS + 5):
        change(file, f"a: {number}\n")

    assert len(file.versions()) == MOST_VERSIONS


def test_a_change_to_the_same_text_is_none(file):
    change(file, "a: 1\n")
    change(file, "a: 1\n")

    assert len(file.versions()) == 1


def test_what_cannot_be_recorded_is_not_changed(file):
    change(file, "a: 1\n")

    def refuse(before: str, after: str) -> None:
        raise MaosError(f"no store for {before!r} and {after!r}")

    with pytest.raises(MaosError, match="no store"):
        change(file, "a: 2\n", record=refuse)
    assert file.text() == "a: 1\n"
    assert len(file.versions()) == 1
    assert sorted(path.name for path in file.path.parent.iterdir()) == [
        "config-history.jsonl",
        "config.lock",
        "config.yml",
    ]


def test_what_was_edited_by_hand_is_not_undone(file):
    change(file, "a: 1\n")
    file.path.write_text("a: 1\nb: 2\n")

    with pytest.raises(ConflictError, match="edited by hand"):
        undo(file)


def test_a_change_that_died_before_it_was_made_is_not_undone(file):
    change(file, "a: 1\n")
    change(file, "a: 2\n")
    file.path.write_text("a: 1\n")

    assert undo(file) == ("a: 1\n", "")


def test_only_the_owner_may_read_it_unless_it_was_allowed(file):
    change(file, "a: 1\n")
    first = file.path.stat().st_mode & 0o777
    file.path.chmod(0o640)
    change(file, "a: 2\n")

    assert (first, file.path.stat().st_mode & 0o777) == (0o600, 0o640)


def test_a_link_stays_a_link(file, tmp_path):
    (tmp_path / "shared.yml").write_text("a: 1\n")
    file.path.parent.mkdir()
    file.path.symlink_to(tmp_path / "shared.yml")
    change(file, "a: 2\n")

    assert file.path.is_symlink()
    assert (tmp_path / "shared.yml").read_text() == "a: 2\n"


def test_a_damaged_history_is_said_so(file):
    change(file, "a: 1\n")
    (file.path.parent / "config-history.jsonl").write_text("{]")

    with pytest.raises(MaosError, match=r"history .* cannot be read"):
        file.versions()


def test_a_home_that_cannot_be_made_is_said_so(tmp_path):
    (tmp_path / "home").write_text("a file")

    with pytest.raises(MaosError, match=r"config\.lock cannot be made"):
        change(ConfigFile(tmp_path / "home" / "config.yml"), "a: 1\n")


def test_processes_that_change_it_at_once_lose_nothing(file):
    program = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from maos_flows.config.file import ConfigFile
file = ConfigFile(Path(sys.argv[1]))
for number in range(10):
    file.change(lambda text: text + f"{sys.argv[2]}{number}: 1\\n", action="add", who="x", at=datetime.now(UTC),
                record=lambda *_: None)
"""
    running = [subprocess.Popen([sys.executable, "-c", program, str(file.path), name]) for name in "abc"]

    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(file.text().splitlines()) == 30
    assert len(file.versions()) == 30


def test_a_place_that_cannot_be_written_is_said_so(file, tmp_path):
    file.path.parent.mkdir()
    file.path.symlink_to(tmp_path / "nowhere" / "config.yml")

    with pytest.raises(MaosError, match=r"config\.yml cannot be written: No such file"):
        change(file, "a: 1\n")


def test_whoever_keeps_the_file_locked_is_not_waited_for_for_ever(file, monkeypatch):
    monkeypatch.setattr("maos_flows.config.file._PATIENCE_SECONDS", 0.05)
    change(file, "a: 1\n")
    with (file.path.parent / "config.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with pytest.raises(MaosError, match="another process is changing"):
            change(file, "a: 2\n")


def test_the_history_is_lines_of_json(file):
    change(file, "a: 1\n")
    change(file, "a: \N{SNOWMAN}\n")

    lines = (file.path.parent / "config-history.jsonl").read_text().splitlines()
    assert [json.loads(line)["before"] for line in lines] == ["", "a: 1\n"]

"""Ballots given: they outlive the process, one process holds them, and what cannot be kept is not given."""

import os

import pytest

from maos_flows.agent_server.given import REMEMBERED, Given, GivenBallots
from maos_flows.errors import StoreError


def test_ballots_are_there_again_and_what_broke_off_is_not(tmp_path):
    path = tmp_path / "given"
    kept = GivenBallots(path)
    kept.keep("a", Given("0", {"choice": "x"}))
    kept.close()
    with path.open("a") as file:
        file.write('{"key": "b", "prop')

    again = GivenBallots(path)
    again.keep("c", Given("1", {"choice": "y"}))
    found = [again.find(key) for key in "abc"]
    again.close()

    assert found == [Given("0", {"choice": "x"}), None, Given("1", {"choice": "y"})]
    assert path.read_text().count("\n") == 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_one_process_at_a_time_serves_an_agent(tmp_path):
    first = GivenBallots(tmp_path / "given")

    with pytest.raises(StoreError, match="another process serves this agent"):
        GivenBallots(tmp_path / "given")
    first.close()


def test_a_damaged_file_is_not_set_aside(tmp_path):
    (tmp_path / "given").write_text("nonsense\n")

    with pytest.raises(StoreError, match="damaged"):
        GivenBallots(tmp_path / "given")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="cannot be kept"):
        GivenBallots(tmp_path / "file" / "given")


def test_the_oldest_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr("maos_flows.agent_server.given.REMEMBERED", 2)
    kept = GivenBallots(tmp_path / "given")
    for key in "abc":
        kept.keep(key, Given("0", {}))
    found = [kept.find(key) is not None for key in "abc"]
    kept.close()

    assert found == [False, True, True]
    assert REMEMBERED > 1000


def test_a_ballot_that_cannot_be_kept_is_not_given(tmp_path):
    full = GivenBallots(tmp_path / "given")
    kept_open, full._file = full._file, os.open("/dev/full", 1)
    try:
        with pytest.raises(StoreError, match="cannot be kept"):
            full.keep("a", Given("0", {}))
        assert full.find("a") is None
    finally:
        full.close()
        os.close(kept_open)

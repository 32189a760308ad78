"""The fences of a policy's process, as far as they can be looked at from outside of one."""

import os
import subprocess
import sys

import pytest

from maos_flows.plugins import sandbox
from maos_flows.plugins.sandbox import bubblewrap_command
from maos_flows.plugins.system_calls import _TABLES, program_of
from tests.plugins.samples import AGREES, body

ALLOW, REFUSE, ABSENT, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000


def run(program, architecture: int, number: int, arguments=(0,) * 6) -> int:
    """Run a filter as the kernel does: one accumulator, jumps forward, over a system call's data."""
    data = {0: number, 4: architecture, **{16 + 8 * place: value for place, value in enumerate(arguments)}}
    place, held = 0, 0
    while True:
        code, yes, no, value = program[place]
        place += 1
        if code == 0x06:
            return value
        if code == 0x20:
            held = data[value]
            continue
        met = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
        place += yes if met else no


@pytest.mark.parametrize("machine", _TABLES)
def test_the_filter_refuses_what_changes_starts_or_reaches_anything(machine):
    table = _TABLES[machine]
    program = program_of(table)

    assert {run(program, table.audit_number, number) for number in table.refused} == {REFUSE}
    assert {run(program, table.audit_number, number) for number in table.absent} == {ABSENT}
    assert run(program, 0, 0) == KILL
    assert run(program, table.audit_number, 0x40000000) == REFUSE
    assert max(max(yes, no) for _, yes, no, _ in program) < 256


@pytest.mark.parametrize("machine", _TABLES)
@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_RDONLY | os.O_TRUNC])
def test_the_filter_lets_files_be_opened_to_read_only(machine, flags):
    table = _TABLES[machine]
    program = program_of(table)

    for number, place in table.opening:
        at = [0] * 6
        at[place] = flags
        assert run(program, table.audit_number, number, at) == REFUSE
        assert run(program, table.audit_number, number) == ALLOW


def test_files_are_read_by_a_call_the_filter_lets_pass():
    reading = {"x86_64": 0, "aarch64": 63}

    for machine, number in reading.items():
        table = _TABLES[machine]
        assert run(program_of(table), table.audit_number, number) == ALLOW


def test_bubblewrap_shows_libraries_and_nothing_of_the_users(tmp_path):
    words = bubblewrap_command("bwrap", [str(tmp_path), str(tmp_path / "gone")])

    assert "--unshare-all" in words
    assert words[-1] == "--"
    shown = {words[place + 1] for place, word in enumerate(words) if word == "--ro-bind"}
    assert str(tmp_path) in shown
    assert str(tmp_path / "gone") not in shown
    assert "/" not in shown
    assert "/home" not in shown


@pytest.mark.parametrize("program", ["exit 1", "exec sleep 60"])
def test_a_bubblewrap_that_does_not_work_is_not_used(program, tmp_path, monkeypatch):
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{program}\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(sandbox, "_TRY_SECONDS", 0.2)

    assert sandbox.bubblewrap.__wrapped__() is None


def test_a_bubblewrap_that_works_wraps_the_command(tmp_path, monkeypatch):
    (tmp_path / "bwrap").write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = sandbox.bubblewrap.__wrapped__()
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: found)

    reply = sandbox.ask(sandbox.Code(source=body(AGREES)), [], parameters={})

    assert found == str(tmp_path / "bwrap")
    assert reply["policy"]["name"] == "mine"


def test_no_bubblewrap_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert sandbox.bubblewrap.__wrapped__() is None


def test_on_linux_every_fence_stands():
    reply = sandbox.ask(sandbox.Code(source=body(AGREES)), [], parameters={})

    assert "limits" in reply["fences"]
    assert "seccomp" in reply["fences"]


def test_the_child_is_never_imported_by_what_it_protects():
    code = "import sys, maos_flows.plugins.sandboxed; print('maos_flows.plugins.child' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"

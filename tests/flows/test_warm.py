"""Warm processes: nothing of them is left behind."""

import os
import signal
import socket
import subprocess
import sys

import psutil


def test_processes_end_with_their_worker_even_if_they_hang() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", "maos_flows.flows.warm", str(theirs.fileno())]
        nowhere = {**os.environ, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
        forker = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=nowhere)
    assert b"ready" in ours.recv(100)
    mine, child = socket.socketpair()
    with child:
        socket.send_fds(ours, [b"f"], [child.fileno()])
    assert b"ready" in mine.recv(100)
    (process,) = psutil.Process(forker.pid).children()
    process.send_signal(signal.SIGSTOP)

    ours.close()
    assert forker.wait(60) == 0
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    mine.close()

"""Agents served by `maos agent serve`, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maos_flows.model import Agent

SERVE = (sys.executable, "-c", "from maos_flows.cli.app import main; main()", "agent", "serve")


@dataclass
class Process:
    """A process that serves an agent."""

    agent_id: str
    process: subprocess.Popen[str]
    url: str = ""
    public_key: str = ""

    def started(self) -> "Process":
        """Wait for the line that says where it answers."""
        assert self.process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            assert line, f"{self.agent_id} ended: {self.process.communicate()[1]}"
            text += line
        said = json.loads(text)
        self.url, self.public_key = said["url"], said["public_key"]
        return self

    def agent(self, **settings: Any) -> Agent:
        own = {"url": self.url, "allow_private": True, "connect_timeout": 2.0, **settings}
        return Agent(self.agent_id, voter="http", public_key=self.public_key, settings=own)

    def ended(self, number: int) -> tuple[int, str]:
        """Send a signal, and give the exit status and what was logged."""
        self.process.send_signal(number)
        _, logged = self.process.communicate(timeout=30)
        return self.process.returncode, logged


@contextmanager
def serving(
    home: Path, voters: Mapping[str, str], *words: str, environment: Mapping[str, str] | None = None
) -> Iterator[dict[str, Process]]:
    """Serve agents by their ids, all started at once, and end them."""
    env = {"MAOS_HOME": str(home), "PATH": "/usr/bin:/bin", "HOME": str(home), **(environment or {})}
    processes = {
        agent_id: Process(
            agent_id,
            subprocess.Popen(
                [*SERVE, "--id", agent_id, "--voter", voter, "--format", "json", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=env,
                cwd=home,
            ),
        )
        for agent_id, voter in voters.items()
    }
    try:
        for process in processes.values():
            process.started()
        yield processes
    finally:
        for process in processes.values():
            process.process.kill()
            process.process.communicate()

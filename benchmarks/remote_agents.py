"""Five agents in five processes, two of them in network namespaces of their own; one is killed and one cut off.

    python benchmarks/remote_agents.py [--seconds N] [--json]

Each agent is served by `maos agent serve` with a key of its own, and one question is asked of all by `maos decide`.
Once all five are thinking, one process is killed with signal 9 and the link to one namespace is taken down. Looked at
is whether the decision ends by its deadline, by the three that are left, with the two recorded as without a ballot.

Needs root, for the namespaces, and `ip` (`apt-get install iproute2`).
"""

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

HERE = ("ada", "bob", "cyd")
APART = ("dan", "eve")
KILLED, CUT_OFF = "cyd", "eve"
THINKING_SECONDS = 6
PATIENCE_SECONDS = 120
GRACE_SECONDS = 5
MAOS = (sys.executable, "-c", "from maos_flows.cli.app import main; main()")
VOTER = f"{{kind: simulated, opinions: {{PostgreSQL: 1}}, thinking_time: {THINKING_SECONDS}s}}"


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True)


@contextmanager
def namespace(number: int) -> Iterator[tuple[str, str, str]]:
    """Make a network namespace with one link to here; give its name, its address, and the name of our end."""
    tag = secrets.token_hex(2)
    name, ours, theirs = f"maos-{tag}", f"mo{tag}", f"mt{tag}"
    network = f"10.213.{number}"
    ip("netns", "add", name)
    try:
        ip("link", "add", ours, "type", "veth", "peer", "name", theirs)
        ip("link", "set", theirs, "netns", name)
        ip("address", "add", f"{network}.1/30", "dev", ours)
        ip("link", "set", ours, "up")
        ip("-n", name, "address", "add", f"{network}.2/30", "dev", theirs)
        ip("-n", name, "link", "set", theirs, "up")
        yield name, f"{network}.2", ours
    finally:
        ip("netns", "delete", name)  # and the link with it


@contextmanager
def served(agent: str, home: Path, environment: dict[str, str], where: tuple[str, str, str] | None) -> Iterator[Any]:
    """Serve an agent; give its process and where it answers."""
    words = [*MAOS, "agent", "serve", "--id", agent, "--voter", VOTER, "--token-env", "AGENT_TOKEN", "--format", "json"]
    if where is not None:
        words = ["ip", "netns", "exec", where[0], *words, "--host", where[1]]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**environment, "MAOS_HOME": str(home / agent)},
    )
    assert process.stdout is not None
    try:
        text = "".join(iter(lambda: _line(process), "}\n")) + "}"
        yield process, json.loads(text)
    finally:
        process.kill()
        process.wait()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("an agent could not be served")
    return line


def await_thinking(address: str, token: str) -> None:
    """Wait until an agent has been asked and thinks."""
    request = urllib.request.Request(
        address.replace("/ballot", "/health"), headers={"Authorization": f"Bearer {token}"}
    )
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with urllib.request.urlopen(request, timeout=5) as reply:
            if json.load(reply)["under_way"]:
                return
        time.sleep(0.1)
    raise SystemExit(f"{address} was never asked")


def measure(seconds: int, home: Path) -> dict[str, Any]:
    """Hold the decision and give what came of it."""
    token = secrets.token_urlsafe(24)
    environment = {**os.environ, "AGENT_TOKEN": token, "MAOS_HOME": str(home / "coordinator")}
    with ExitStack() as stack:
        apart = {agent: stack.enter_context(namespace(number)) for number, agent in enumerate(APART, 1)}
        agents = {
            agent: stack.enter_context(served(agent, home, environment, apart.get(agent))) for agent in (*HERE, *APART)
        }
        roster = home / "roster.json"
        roster.write_text(json.dumps({"agents": [_agent(agent, said) for agent, (_, said) in agents.items()]}))
        words = [*MAOS, "decide", "Which one: PostgreSQL, or MongoDB?", "--roster", str(roster)]
        deciding = stack.enter_context(
            subprocess.Popen(
                [*words, "--timeout", f"{seconds}s", "--format", "json"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
        )
        for _, said in agents.values():
            await_thinking(said["url"], token)
        agents[KILLED][0].send_signal(signal.SIGKILL)
        ip("link", "set", apart[CUT_OFF][2], "down")
        printed, _ = deciding.communicate(timeout=seconds + PATIENCE_SECONDS)
    return _told(json.loads(printed), seconds)


def _agent(agent: str, said: dict[str, str]) -> dict[str, Any]:
    voter = {"kind": "http", "url": said["url"], "token_env": "AGENT_TOKEN", "allow_private": True}
    limits = {"connect_timeout": "2s", "timeout": "12s"}
    return {"id": agent, "public_key": said["public_key"], "voter": voter | limits}


def _told(said: dict[str, Any], seconds: int) -> dict[str, Any]:
    decision = said.get("decision", said)
    return {
        "outcome": decision["outcome"],
        "choice": decision["choice"],
        "ballots": {ballot["agent_id"]: ballot["auth_class"] for ballot in decision["ballots"]},
        "absences": {one["agent_id"]: f"{one['kind']}: {one['explanation']}" for one in decision["absences"]},
        "longest_answer_seconds": max(one["seconds"] for one in (*decision["ballots"], *decision["absences"])),
        "deadline_seconds": seconds,
    }


def main() -> None:
    """Measure and print; exit code 1 if it is not as promised."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=40, help="how long the decision may take")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maos-remote-") as folder:
        told = measure(arguments.seconds, Path(folder))
    kept = (
        told["outcome"] == "reached"
        and told["absences"].keys() == {KILLED, CUT_OFF}
        and set(told["ballots"].values()) == {"remote"}
        and told["longest_answer_seconds"] <= told["deadline_seconds"] + GRACE_SECONDS
    )
    if arguments.json:
        print(json.dumps({**told, "as_promised": kept}))
    else:
        for name, value in told.items():
            print(f"{name:<24} {value}")
        print(f"{'as promised':<24} {'yes' if kept else 'NO'}")
    raise SystemExit(0 if kept else 1)


if __name__ == "__main__":
    main()

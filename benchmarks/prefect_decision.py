"""A decision of five agents on Prefect, against a bare Prefect flow with the same number of task runs.

Both run in this process, in turns, against one Prefect server started for the purpose (or the one `--api` names),
and the ratio of the medians is printed. Run: `python benchmarks/prefect_decision.py`.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

AGENTS = 5
GOAL = 1.25


def main() -> int:
    """Measure and print; exit code 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=30, help="counted runs of each flow")
    parser.add_argument(
        "--api", default="", help="API address of a running Prefect server, to measure against that one"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(_server(home, api=arguments.api))
        result = asyncio.run(_measure(arguments.runs))
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"a decision of {AGENTS} agents {result['decision_ms']:.0f} ms, a bare flow of {AGENTS + 2} task runs "
            f"{result['bare_ms']:.0f} ms (medians of {arguments.runs}, in turns): "
            f"{result['ratio']:.2f} x in time, {result['cpu_ratio']:.2f} x in this process's CPU; goal {GOAL} x"
        )
    return 0 if result["ratio"] <= GOAL else 1


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def _server(home: Path, *, api: str) -> Iterator[None]:
    """Run a Prefect server with its own home, and point Prefect and the audit store of this process at it."""
    port = _free_port()
    os.environ.update(
        PREFECT_HOME=str(home / "prefect"),
        PREFECT_API_URL=api or f"http://127.0.0.1:{port}/api",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        PREFECT_LOGGING_LEVEL="ERROR",
        PREFECT_SERVER_UI_ENABLED="false",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE="100",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE="100",
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL="1",
        PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE="200",
        PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE="100",
        PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE="100",
        MAOS_HOME=str(home / "maos"),
    )
    if api:
        yield
        return
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_until_healthy(port, server)
        yield
    finally:
        _stop(server)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    if server.poll() is not None:
        return
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait_until_healthy(port: int, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the Prefect server did not start")


async def _measure(runs: int) -> dict[str, float]:
    from prefect import flow, task  # noqa: PLC0415 - its settings are made above
    from prefect.cache_policies import NO_CACHE  # noqa: PLC0415

    from maos_flows.flows.decide import decide  # noqa: PLC0415
    from maos_flows.model import Agent  # noqa: PLC0415
    from maos_flows.records import to_plain  # noqa: PLC0415
    from maos_flows.request import DecisionRequest  # noqa: PLC0415

    @task(cache_policy=NO_CACHE)
    async def bare_task(number: int) -> int:
        return number

    @flow
    async def bare() -> int:
        numbers = await asyncio.gather(*(bare_task(number) for number in range(AGENTS)))
        return await bare_task(await bare_task(sum(numbers)))

    agents = tuple(Agent(f"agent_{number}", settings={"seed": 1, "lean": 0.9}) for number in range(AGENTS))
    request = to_plain(DecisionRequest("Which one: a, b, or c?", ("a", "b", "c"), agents))
    seconds: dict[str, list[float]] = {"decision": [], "bare": []}
    cpu = {"decision": 0.0, "bare": 0.0}
    for number in range(runs + 3):
        for name in ("decision", "bare") if number % 2 else ("bare", "decision"):
            before, cpu_before = time.perf_counter(), _cpu()
            await (decide(request, return_state=True) if name == "decision" else bare())
            if number >= 3:  # the first ones warm up
                seconds[name].append(time.perf_counter() - before)
                cpu[name] += _cpu() - cpu_before
    decision, plain = statistics.median(seconds["decision"]), statistics.median(seconds["bare"])
    return {
        "decision_ms": 1000 * decision,
        "bare_ms": 1000 * plain,
        "ratio": decision / plain,
        "cpu_ratio": cpu["decision"] / cpu["bare"],
        "runs": runs,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())

"""Processes at work on one audit store, for tests of what happens between them.

    python -m tests.audit.crowd

reads jobs from standard input, a line `JOB URL` each, forks workers for it that all begin at the same moment, and
prints what they found as a line of JSON. Forking saves each worker the second its imports take; no worker inherits an
open store.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from maos_flows.audit.store import AuditStore
from maos_flows.model import Decision, EventKind
from tests.audit.samples import NAMES, SOON, ballot, decision_of, opened

CASTING_PROCESSES = 10
CASTING_THREADS = 5
KILLS = 20
ROOT = Path(__file__).parents[2]


def together(workers: int, work: Callable[[int], object]) -> Iterator[object]:
    """Run work in so many processes that begin together, and give what each returned."""
    gate, opener = os.pipe()
    results = []
    for number in range(workers):
        result, reply = os.pipe()
        if os.fork() == 0:
            os.close(opener)
            os.read(gate, 1)  # until the parent closes its end
            os.write(reply, json.dumps(work(number)).encode())
            os._exit(0)
        os.close(reply)
        results.append(result)
    os.close(opener)
    for result in results:
        with os.fdopen(result) as file:
            yield json.loads(file.read())
        os.wait()


def cast(url: str) -> Iterator[object]:
    """Cast fifty ballots from ten processes of five threads each."""

    def work(number: int) -> object:
        names = [f"agent_{number * CASTING_THREADS + place:02}" for place in range(CASTING_THREADS)]
        with AuditStore.open(url) as store, ThreadPoolExecutor(CASTING_THREADS) as pool:
            return [answer.agent_id for answer in pool.map(lambda name: store.record_answer(ballot(name)), names)]

    yield from together(CASTING_PROCESSES, work)


def repeat(url: str) -> Iterator[object]:
    """Cast the same ballot from four processes."""

    def work(_number: int) -> object:
        with AuditStore.open(url) as store:
            return store.record_answer(ballot()).agent_id

    yield from together(4, work)


def close(url: str) -> Iterator[object]:
    """Close one decision from two processes, each with an explanation of its own."""

    def work(number: int) -> object:
        with AuditStore.open(url) as store:
            ruled: Decision = replace(decision_of(store), explanation=f"by worker {number}")
            return store.close_decision(ruled, at=SOON).explanation

    yield from together(2, work)


def make(url: str) -> Iterator[object]:
    """Open a store that is not there yet from four processes, and a decision in it."""

    def work(number: int) -> object:
        with AuditStore.open(url) as store:
            opened(store, f"d-{number}")
            return store.check()

    yield from together(4, work)


def kill(url: str) -> Iterator[object]:
    """Kill a writer twenty times at a random point, and say what the store then holds of what it had acknowledged."""
    chance = random.Random(f"{KILLS} kills")
    acknowledged: list[str] = []
    for _ in range(KILLS):
        reports, reply = os.pipe()
        writer = os.fork()
        if writer == 0:
            os.close(reports)
            _write_on(url, reply)
        os.close(reply)
        with os.fdopen(reports) as lines:
            acknowledged.extend(lines.readline().strip() for _ in range(chance.randrange(1, 25)))
            moment = time.perf_counter() + chance.uniform(0, 0.004)
            while time.perf_counter() < moment:
                pass
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
            # What it wrote to the pipe before it died was acknowledged as well; its last line may be cut short.
            acknowledged.extend(line.strip() for line in lines if line.endswith("\n"))
        yield _found(url, acknowledged)


def _write_on(url: str, reply: int) -> None:
    """Take up the decision that is open, or open the next, for ever; report each write once it is acknowledged."""
    with AuditStore.open(url) as store:
        number = len(store.decisions(limit=10_000))
        while True:
            for decision_id in (f"d-{max(number - 1, 0)}", f"d-{number}"):
                _work_through(store, decision_id, reply)
            number += 1


def _work_through(store: AuditStore, decision_id: str, reply: int) -> None:
    opened(store, decision_id)
    os.write(reply, f"opened {decision_id}\n".encode())
    answered = {answer.agent_id for answer in store.answers(decision_id, 1)}
    for name in NAMES:
        if name not in answered and store.decision(decision_id) is None:
            os.write(reply, f"asked {decision_id} {name}\n".encode())
            store.record_answer(ballot(name, decision_id=decision_id))
            os.write(reply, f"answered {decision_id} {name}\n".encode())
    store.close_decision(decision_of(store, decision_id), at=SOON)
    os.write(reply, f"closed {decision_id}\n".encode())


def _found(url: str, acknowledged: list[str]) -> object:
    kept: set[str] = set()
    decided = []
    with AuditStore.open(url) as store:
        problems = store.check()
        for summary in store.decisions(limit=10_000):
            name = summary.decision_id
            kept.add(f"opened {name}")
            kept.update(f"answered {name} {answer.agent_id}" for answer in store.answers(name, 1))
            if store.decision(name) is not None:
                kept.add(f"closed {name}")
            events = [event.kind for event in store.timeline(name)]
            decided.append(events.count(EventKind.DECIDED))
            if events.count(EventKind.BALLOT) != len(store.answers(name, 1)):
                problems = (*problems, f"{name} has another number of ballots than of events that tell of them")
    answered: set[str] = set()
    asked_again = []
    for what, _, whose in (line.partition(" ") for line in acknowledged):
        if what == "answered":
            answered.add(whose)
        if what == "asked" and whose in answered:
            asked_again.append(whose)
    return {
        "lost": sorted({line for line in acknowledged if not line.startswith("asked")} - kept),
        "asked_again": asked_again,
        "problems": problems,
        "most_decided": max(decided),
        "acknowledged": len(acknowledged),
    }


def main() -> None:
    """Run each job and print its results."""
    jobs = {job.__name__: job for job in (cast, repeat, close, make, kill)}
    while line := sys.stdin.readline():
        job, url = line.split()
        print(json.dumps(list(jobs[job](url))), flush=True)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main()

"""Several processes on one store: nothing lost, nothing twice, and who dies leaves it whole."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.model import EventKind
from tests.audit.crowd import CASTING_PROCESSES, CASTING_THREADS, KILLS, ROOT
from tests.audit.samples import ballot, opened

ResultsOf = Callable[[str, str], list[Any]]


@pytest.fixture(scope="module")
def results_of() -> Iterator[ResultsOf]:
    """What the processes of a crowd report of a job on a store. One process forks them all."""
    command = [sys.executable, "-m", "tests.audit.crowd"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as crowd:
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        given, told = crowd.stdin, crowd.stdout

        def results_of(job: str, url: str) -> list[Any]:
            given.write(f"{job} {url}\n")
            given.flush()
            found: list[Any] = json.loads(told.readline())
            return found

        yield results_of
        given.close()


def test_b62_fifty_concurrent_casts_are_fifty_ballots(results_of: ResultsOf, store: AuditStore, store_url: str) -> None:
    names = [f"agent_{number:02}" for number in range(CASTING_PROCESSES * CASTING_THREADS)]
    opened(store, "d-1", *names)

    cast = results_of("cast", store_url)

    assert sorted(name for worker in cast for name in worker) == names
    assert [answer.agent_id for answer in store.answers("d-1", 1)] == names
    assert [event.sequence for event in store.timeline("d-1")] == list(range(1, 52))
    assert store.check() == ()


def test_b02_the_same_ballot_from_four_processes_counts_once(
    results_of: ResultsOf, store: AuditStore, store_url: str
) -> None:
    opened(store)

    assert results_of("repeat", store_url) == ["ada"] * 4
    assert store.answers("d-1", 1) == (ballot(),)
    assert len(store.timeline("d-1")) == 2


def test_b53_closing_twice_gives_one_result(results_of: ResultsOf, store: AuditStore, store_url: str) -> None:
    opened(store)
    for name in ("ada", "bob", "cyd"):
        store.record_answer(ballot(name))

    first, second = results_of("close", store_url)

    decision = store.decision("d-1")
    assert decision is not None
    assert first == second == decision.explanation
    assert [event.kind for event in store.timeline("d-1")].count(EventKind.DECIDED) == 1


def test_processes_that_make_a_store_at_once_share_it(results_of: ResultsOf, bare_store_url: str) -> None:
    assert results_of("make", bare_store_url) == [[]] * 4

    with AuditStore.open(bare_store_url) as store:
        assert {summary.decision_id for summary in store.decisions()} == {"d-0", "d-1", "d-2", "d-3"}
        assert store.check() == ()


def test_b64_killing_the_writer_loses_and_doubles_nothing(results_of: ResultsOf, store_url: str) -> None:
    found = results_of("kill", store_url)

    assert len(found) == KILLS
    assert [kill["lost"] for kill in found] == [[]] * KILLS
    assert [kill["asked_again"] for kill in found] == [[]] * KILLS
    assert [kill["problems"] for kill in found] == [[]] * KILLS
    assert max(kill["most_decided"] for kill in found) == 1
    assert found[-1]["acknowledged"] > KILLS

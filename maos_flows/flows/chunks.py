"""Collecting from large electorates: many agents in one task run, each answer kept for itself all the same."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from maos_flows.audit.store import AuditStore
from maos_flows.flows.artifacts import Progress
from maos_flows.flows.collecting import (
    PROGRESS_AFTER_SECONDS,
    Answer,
    Begun,
    Collect,
    Collected,
    answer_of,
    collect_singly,
    keep_answer,
    note_settled,
)
from maos_flows.flows.edges import Sealed, unsealed
from maos_flows.flows.isolating import of_electorate
from maos_flows.flows.runners import Submit, chunk_runner
from maos_flows.flows.stores import kept, opened_store, store_address
from maos_flows.flows.turns import is_enough
from maos_flows.model import Agent, EventKind, Opening
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest

MOST_SINGLE = 100
"""The largest electorate whose agents each have a task run of their own.

A task run costs this process some 7 ms and the server as much, and is a line on a page that nobody reads to its end:
among 1,000 agents chunks take less than half the time (`benchmarks/large_electorate.py`).
"""

CHUNK = 100
"""How many agents share a task run in a larger one."""

ASKED_AT_ONCE = 50
"""How many agents of a chunk are asked at the same time."""

CHUNKS_AT_ONCE = 8
"""How many chunks are collected at the same time; so at most 400 agents of a decision are being asked at any moment."""

LISTEN_SECONDS = 0.5
"""How often a chunk looks whether its ballots are still needed."""


def is_large(request: DecisionRequest) -> bool:
    """Say whether an electorate is collected in chunks."""
    return len(request.agents) > MOST_SINGLE


@contextmanager
def collecting(request: DecisionRequest) -> Iterator[Collect]:
    """Give what collects a round of a request: agents each by a task run, or in chunks where there are many.

    What runs chunks is started here, before the decision is opened and its time begins to run.
    """
    if not is_large(request):
        yield collect_singly
        return
    with chunk_runner(collect_chunk) as submit:
        yield partial(_collect_in_chunks, submit=submit)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Places in the electorate, the first and the last, counted from 1."""

    first: int
    last: int


async def _collect_in_chunks(
    begun: Begun, request: DecisionRequest, policy: ConsensusPolicy, store: AuditStore, *, submit: Submit
) -> Collected:
    """Ask the agents that have not answered, chunk by chunk, through the task runner."""
    proposal = begun.opening.proposal
    watching = asyncio.create_task(_watch(begun, request, policy, store))
    try:
        edges = await _run_chunks(begun, request, submit)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    answers = await asyncio.to_thread(store.answers, proposal.decision_id, proposal.round)
    return {answer.agent_id: answer for answer in answers}, edges


async def _run_chunks(begun: Begun, request: DecisionRequest, submit: Submit) -> list[object]:
    at_once = asyncio.Semaphore(CHUNKS_AT_ONCE)
    parameters = {
        "decision_id": begun.opening.proposal.decision_id,
        "store_url": store_address(),
        "since": begun.since,
    }

    async def run(chunk: _Chunk) -> State[Any]:
        async with at_once:
            future = submit({**parameters, "first": chunk.first, "last": chunk.last})
            await asyncio.to_thread(future.wait)
            await unsealed(future.state)
            return future.state

    return list(await asyncio.gather(*(run(chunk) for chunk in _chunks(request, begun.answered))))


def _chunks(request: DecisionRequest, answered: Mapping[str, Answer]) -> Iterator[_Chunk]:
    """Cut an electorate into chunks, the same each time it is taken up, less those that have answered whole."""
    for start in range(0, len(request.agents), CHUNK):
        agents = request.agents[start : start + CHUNK]
        if any(agent.id not in answered for agent in agents):
            yield _Chunk(start + 1, start + len(agents))


@task(name="collect-ballots", task_run_name="ballots: {first} to {last}", cache_policy=NO_CACHE, persist_result=False)
async def collect_chunk(decision_id: str, first: int, last: int, *, store_url: str, since: int) -> State[Any]:
    """Ask the agents of a chunk that have not answered, and keep each answer the moment it arrives.

    It may run in any process that reaches the audit store: what it asks, and whom, it reads there.

    Args:
        decision_id: The decision, whose latest round it is.
        first: The place of the chunk's first agent in the request, from 1.
        last: The place of its last.
        store_url: Where the audit store is.
        since: The number of the timeline's event with which the round was begun or taken up.
    """
    store = await opened_store(store_url)
    request, opening, answered = await asyncio.to_thread(_read, store, decision_id)
    agents = request.agents[first - 1 : last]
    enough = asyncio.Event()
    at_once = asyncio.Semaphore(ASKED_AT_ONCE)

    async def collect(agent: Agent) -> None:
        async with at_once:
            answer = await answer_of(
                agent, opening.proposal, retries=request.retries, enough=enough if request.early_stop else None
            )
            keeping = partial(keep_answer, answer, opening=opening, store=store, sealed=request.sealed)
            await kept(store, keeping)

    listening = asyncio.create_task(_listen(enough, store, decision_id, since)) if request.early_stop else None
    try:
        await asyncio.gather(*(collect(agent) for agent in agents if agent.id not in answered))
    finally:
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    cast = await asyncio.to_thread(store.answered, decision_id, opening.proposal.round, kind="ballot")
    count = sum(1 for agent in agents if agent.id in cast)
    return Completed(name=f"Ballots: {count} of {len(agents)}", message=_message(agents), data=Sealed(count))


def _message(agents: tuple[Agent, ...]) -> str:
    simulated = sum(1 for agent in agents if agent.voter == "simulated")
    return f"{agents[0].id} to {agents[-1].id}" + (f"; {simulated} of {len(agents)} are simulated" if simulated else "")


def _read(store: AuditStore, decision_id: str) -> tuple[DecisionRequest, Opening, frozenset[str]]:
    """Read what is asked, in the latest round, and who has answered."""
    request, opening = store.request(decision_id), store.opening(decision_id)
    assert request is not None
    assert opening is not None
    return of_electorate(request, opening), opening, store.answered(decision_id, opening.proposal.round)


async def _listen(enough: asyncio.Event, store: AuditStore, decision_id: str, since: int) -> None:
    """Set the signal once it is noted that no outstanding ballot can change the outcome."""
    while not enough.is_set():
        await asyncio.sleep(LISTEN_SECONDS)
        if await asyncio.to_thread(store.happened, decision_id, EventKind.SETTLED_EARLY, after=since):
            enough.set()


async def _watch(begun: Begun, request: DecisionRequest, policy: ConsensusPolicy, store: AuditStore) -> None:
    """Show how many have answered and, where that is wanted, note once no more ballots are needed."""
    proposal = begun.opening.proposal
    progress = Progress(proposal.decision_id, len(request.agents))
    settling = request.early_stop
    seen = 0
    while True:
        answered = await asyncio.to_thread(store.answered, proposal.decision_id, proposal.round)
        if settling and len(answered) > seen:
            found = await asyncio.to_thread(store.answers, proposal.decision_id, proposal.round)
            if is_enough(policy, begun.opening, {answer.agent_id: answer for answer in found}, request.agents):
                await kept(store, partial(note_settled, store, proposal))
                settling = False
        seen = len(answered)
        await asyncio.sleep(PROGRESS_AFTER_SECONDS)
        await progress.show(seen)

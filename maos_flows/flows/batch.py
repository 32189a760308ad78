"""The flow of a batch: one flow run for thousands of questions, a task run a chunk, each chunk done once."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from prefect import Flow, flow, tags, task
from prefect.artifacts import TableArtifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from maos_flows.audit.batches import BatchRecord, ChunkRecord
from maos_flows.audit.store import AuditStore, WorkflowRun
from maos_flows.bulk.asking import Asker, Rule
from maos_flows.bulk.batch import Batch, Chunk, parameters_of, stage_requests
from maos_flows.bulk.columns import decide_recorded
from maos_flows.bulk.output import Output, line_of, written
from maos_flows.bulk.questions import Question
from maos_flows.bulk.standing import Counts, Standing, headline, how_ended, standing_of, summary_rows
from maos_flows.flows.artifacts import Progress, Showing, artifact_key
from maos_flows.flows.edges import Sealed, state_of, unsealed, untracked
from maos_flows.flows.quietly import Places, decide_quietly, run_quietly
from maos_flows.flows.stores import kept, opened_store
from maos_flows.voters.base import utc_now
from maos_flows.workflow import Workflow

CHUNKS_AT_ONCE = 2
"""So that a question that takes long holds up its own chunk and not the next."""

SECONDS_BETWEEN_LOOKS = 2.0
"""How often the progress artifact is brought up to date: each time is a request."""

Lines = list[bytes]


Notice = Callable[[Standing], None]
"""Told how far a batch is, at its begin and after each chunk."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may go on at once: questions, and agents of a kind of voter or provider."""

    questions: int = 8
    kinds: Mapping[str, int] = field(default_factory=dict, hash=False)


def compile_batch(batch: Batch, output: Output, *, limits: Limits, notice: Notice) -> Flow[..., Any]:
    """Make the flow that decides what is left of a batch. Its one parameter is the batch's id.

    Its state is named after what came of the questions, and has `{how: number}` as data.
    """

    @flow(name="maos-batch", flow_run_name=f"batch {batch.batch_id}", persist_result=False)
    async def run(batch_id: str) -> State[Any]:
        assert batch_id == batch.batch_id
        with tags("maos", batch.algorithm):
            standing = await _run(batch, output, limits, notice)
        return Completed(name=headline(standing), data=dict(standing.counts))

    return run


async def _run(batch: Batch, output: Output, limits: Limits, notice: Notice) -> Standing:
    store = await opened_store()
    record = BatchRecord(
        batch.batch_id,
        source=str(batch.source),
        algorithm=batch.algorithm,
        questions=len(batch.questions),
        parameters=parameters_of(batch),
        started_at=utc_now(),
        flow_run_id=str(flow_run.id or ""),
    )
    await kept(store, partial(store.batches.open, record))
    work = _Work(batch, store, Places(limits.questions, limits.kinds))
    running = _Running(work, output, notice)
    await running.begin()
    showing = Showing()
    showing.begin(_show_progress(running))
    try:
        await running.finish()
        await kept(store, partial(store.batches.finish, batch.batch_id, at=utc_now()))
        showing.begin(_publish_summary(batch, running.standing))
    finally:
        running.is_over.set()
        await showing.end()
    return running.standing


class _Work:
    """How a chunk's questions are decided, and how the lines of one that is done are read back."""

    def __init__(self, batch: Batch, store: AuditStore, places: Places) -> None:
        self.batch = batch
        self.store = store
        self._places = places

    async def do(self, chunk: Chunk) -> tuple[Counts, Lines]:
        """Decide a chunk, or what is left of it, and keep that it is done."""
        rule = self.batch.rule
        if isinstance(rule, Rule) and rule.votes is not None:
            return await asyncio.to_thread(self._count_recorded, chunk, rule)
        asked = [self._limited(question, rule) for question in chunk.questions]
        ended = await asyncio.gather(*asked)
        counts = Counter(how for how, _ in ended)
        lines = [line for _, line in ended]
        await kept(self.store, partial(self.store.batches.close_chunk, self._record(chunk, counts)))
        return counts, lines

    def lines(self, chunk: Chunk) -> Lines:
        """Read the lines of a chunk that is done."""
        if isinstance(self.batch.rule, Workflow):
            runs = [(question, self.store.run(self._name(question))) for question in chunk.questions]
            return [_line_of_run(question, run, self.store) for question, run in runs if run is not None]
        names = {self._name(question): question for question in chunk.questions}
        verdicts = self.store.batches.verdicts(names)
        return [line_of(question, name, verdicts[name]) for name, question in names.items()]

    def _count_recorded(self, chunk: Chunk, rule: Rule) -> tuple[Counts, Lines]:
        at = utc_now()
        closed = decide_recorded(Asker(rule, self.batch.batch_id), chunk.questions, at=at)
        counts = Counter(how_ended(entry.like.outcome.value, entry.like.reason.value) for entry in closed)
        if not self.store.batches.close_chunk(self._record(chunk, counts), closed):
            return counts, self.lines(chunk)  # somebody else did it meanwhile; the same votes give the same counts
        pairs = zip(chunk.questions, closed, strict=True)
        return counts, [line_of(question, self._name(question), entry.like) for question, entry in pairs]

    async def _limited(self, question: Question, rule: Rule | Workflow) -> tuple[str, bytes]:
        async with self._places.questions:
            name = self._name(question)
            if isinstance(rule, Workflow):
                run = await run_quietly(stage_requests(rule, question), name, self.store, self._places)
                return how_ended(str(run.outcome)), await asyncio.to_thread(_line_of_run, question, run, self.store)
            request = Asker(rule, self.batch.batch_id).request(question)
            decision = await decide_quietly(request, name, self.store, self._places)
            return how_ended(decision.outcome.value, decision.reason.value), line_of(question, name, decision)

    def _name(self, question: Question) -> str:
        return f"{self.batch.batch_id}-{question.id}"

    def _record(self, chunk: Chunk, counts: Counts) -> ChunkRecord:
        return ChunkRecord(self.batch.batch_id, chunk.number, counts, utc_now())


def _line_of_run(question: Question, run: WorkflowRun, store: AuditStore) -> bytes:
    stages = [
        {"stage": stage.stage, "outcome": stage.outcome, "explanation": stage.explanation}
        for stage in store.stages(run.run_id)
    ]
    return written({"id": question.id, "run_id": run.run_id, "outcome": run.outcome, "stages": stages})


class _Running:
    """A batch while it runs: what is done, and what comes next."""

    def __init__(self, work: _Work, output: Output, notice: Notice) -> None:
        self._work = work
        self._output = output
        self._notice = notice
        self._done: dict[int, Counts] = {}
        self.is_over = asyncio.Event()

    @property
    def batch(self) -> Batch:
        return self._work.batch

    @property
    def standing(self) -> Standing:
        """How far it is."""
        return standing_of(len(self.batch.questions), self._done.values())

    async def begin(self) -> None:
        """Find what is done, and write the lines of that."""
        batch, store = self.batch, self._work.store
        chunks = batch.chunks
        for record in await asyncio.to_thread(store.batches.chunks, batch.batch_id):
            self._done[record.number] = record.counts
        await asyncio.to_thread(
            lambda: self._output.begin({number: self._work.lines(chunks[number]) for number in self._done})
        )
        self._notice(self.standing)

    async def finish(self) -> None:
        """Do the chunks that are not done, in order, a few at once."""
        left = iter([chunk for chunk in self.batch.chunks if chunk.number not in self._done])
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(CHUNKS_AT_ONCE):
                    group.create_task(self._do_each(left))
        except ExceptionGroup as several:
            raise several.exceptions[0] from several

    async def _do_each(self, chunks: Iterator[Chunk]) -> None:
        for chunk in chunks:
            first, last = chunk.questions[0].id, chunk.questions[-1].id
            doing = decide_questions(first, last, work=untracked(self._work), chunk=untracked(chunk), return_state=True)
            counts, lines = await unsealed(await state_of(doing))
            await asyncio.to_thread(self._output.add, chunk.number, lines)
            self._done[chunk.number] = counts
            self._notice(self.standing)


@task(name="decide-questions", task_run_name="questions {first} to {last}", cache_policy=NO_CACHE, persist_result=False)
async def decide_questions(first: str, last: str, *, work: _Work, chunk: Chunk) -> State[Any]:
    """Decide the questions of a chunk and record them."""
    del first, last  # for the task run's name
    started = monotonic()
    counts, lines = await work.do(chunk)
    standing = standing_of(len(chunk.questions), [counts])
    message = f"{len(chunk.questions)} questions in {monotonic() - started:.1f} s"
    return Completed(name=headline(standing), message=message, data=Sealed((counts, lines)))


async def _show_progress(running: _Running) -> None:
    progress = Progress(running.batch.batch_id, len(running.batch.questions), "questions that are done")
    while not running.is_over.is_set():
        await progress.show(running.standing.done)
        try:
            await asyncio.wait_for(running.is_over.wait(), SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            continue
    await progress.show(running.standing.done)


async def _publish_summary(batch: Batch, standing: Standing) -> None:
    table = TableArtifact(
        key=artifact_key("batch", batch.batch_id),
        description=f"{headline(standing)}, of {standing.questions} questions by {batch.algorithm}",
        table=summary_rows(standing),
    )
    async with get_client() as client:
        await table.acreate(client)

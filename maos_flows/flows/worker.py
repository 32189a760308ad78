"""The worker: a Prefect worker of type `maos`, which runs flow runs of this package's deployments in warm processes."""

import asyncio
import copy
import os
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import anyio
import anyio.abc
import httpx
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.workers.base import BaseVariables, BaseWorker, BaseWorkerResult

from maos_flows.audit.store import AuditStore
from maos_flows.config.worker import WorkerSettings, worker_settings_from
from maos_flows.errors import StoreError, WorkerError
from maos_flows.flows.stores import audit_store
from maos_flows.flows.takeover import (
    cancelled,
    close_abandoned,
    has_broken_off,
    stopped_by_somebody,
    subject_of,
    sweep,
    take_up,
)
from maos_flows.flows.warm_jobs import JOB_TEMPLATE, MaosJobConfiguration
from maos_flows.flows.warm_pool import Ended, WarmPool, WarmProcess
from maos_flows.voters.base import utc_now

PROCESSES = 4
"""How many runs are in progress at once unless `--limit` says otherwise: agents are mostly waited for."""

_POLL_SECONDS = 1.0
_LOOK_SECONDS = 2.0
_KILL_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 15.0
_PASSING = (httpx.HTTPError, PrefectHTTPStatusError, OSError, StoreError)
"""What may pass: the server or the audit store is away or busy."""


class MaosWorkerResult(BaseWorkerResult):
    """Which process served a run; what became of the run, its state says."""


@dataclass(slots=True)
class Work:
    """A run in progress, and why its process was killed, if it was."""

    flow_run: FlowRun
    process: WarmProcess
    stopped: FlowRun | None = None
    is_lost: bool = False


class MaosWorker(BaseWorker[MaosJobConfiguration, BaseVariables, MaosWorkerResult]):
    """Runs decisions and workflows in warm processes.

    Each process runs one flow run at a time, so that a crash or a hang takes nobody else's. What a process that died
    left behind is taken up again, by whichever worker is there.
    """

    type = "maos"
    job_configuration = MaosJobConfiguration
    _display_name = "MAOS"
    _description = "Run decisions and workflows of maos_flows in processes that are warm already."
    _documentation_url = "https://docs.prefect.io/v3/concepts/workers"

    _settings: WorkerSettings
    _store: AuditStore
    _pool: WarmPool
    _owner: str
    _polls_often = True

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """Give what a work pool is made with."""
        return copy.deepcopy(dict(JOB_TEMPLATE))

    async def start(
        self,
        run_once: bool = False,  # noqa: FBT001, FBT002 - Prefect's signature
        with_healthcheck: bool = False,  # noqa: FBT001, FBT002 - as above
        printer: Callable[..., None] = print,
    ) -> None:
        """Run the worker; between Prefect's polls it also looks for runs as soon as a process is free."""
        self._polls_often = not run_once
        await super().start(run_once=run_once, with_healthcheck=with_healthcheck, printer=printer)

    async def setup(self) -> None:
        """Open the audit store, warm the processes, and begin to look after runs.

        Raises:
            StoreError: The audit store cannot be opened; nothing is run without it.
            WorkerError: The processes do not start.
        """
        self._settings = worker_settings_from(os.environ)
        self._store = await asyncio.to_thread(audit_store)
        self._limit = self._limit or PROCESSES
        self._prefetch_seconds = 0  # a warm process needs no start before its time
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._at_work: dict[UUID, Work] = {}
        self._claimed: set[UUID] = set()
        self._is_draining = False
        self._is_one_free = asyncio.Event()
        self._unsettled: list[tuple[Work, Ended]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._pool = WarmPool(self._limit, runs=self._settings.runs, memory_mib=self._settings.memory_mib)
        try:
            await self._pool.start()
            await super().setup()
        except BaseException:
            await self._pool.close()
            raise
        lease = self._settings.lease_seconds
        self._repeat(self._renew_leases, lease / 3)
        self._repeat(self._stop_what_is_to_stop, _LOOK_SECONDS)
        self._repeat(self._take_over, lease)
        if self._polls_often:
            self._repeat(self._poll, 0)

    async def teardown(self, *exc_info: Any) -> None:
        """Take no more runs, wait for those in progress, and leave what then is not over to other workers."""
        self._is_draining = True
        await self._wait_until_idle(self._settings.drain_seconds)
        for work in tuple(self._at_work.values()):
            work.process.kill()
        await self._wait_until_idle(_KILL_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.close()
        await super().teardown(*exc_info)

    async def _wait_until_idle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.limiter.borrowed_tokens and time.monotonic() < until:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)

    def _repeat(self, step: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Repeat a step for as long as the worker runs; what may pass is a warning."""

        async def repeat() -> None:
            failures = 0
            while True:
                try:
                    await step()
                    failures = 0
                except _PASSING as error:
                    failures += 1
                    self._logger.warning("%s: %s", type(error).__name__, error)
                    await asyncio.sleep(min(2.0**failures, _LONGEST_PAUSE_SECONDS))
                await asyncio.sleep(seconds)

        self._tasks.append(asyncio.create_task(repeat()))

    async def _poll(self) -> None:
        """Look for runs once a second, and at once when a process has become free."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL_SECONDS):
                await self._is_one_free.wait()
        self._is_one_free.clear()
        if self.limiter.available_tokens:
            await super().get_and_submit_flow_runs()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Look for runs, for Prefect's own loop: it would end the worker after some minutes without a server."""
        try:
            return await super().get_and_submit_flow_runs()
        except _PASSING as error:
            self._bear(error)
            return []

    async def _sync_and_initialize(self) -> None:
        """Report to the server; so it is with this loop of Prefect's."""
        try:
            await super()._sync_and_initialize()
        except _PASSING as error:
            self._bear(error)

    def _bear(self, error: Exception) -> None:
        """Go on after what may pass, once there was a server at all; one that refuses us is no such thing."""
        refused = isinstance(error, httpx.HTTPStatusError) and not error.response.is_server_error
        if refused or not self._has_successfully_synced:
            raise error
        self._logger.warning("%s: %s", type(error).__name__, error)

    async def _get_scheduled_flow_runs(self) -> list[WorkerFlowRunResponse]:
        """Ask for no more runs than can be taken, and a few for those another worker takes first."""
        if self._is_draining:
            return []
        wanted = {
            "work_queue_names": sorted(self._work_queues),
            "scheduled_before": str(utc_now()),
            "limit": 2 * int(self.limiter.available_tokens) + 2,
        }
        try:
            response = await self.client.request(
                "POST",
                "/work_pools/{name}/get_scheduled_flow_runs",
                path_params={"name": self._work_pool_name},
                json=wanted,
            )
        except (ObjectNotFound, httpx.HTTPStatusError) as error:
            if isinstance(error, httpx.HTTPStatusError) and error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            return []  # the pool is made at the next synchronisation
        return WorkerFlowRunResponse.model_validate_list(response.json())

    async def _submit_run(self, flow_run: FlowRun) -> None:
        """Take a run; if the server is away just then, it stays where it is.

        Prefect's own way reads the run's deployment before, and again for the job: a tenth of the requests of a run.
        """
        assert self._runs_task_group is not None
        try:
            if await self._propose_pending_state(flow_run):
                begun = await self._runs_task_group.start(self._submit_run_and_capture_errors, flow_run)
                await self._note_process(flow_run, begun)
            else:
                self._release_limit_slot(flow_run.id)
        except _PASSING as error:
            self._logger.warning("flow run %s was not taken: %s", flow_run.id, error)
            self._release_limit_slot(flow_run.id)
        finally:
            self._submitting_flow_run_ids.discard(flow_run.id)
            if self._cancelling_observer is not None:
                self._cancelling_observer.remove_in_flight_flow_run_id(flow_run.id)

    async def _note_process(self, flow_run: FlowRun, begun: object) -> None:
        """Let the run's page say which process has it; what could not begin has ended already."""
        if isinstance(begun, Exception):
            return
        try:
            await self.client.update_flow_run(flow_run.id, infrastructure_pid=str(begun))
        except _PASSING as error:
            self._logger.warning("flow run %s: its process could not be noted: %s", flow_run.id, error)

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        """Claim a run; from then on it is this worker's, and it says so however long it takes to begin."""
        is_claimed = await super()._propose_pending_state(flow_run)
        if is_claimed:
            self._claimed.add(flow_run.id)
        return is_claimed

    async def _submit_run_and_capture_errors(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[int | Exception] | None = None
    ) -> BaseWorkerResult | Exception:
        """Run what was claimed, to its end."""
        try:
            return await super()._submit_run_and_capture_errors(flow_run, task_status)
        finally:
            self._claimed.discard(flow_run.id)

    async def _propose_submitting_state(self, flow_run: FlowRun) -> None:
        """Leave out a state that says that a program is being started: there is none, and it costs a tenth of a run."""

    async def _give_worker_labels_to_flow_run(self, flow_run_id: UUID) -> None:
        """Leave out a request: which worker and process has a run, its infrastructure says."""

    async def run(
        self,
        flow_run: FlowRun,
        configuration: MaosJobConfiguration,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> MaosWorkerResult:
        """Run a flow run in a warm process, and see to it if the process did not bring it to an end."""
        started = anyio.TASK_STATUS_IGNORED if task_status is None else task_status
        try:
            process = await self._pool.take()
        except WorkerError as error:
            started.started(self._owner)
            await self._take_up(flow_run, why=str(error))
            return MaosWorkerResult(identifier=self._owner, status_code=0)
        name = f"{socket.gethostname()}:{process.pid}"
        started.started(name)
        work = Work(flow_run, process)
        self._at_work[flow_run.id] = work
        try:
            if self._is_draining:
                process.kill()
            ended = await self._pool.run(process, configuration.job)
        finally:
            del self._at_work[flow_run.id]
            self._pool.give_back(process)
            self._is_one_free.set()
        try:
            await self._settle(work, ended)
        except _PASSING as error:
            self._logger.warning("flow run %s: %s; it is seen to later: %s", flow_run.id, ended.explanation, error)
            self._unsettled.append((work, ended))
        return MaosWorkerResult(identifier=name, status_code=0)

    async def _settle(self, work: Work, ended: Ended) -> None:
        """See to a run whose process has ended it or is gone."""
        subject = subject_of(work.flow_run.id)
        if work.is_lost or (ended.was_refused and work.stopped is None):
            return
        if ended.state is None and work.stopped is not None:
            if work.stopped.state_type is not StateType.PAUSED:
                await cancelled(self.client, self._store, work.stopped)
        elif ended.state is None:
            await self._take_up(work.flow_run, why=ended.explanation)
            return
        elif ended.state == StateType.FAILED.value and await self._has_broken_off(work.flow_run):
            await self._take_up(work.flow_run, why="it broke off")
            return
        await asyncio.to_thread(self._store.release_leases, self._owner, [subject])

    async def _has_broken_off(self, flow_run: FlowRun) -> bool:
        return await asyncio.to_thread(has_broken_off, flow_run, self._store)

    async def _take_up(self, flow_run: FlowRun, *, why: str) -> None:
        """Have a run begin again whose process is gone."""
        subject, now = subject_of(flow_run.id), utc_now()
        until = now + timedelta(seconds=self._settings.lease_seconds)
        times = await asyncio.to_thread(self._store.take_over_lease, self._owner, subject, now=now, until=until)
        if times is not None:
            what = await take_up(self.client, self._store, flow_run, why=why, times=times)
            self._logger.warning("flow run %s: %s; %s", flow_run.id, why, what)

    async def _renew_leases(self) -> None:
        """Say of every run in progress that somebody is at work; stop those another worker has taken over."""
        claimed = {subject_of(flow_run_id): flow_run_id for flow_run_id in self._claimed}
        if not claimed:
            return
        now = utc_now()
        until = now + timedelta(seconds=self._settings.lease_seconds)
        held = await asyncio.to_thread(self._store.renew_leases, self._owner, claimed, now=now, until=until)
        for subject in claimed.keys() - held:
            if work := self._at_work.get(claimed[subject]):
                self._logger.warning("%s was taken over by another worker", subject)
                work.is_lost = True
                work.process.kill()

    async def _stop_what_is_to_stop(self) -> None:
        """End the processes of runs that somebody cancelled or suspended."""
        works = dict(self._at_work)
        for flow_run in await stopped_by_somebody(self.client, works):
            work = works[flow_run.id]
            if work.stopped is None and self._at_work.get(flow_run.id) is work:
                work.stopped = flow_run
                work.process.kill()

    async def _take_over(self) -> None:
        """Look for runs whose worker is gone, and for decisions nobody can end any more."""
        while self._unsettled:
            await self._settle(*self._unsettled[0])
            self._unsettled.pop(0)
        lease = timedelta(seconds=self._settings.lease_seconds)
        done = await sweep(
            self.client, self._store, pool=self._work_pool_name, owner=self._owner, lease=lease, busy=self._claimed
        )
        done += await close_abandoned(self.client, self._store)
        for line in done:
            self._logger.warning(line)

"""From a flow run to the job of a warm process, or to the reason why it is none."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.workers.base import BaseJobConfiguration
from pydantic import PrivateAttr

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.flows.warm import Job, flow_of

_OWN = "maos_flows.flows."
_PLACE_STEP = "prefect.deployments.steps.set_working_directory"
_INSTEAD = "use a work pool of type process, docker or kubernetes for it"


class MaosJobConfiguration(BaseJobConfiguration):
    """What a flow run may set for itself: variables of its environment."""

    _job: Job | None = PrivateAttr(default=None)

    @classmethod
    async def resolve_for_flow_run(
        cls,
        flow_run: FlowRun,
        *,
        client: PrefectClient,
        work_pool: WorkPool,
        worker_name: str,
        worker_id: UUID | None = None,
        deployment: DeploymentResponse | None = None,
    ) -> "MaosJobConfiguration":
        """Make the job of a flow run.

        Raises:
            ConfigurationError: A warm process cannot run it; says what can.
        """
        del worker_name, worker_id  # they are for the environment of a program, and none is started
        if deployment is None and flow_run.deployment_id is not None:
            with suppress(ObjectNotFound):  # it was deleted just now
                deployment = await client.read_deployment(flow_run.deployment_id)
        given = {**(deployment.job_variables if deployment else {}), **(flow_run.job_variables or {})}
        made: MaosJobConfiguration = await cls.from_template_and_values(
            work_pool.base_job_template, given, client=client
        )
        variables = {name: value for name, value in made.env.items() if value is not None}
        problems = (*_problems(deployment), *_problems_of_variables(given, variables))
        if problems:
            raise ConfigurationError(problems, source="flow run")
        assert deployment is not None
        assert deployment.entrypoint is not None
        made._job = Job(
            flow_run.model_dump(mode="json"),
            ":".join(_parts(deployment.entrypoint)),
            directory_of(deployment),
            variables,
        )
        return made

    @property
    def job(self) -> Job:
        """The job."""
        assert self._job is not None
        return self._job


JOB_TEMPLATE: Mapping[str, Any] = {
    "job_configuration": {"env": "{{ env }}"},
    "variables": {
        "type": "object",
        "properties": {
            "env": {
                "title": "Environment Variables",
                "description": "Variables that are set while a flow run is in progress. Not Prefect's own settings.",
                "type": "object",
                "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            }
        },
    },
}
"""What a work pool of this type is made with."""


def _problems(deployment: DeploymentResponse | None) -> Iterator[Problem]:
    """Find what a warm process cannot do of what a deployment wants."""
    if deployment is None:
        yield Problem("deployment", "there is none; a warm process runs deployments of maos_flows")
        return
    entrypoint = deployment.entrypoint or ""
    if not _is_own_flow(entrypoint):
        yield Problem("entrypoint", f"{entrypoint[:200]!r} is not a flow of maos_flows; {_INSTEAD}")
    if deployment.storage_document_id is not None:
        yield Problem("storage", f"a warm process fetches no code; {_INSTEAD}")
    for step in deployment.pull_steps or ():
        if list(step) != [_PLACE_STEP]:
            yield Problem("pull", f"{', '.join(step)[:200]}: a warm process fetches no code; {_INSTEAD}")


def _is_own_flow(entrypoint: str) -> bool:
    module, name = _parts(entrypoint)
    if not module.startswith(_OWN):
        return False
    try:
        return isinstance(flow_of(f"{module}:{name}"), Flow)
    except (ImportError, AttributeError):
        return False


def _problems_of_variables(given: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[Problem]:
    for name in sorted(given):
        if name.split(".")[0] != "env" and given[name]:
            yield Problem(f"job variable {name}", f"a warm process has no use for it; {_INSTEAD}")
    for name in sorted(variables):
        if name.startswith("PREFECT_"):
            yield Problem(f"job variable env.{name}", "Prefect's settings are those of the worker")


def _parts(entrypoint: str) -> tuple[str, str]:
    """Split an entrypoint as Prefect writes it: `package.module.function`, or `package/module.py:function`."""
    path, colon, name = entrypoint.rpartition(":")
    if not colon:
        path, _, name = entrypoint.rpartition(".")
    return path.removesuffix(".py").replace("/", ".").lstrip("."), name


def directory_of(deployment: DeploymentResponse) -> str | None:
    """Give the directory a deployment's runs are in; None if it is the worker's."""
    places = [step[_PLACE_STEP].get("directory") for step in deployment.pull_steps or () if _PLACE_STEP in step]
    return (places or [deployment.path])[-1] or None

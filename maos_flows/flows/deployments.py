"""Deployments: what Prefect may start of ours, in which work pool, with which parameters and schedules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from typing import Any

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.flows.api import PrefectApi

POOL = "maos"
NAME = "maos"
"""What the package's own deployments are called, each under its flow: `maos-decide/maos`."""

DECIDE = "maos-decide"
WORKFLOW = "maos-workflow"
ASK = "maos-ask"

_ENTRYPOINTS = {
    DECIDE: "maos_flows.flows.decide.decide",
    WORKFLOW: "maos_flows.flows.entrypoint.run_workflow",
    ASK: "maos_flows.flows.entrypoint.ask",
}
_DESCRIPTIONS = {
    DECIDE: "Decides what `maos task submit` hands in.",
    WORKFLOW: "Runs a workflow in YAML or JSON: give its path, where the worker is.",
    ASK: "Asks agents a question. Fill in the form and start it.",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """When a deployment starts by itself: one of three, in a time zone.

    Attributes:
        cron: Five fields, such as `0 6 * * *`.
        interval: The time between two starts.
        rrule: A recurrence rule of RFC 5545, such as `FREQ=WEEKLY;BYDAY=MO`.
        timezone: An IANA name, such as `Europe/Berlin`.
    """

    cron: str = ""
    interval: timedelta | None = None
    rrule: str = ""
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A deployment as it is to be.

    Attributes:
        flow: The name of one of our flows.
        name: What it is called under that flow.
        description: What it is for.
        parameters: What its flow is started with, unless a run says otherwise.
        timings: When it starts by itself.
        tags: What it is found by.
        pool: The work pool its runs wait in.
    """

    flow: str
    name: str = NAME
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timings: Sequence[Timing] = ()
    tags: Sequence[str] = ()
    pool: str = POOL


def prepare() -> None:
    """Describe the package's own flows, so that deploying them later takes no time."""
    for flow in _ENTRYPOINTS:
        _parameter_schema(flow)


def deploy_own(api: PrefectApi) -> None:
    """Make the package's own deployments, or bring them up to date, and the work pool if there is none.

    Raises:
        ServerError: The server cannot be reached or refuses.
    """
    make_pool(api, POOL)
    for flow in _ENTRYPOINTS:
        deploy(api, Wanted(flow, description=_DESCRIPTIONS[flow]))


def ensure_deployed(api: PrefectApi) -> None:
    """Make the package's own deployments, unless this release's are all there.

    Raises:
        ServerError: The server cannot be reached or refuses.
    """
    for flow in _ENTRYPOINTS:
        deployment_id(api, flow)


def deployment_id(api: PrefectApi, flow: str) -> str:
    """Find one of the package's own deployments; made first, if it is missing or another release's.

    Raises:
        ServerError: The server cannot be reached or refuses.
    """
    found = api.find(f"/deployments/name/{flow}/{NAME}")
    if found is None or found.get("version") != version("maos-flows"):
        deploy_own(api)
        found = api.get(f"/deployments/name/{flow}/{NAME}")
    return str(found["id"])


def deploy(api: PrefectApi, wanted: Wanted) -> dict[str, Any]:
    """Make a deployment or bring it up to date; its schedules are then exactly those given.

    Raises:
        ConfigurationError: A schedule, a time zone or a parameter is not one; names every problem.
        ServerError: The server cannot be reached or refuses.
    """
    schema = _parameter_schema(wanted.flow)
    problems = [
        Problem(name, f"the flow {wanted.flow} has no such parameter; known are {', '.join(schema['properties'])}")
        for name in wanted.parameters
        if name not in schema["properties"]
    ]
    schedules = [_schedule(timing, problems) for timing in wanted.timings]
    if problems:
        raise ConfigurationError(problems)
    flow = api.post("/flows/", {"name": wanted.flow})
    body = {
        "name": wanted.name,
        "flow_id": flow["id"],
        "description": wanted.description,
        "entrypoint": _ENTRYPOINTS[wanted.flow],
        "parameters": dict(wanted.parameters),
        "parameter_openapi_schema": schema,
        "schedules": [{"schedule": schedule, "active": True} for schedule in schedules],
        "tags": sorted({"maos", *wanted.tags}),
        "version": version("maos-flows"),
        "work_pool_name": wanted.pool,
    }
    made: dict[str, Any] = api.post("/deployments/", body)
    return made


def make_pool(api: PrefectApi, name: str) -> str:
    """Give the type of a work pool, made for our workers if there is none of that name.

    Raises:
        ServerError: The server cannot be reached or refuses.
    """
    found = api.find(f"/work_pools/{name}")
    if found is None:
        from maos_flows.flows.worker import MaosWorker  # noqa: PLC0415 - imports Prefect, which takes seconds

        body = {
            "name": name,
            "type": MaosWorker.type,
            "description": "Where decisions and workflows of MAOS wait for a worker.",
            "base_job_template": MaosWorker.get_default_base_job_template(),
        }
        found = api.post("/work_pools/", body)
    return str(found["type"])


@cache
def _parameter_schema(flow: str) -> dict[str, Any]:
    """Describe a flow's parameters, for the form in Prefect's UI."""
    from prefect.utilities.callables import parameter_schema  # noqa: PLC0415 - takes seconds
    from prefect.utilities.importtools import import_object  # noqa: PLC0415 - as above

    return parameter_schema(import_object(_ENTRYPOINTS[flow])).model_dump_for_openapi()


def _schedule(timing: Timing, problems: list[Problem]) -> dict[str, Any] | None:
    from prefect.client.schemas.schedules import (  # noqa: PLC0415 - takes seconds
        CronSchedule,
        IntervalSchedule,
        RRuleSchedule,
    )
    from pydantic import ValidationError  # noqa: PLC0415 - as above

    made: CronSchedule | IntervalSchedule | RRuleSchedule
    given = f"--cron {timing.cron}" if timing.cron else f"--rrule {timing.rrule}" if timing.rrule else "--interval"
    try:
        if timing.cron:
            made = CronSchedule(cron=timing.cron, timezone=timing.timezone)
        elif timing.rrule:
            made = RRuleSchedule(rrule=timing.rrule, timezone=timing.timezone)
        else:
            made = IntervalSchedule(interval=timing.interval or timedelta(), timezone=timing.timezone)
    except ValidationError as error:
        first = error.errors()[0]
        where = "--timezone" if "timezone" in first["loc"] else given
        problems.append(Problem(where, " ".join(str(first["msg"]).removeprefix("Value error, ").split())))
        return None
    except ValueError as error:
        problems.append(Problem(given, " ".join(str(error).split())))
        return None
    return made.model_dump(mode="json")

"""Deploy a workflow for `maos workflow deploy`: read what the flags say, check it, hand it to Prefect."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from maos_flows.cli.loading import load
from maos_flows.cli.output import say
from maos_flows.errors import ConfigurationError, NotFoundError, Problem
from maos_flows.flows.api import PrefectApi
from maos_flows.flows.deployments import POOL, WORKFLOW, Timing, Wanted, deploy, make_pool
from maos_flows.flows.submitting import reachable_server
from maos_flows.text_types import read_seconds


def deploy_workflow(
    file: Path,
    *,
    timings: Mapping[str, Sequence[str]],
    timezone: str,
    name: str,
    pool: str,
    parameters: Sequence[str],
) -> dict[str, Any]:
    """Deploy a workflow file.

    Args:
        file: The file.
        timings: What was given by each of `--cron`, `--interval` and `--rrule`.
        timezone: The time zone they are in.
        name: What the deployment is called; the workflow's name if empty.
        pool: The work pool.
        parameters: The flow's parameters, as `NAME=VALUE`.

    Raises:
        ConfigurationError: The file, a schedule or a parameter cannot be used; names every problem.
        NotFoundError: There is no such work pool.
        ServerError: The server cannot be reached or refuses.
    """
    if str(file) == "-":
        message = "a deployment needs a file that is there when it starts; `maos consensus workflow submit` takes text"
        raise ConfigurationError([Problem("FILE", message)])
    given = _parameters(parameters)
    workflow = load(file, roster=Path(given["roster"]) if "roster" in given else None)
    wanted = Wanted(
        WORKFLOW,
        name or workflow.name.replace("_", "-"),
        workflow.description,
        parameters={**given, "workflow": str(file.absolute())},
        timings=tuple(_timings(timings, timezone)),
        tags=(workflow.name,),
        pool=pool,
    )
    api = PrefectApi(reachable_server(os.environ, say=say))
    if pool == POOL:
        make_pool(api, pool)
    elif api.find(f"/work_pools/{pool}") is None:
        raise NotFoundError(f"there is no work pool {pool[:80]!r}; `prefect work-pool create` makes one")
    made = deploy(api, wanted)
    return {
        "deployment": f"{WORKFLOW}/{wanted.name}",
        "deployment_id": made["id"],
        "url": api.address.page(f"deployments/deployment/{made['id']}"),
        "schedules": [_in_words(timing) for timing in wanted.timings],
    }


def _timings(given: Mapping[str, Sequence[str]], timezone: str) -> Iterator[Timing]:
    for text in given["--cron"]:
        yield Timing(cron=text, timezone=timezone)
    for text in given["--interval"]:
        yield Timing(interval=_interval(text), timezone=timezone)
    for text in given["--rrule"]:
        yield Timing(rrule=text, timezone=timezone)


def _interval(text: str) -> timedelta:
    try:
        return timedelta(seconds=read_seconds(text))
    except ValueError as error:
        raise ConfigurationError([Problem("--interval", str(error))]) from error


def _in_words(timing: Timing) -> str:
    when = timing.cron or timing.rrule or f"every {timing.interval}"
    return f"{when} ({timing.timezone})"


def _parameters(given: Sequence[str]) -> dict[str, str]:
    """Read `NAME=VALUE`; paths are made absolute, as the worker's folder is another."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ConfigurationError([Problem("--parameter", f"{text[:80]!r} is not NAME=VALUE")])
        if name == "workflow":
            raise ConfigurationError([Problem("--parameter", "workflow is the FILE that is deployed")])
        found[name] = str(Path(value).absolute()) if name == "roster" else value
    return found

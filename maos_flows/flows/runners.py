"""The task runner that chunks of large electorates go through: the flow's own, Dask's or Ray's."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

from prefect import Task
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner

from maos_flows.config import RunnerKind, settings_from
from maos_flows.errors import ConfigurationError, Problem

Submit = Callable[[Mapping[str, Any]], PrefectFuture[Any]]
"""Starts a task run with parameters."""


@contextmanager
def chunk_runner(task: Task[..., Any]) -> Iterator[Submit]:
    """Give what submits runs of a task, for as long as the block lasts.

    Raises:
        ConfigurationError: The runner that is set is not installed.
    """
    kind = settings_from(os.environ).task_runner
    if kind is RunnerKind.THREADS:
        yield lambda parameters: task.submit(**parameters)
        return
    with _made(kind) as runner:
        yield lambda parameters: runner.submit(task, parameters=dict(parameters))


_EXTRAS = {RunnerKind.DASK: ("prefect_dask", "DaskTaskRunner"), RunnerKind.RAY: ("prefect_ray", "RayTaskRunner")}


def _made(kind: RunnerKind) -> TaskRunner[PrefectFuture[Any]]:
    module, name = _EXTRAS[kind]
    try:
        return cast("TaskRunner[PrefectFuture[Any]]", getattr(import_module(module), name)())
    except ImportError as error:
        wanted = f'{kind} needs the extra of that name: pip install "maos-flows[{kind}]"'
        raise ConfigurationError([Problem("MAOS_TASK_RUNNER", wanted)], source="environment") from error

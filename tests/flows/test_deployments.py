"""prefect.yaml: Prefect deploys what is in it, with schedules, and what it names is there."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectAlreadyExists
from prefect.flows import load_flow_from_entrypoint

from maos_flows.policies.registry import built_in_policies
from maos_flows.workflow import load_workflow_file

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]

by_name = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])


@by_name
def test_its_workflow_is_there_and_loads(deployment):
    workflow = load_workflow_file(ROOT / deployment["parameters"]["workflow"], policies=built_in_policies())

    assert workflow.name == deployment["name"].replace("-", "_")


@by_name
def test_its_entrypoint_is_a_flow_that_takes_its_parameters(deployment, monkeypatch):
    monkeypatch.chdir(ROOT)
    flow = load_flow_from_entrypoint(deployment["entrypoint"])

    assert flow.name == "maos-workflow"
    assert flow.validate_parameters(deployment["parameters"])["workflow"] == deployment["parameters"]["workflow"]


def test_every_shipped_workflow_is_deployed():
    shipped = {f"workflows/{path.name}" for path in (ROOT / "workflows").glob("*.yaml")}

    assert {deployment["parameters"]["workflow"] for deployment in DEPLOYMENTS} == shipped


async def test_prefect_deploys_all_of_it_with_schedules(prefect_address):
    await _make_pool("maos")
    deploying = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"),
        cwd=ROOT,
        env={**os.environ, "PREFECT_API_URL": prefect_address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await deploying.communicate()

    assert deploying.returncode == 0, output.decode()
    async with get_client() as client:
        made = {deployment.name: deployment for deployment in await client.read_deployments()}
    for wanted in DEPLOYMENTS:
        found = made[wanted["name"]]
        assert found.parameters == wanted["parameters"]
        assert found.work_pool_name == "maos"
        assert set(wanted["tags"]) <= set(found.tags)
        assert [_as_written(schedule) for schedule in found.schedules] == wanted["schedules"]


async def _make_pool(name: str) -> WorkPool | None:
    async with get_client() as client:
        try:
            return await client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        except ObjectAlreadyExists:
            return None


def _as_written(found: Any) -> Mapping[str, Any]:
    kinds = ("cron", "rrule")  # Prefect puts a line before a recurrence rule: when it begins
    rule = {kind: getattr(found.schedule, kind).split("\n")[-1] for kind in kinds if hasattr(found.schedule, kind)}
    active = {} if found.active else {"active": False}
    return {**rule, "timezone": found.schedule.timezone, "slug": found.slug, **active}

"""Hand in decisions and workflows to be decided in the background, and call them back; nothing handed in is lost.

What is handed in stands in the audit store before a flow run is made of it. Who dies in between, or finds no server,
has lost nothing: whoever submits next, and `maos up`, make the flow runs that are missing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.store import AuditStore, Submission, SubmissionKind
from maos_flows.config import settings_from
from maos_flows.errors import ConfigurationError, Problem, ServerError
from maos_flows.flows.api import Address, PrefectApi, configured_address
from maos_flows.flows.deployments import DECIDE, POOL, WORKFLOW, deployment_id
from maos_flows.flows.naming import run_name
from maos_flows.flows.stack.local import is_whole, running_address, up
from maos_flows.flows.stack.serving import Say
from maos_flows.records import to_plain
from maos_flows.request import DecisionRequest

REQUIRED = "consensus-required"
"""The tag of flow runs whose decision must be reached."""

_MOST_BYTES = 500_000
"""Prefect refuses parameters above 524,288 bytes."""

_MOST_TAKEN_UP = 1_000
_LOST = {"CRASHED"}
"""States of a flow run that ended without having ended what it was made for."""


@dataclass(frozen=True, slots=True)
class SubmittedDecision:
    """A decision as it is handed in.

    Attributes:
        request: What is to be decided, resolved.
        requires_consensus: Whether a decision that is not reached is a failure to whoever submitted it.
    """

    request: DecisionRequest
    requires_consensus: bool = False


@dataclass(frozen=True, slots=True)
class SubmittedWorkflow:
    """A workflow as it is handed in.

    Attributes:
        text: The document.
        source: What errors call it.
        base: The folder that paths in it are relative to.
        roster: The roster file used where it names none.
    """

    text: str
    source: str
    base: str
    roster: str | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed in, and where it can be watched.

    Attributes:
        submission: As it is kept.
        url: The page of its flow run in Prefect's UI.
    """

    submission: Submission
    url: str


def reachable_server(environ: Mapping[str, str], *, say: Say) -> Address:
    """Give the server that decides: the configured one, or the stack's, which is started or mended if need be.

    Raises:
        StackError: The stack cannot be started.
        ServerError: It cannot be reached.
    """
    configured = configured_address(environ)
    if configured is not None:
        return configured
    if is_whole(environ):
        running = running_address(environ)
        assert running is not None, "a stack that is whole has a server"
        return running
    return up(environ, say=say)


def known_server(environ: Mapping[str, str]) -> PrefectApi | None:
    """Give the server there is, configured or the stack's; None if there is none. Nothing is started."""
    address = configured_address(environ) or running_address(environ)
    return None if address is None else PrefectApi(address)


def keep_decision(store: AuditStore, request: DecisionRequest, *, requires_consensus: bool) -> Submission:
    """Keep a decision that is handed in, under a new id.

    Raises:
        ConfigurationError: It is larger than Prefect takes.
    """
    content = encode(SubmittedDecision(request, requires_consensus))
    if len(content) > _MOST_BYTES:
        message = (
            f"the request has {len(content)} bytes, and Prefect takes {_MOST_BYTES}: ask fewer agents, or `maos decide`"
        )
        raise ConfigurationError([Problem("--max-agents", message)])
    title = request.title or request.question
    return store.submit(Submission(f"d-{uuid4().hex[:12]}", SubmissionKind.DECISION, title, content, _now()))


def keep_workflow(store: AuditStore, workflow: SubmittedWorkflow, *, name: str) -> Submission:
    """Keep a workflow that is handed in, under the id its run will have."""
    return store.submit(Submission(uuid4().hex[:8], SubmissionKind.WORKFLOW, name, encode(workflow), _now()))


def hand_in(store: AuditStore, submission: Submission, address: Address) -> Handed:
    """Make the flow run of a submission, and of those before it whose flow run was never made.

    Raises:
        ServerError: The server cannot be reached or refuses. The submission stays, to be taken up.
    """
    api = PrefectApi(address)
    made = _make_flow_run(api, store, submission)
    waiting = [
        found
        for found in store.submissions(limit=_MOST_TAKEN_UP, open_only=True)
        if found.flow_run_id is None and found.begun_at is None
    ]
    for found in waiting:
        with suppress(ServerError):  # one that is refused is no reason to fail another; `maos up` says why
            _make_flow_run(api, store, found)
    return Handed(made, address.page(f"runs/flow-run/{made.flow_run_id}"))


def resubmit_lost(environ: Mapping[str, str], address: Address) -> tuple[str, ...]:
    """Make the flow runs that are missing: never made, unknown to this server, or crashed.

    A decision that was begun is gone on with; who has answered is not asked again.

    Returns:
        The ids of what was taken up.

    Raises:
        ServerError: The server cannot be reached or refuses one; the others are taken up all the same.
    """
    api = PrefectApi(address)
    with AuditStore.open(settings_from(environ).database_url) as store:
        there = store.submissions(limit=_MOST_TAKEN_UP, open_only=True)
        waiting = [found for found in there if found.cancelled_at is None]
        states = _states(api, [found.flow_run_id for found in waiting if found.flow_run_id])
        lost = [found for found in waiting if states.get(found.flow_run_id or "", "CRASHED") in _LOST]
        refused: list[ServerError] = []
        for found in lost:
            try:
                _make_flow_run(api, store, found)
            except ServerError as error:  # the others are taken up all the same
                refused.append(error)
    if refused:
        raise refused[0]
    return tuple(found.id for found in lost)


def has_workers(api: PrefectApi) -> bool:
    """Say whether anybody takes the runs of our work pool.

    Raises:
        ServerError: The server cannot be reached or refuses.
    """
    pool = api.find(f"/work_pools/{POOL}")
    return pool is not None and pool.get("status") == "READY"


def requires_consensus(submission: Submission) -> bool:
    """Say whether a submission is a decision that must be reached."""
    if submission.kind is not SubmissionKind.DECISION:
        return False
    return decode(SubmittedDecision, submission.content).requires_consensus


def submitted_workflow(submission: Submission) -> SubmittedWorkflow:
    """Give the workflow that was handed in.

    Raises:
        StoreError: Its record is damaged.
    """
    return decode(SubmittedWorkflow, submission.content)


def _make_flow_run(api: PrefectApi, store: AuditStore, submission: Submission) -> Submission:
    """Make a submission's flow run; the same one, if two try at once. One that was lost has another after it."""
    flow, parameters, tags = _run_of(submission)
    body = {
        "name": run_name(submission.title) or submission.id,
        "parameters": parameters,
        "tags": ["maos", "submitted", *tags],
        "state": {"type": "SCHEDULED"},
        "idempotency_key": f"{submission.id}:{submission.flow_run_id}" if submission.flow_run_id else submission.id,
    }
    deployment = deployment_id(api, flow)
    made = api.post(f"/deployments/{deployment}/create_flow_run", body)
    return store.note_flow_run(submission.id, str(made["id"]))


def _run_of(submission: Submission) -> tuple[str, dict[str, Any], Sequence[str]]:
    match submission.kind:
        case SubmissionKind.DECISION:
            submitted = decode(SubmittedDecision, submission.content)
            parameters = {"request": to_plain(submitted.request), "decision_id": submission.id}
            return DECIDE, parameters, [REQUIRED] if submitted.requires_consensus else []
        case SubmissionKind.WORKFLOW:
            return WORKFLOW, {"workflow": submission.title, "run_id": submission.id}, []


def _states(api: PrefectApi, flow_runs: Sequence[str]) -> dict[str, str]:
    """Give the types of the states of flow runs; those the server does not know are missing."""
    found: dict[str, str] = {}
    for start in range(0, len(flow_runs), 200):
        wanted = {"flow_runs": {"id": {"any_": list(flow_runs[start : start + 200])}}, "limit": 200}
        found |= {run["id"]: run["state_type"] for run in api.post("/flow_runs/filter", wanted)}
    return found


def _now() -> datetime:
    return datetime.now(UTC)

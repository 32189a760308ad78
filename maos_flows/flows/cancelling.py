"""Call back what was handed in: its flow run is stopped, and its decisions are recorded as cancelled."""

import time
from collections.abc import Callable

from maos_flows.audit.encoding import decode
from maos_flows.audit.store import AuditStore, Submission, SubmissionKind, WorkflowRun
from maos_flows.errors import ServerError
from maos_flows.flows.api import PrefectApi
from maos_flows.flows.submitting import SubmittedDecision, submitted_workflow
from maos_flows.flows.undecided import CANCELLED, close_undecided
from maos_flows.model import Decision, Outcome
from maos_flows.policies.registry import PolicyRegistry
from maos_flows.request import open_decision
from maos_flows.voters.base import utc_now

_LOOK_SECONDS = 0.25
_OVER = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}

Say = Callable[[str], None]


def cancel(
    store: AuditStore,
    submission: Submission,
    api: PrefectApi | None,
    *,
    policies: PolicyRegistry,
    patience_seconds: float,
    say: Say,
) -> Submission:
    """Stop what was handed in, and record that it was cancelled.

    What is over stays as it is. The worker has a while to stop the run and the agents' calls in it; the decision is
    closed afterwards, or at once if nothing of it runs. After that no ballot counts, whoever still answers.

    Args:
        store: Where it is kept.
        submission: What is cancelled.
        api: The server its run is on; None if it has none, or there is no server.
        policies: The algorithms there are.
        patience_seconds: How long the worker may take.
        say: Is told what takes a while, or failed.
    """
    if submission.is_over:
        return submission
    cancelled = store.cancel_submission(submission.id, at=utc_now())
    if api is not None and cancelled.flow_run_id is not None:
        _stop_run(api, cancelled.flow_run_id, patience_seconds=patience_seconds, say=say)
    match cancelled.kind:
        case SubmissionKind.DECISION:
            _open_if_new(store, cancelled, policies)
            close_as_cancelled(store, cancelled.id)
        case SubmissionKind.WORKFLOW:
            _close_run(store, cancelled)
    found = store.submission(cancelled.id)
    assert found is not None, "submissions are never removed"
    return found


def close_as_cancelled(store: AuditStore, decision_id: str) -> Decision:
    """Record an open decision as cancelled, with the ballots that were cast; one that is closed stays as it is.

    Raises:
        NotFoundError: It was never opened.
    """
    return close_undecided(store, decision_id, CANCELLED)


def _open_if_new(store: AuditStore, submission: Submission, policies: PolicyRegistry) -> None:
    """Open a decision nobody has begun: it then stands on record as cancelled, and a late run finds it closed."""
    if store.opening(submission.id) is not None:
        return
    request = decode(SubmittedDecision, submission.content).request
    policy = policies.find(request.algorithm)
    store.open_decision(open_decision(request, policy, decision_id=submission.id, now=utc_now()), request)


def _close_run(store: AuditStore, submission: Submission) -> None:
    """Close a workflow's run and those of its decisions that are open."""
    for summary in store.decisions(limit=1_000, run_id=submission.id):
        if summary.outcome is None:
            close_as_cancelled(store, summary.decision_id)
    workflow = submitted_workflow(submission)
    if store.run(submission.id) is None:
        begun = WorkflowRun(submission.id, submission.title, workflow.text, workflow.base, {}, utc_now())
        store.open_run(begun)
    store.close_run(submission.id, outcome=Outcome.CANCELLED.value, at=utc_now())


def _stop_run(api: PrefectApi, flow_run_id: str, *, patience_seconds: float, say: Say) -> None:
    """Ask for a run to be stopped, and wait until its worker has done so."""
    try:
        found = api.find(f"/flow_runs/{flow_run_id}")
        if found is None or found["state_type"] in _OVER:
            return
        api.post(f"/flow_runs/{flow_run_id}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
        until = time.monotonic() + patience_seconds
        while time.monotonic() < until:
            if api.get(f"/flow_runs/{flow_run_id}")["state_type"] in _OVER:
                return
            time.sleep(_LOOK_SECONDS)
    except ServerError as error:
        say(f"note: {error}; the decision is cancelled, its run is not")
        return
    say(f"note: the worker has not stopped the run {flow_run_id} yet; what its agents still answer does not count")

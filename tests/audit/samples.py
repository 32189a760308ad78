"""Decisions and answers for the tests of the audit store."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from maos_flows.audit.runs import WorkflowRun
from maos_flows.audit.store import AuditStore
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot, Decision, Opening
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, open_decision

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = NOON + timedelta(seconds=5)
DEADLINE = NOON + timedelta(seconds=60)
NAMES = ("ada", "bob", "cyd", "dan", "eve")


def request_to(*names: str, **fields: Any) -> DecisionRequest:
    """A request to agents of these names, five if none are given."""
    agents = tuple(Agent(name, weight=Fraction(1, 3), voter="python") for name in names or NAMES)
    return DecisionRequest("Which database?", ("PostgreSQL", "MongoDB"), agents, **fields)


def opening_of(
    request: DecisionRequest, decision_id: str = "d-1", *, now: datetime = NOON, round_number: int = 1
) -> Opening:
    """The opening of a request."""
    policy = built_in_policies()[request.algorithm]
    return open_decision(request, policy, decision_id=decision_id, now=now, round_number=round_number)


def opened(store: AuditStore, decision_id: str = "d-1", *names: str, **fields: Any) -> Opening:
    """Open a decision in a store."""
    request = request_to(*names, **fields)
    return store.open_decision(opening_of(request, decision_id), request)


def ballot(agent_id: str = "ada", choice: str = "PostgreSQL", **fields: Any) -> Ballot:
    """A ballot in time."""
    given = {"decision_id": "d-1", "received_at": SOON, "confidence": Fraction(9, 10), "reasoning": "It is known."}
    return Ballot(agent_id=agent_id, choice=choice, **{**given, **fields})


def absence(agent_id: str = "ada", kind: AbsenceKind = AbsenceKind.TIMED_OUT, **fields: Any) -> Absence:
    """An absence in time."""
    given = {"decision_id": "d-1", "explanation": "no answer in 30 s", "received_at": SOON}
    return Absence(agent_id=agent_id, kind=kind, **{**given, **fields})


def decision_of(store: AuditStore, decision_id: str = "d-1") -> Decision:
    """What the policy makes of the answers a store holds of a decision's latest round."""
    opening = store.opening(decision_id)
    assert opening is not None
    answers = store.answers(decision_id, opening.proposal.round)
    ballots = [answer for answer in answers if isinstance(answer, Ballot)]
    absences = [answer for answer in answers if isinstance(answer, Absence)]
    return decide(built_in_policies()[opening.algorithm], opening, ballots, absences=absences)


def run_of(run_id: str = "r-1", **fields: Any) -> WorkflowRun:
    """A run of a workflow."""
    given = {
        "workflow": "release",
        "source": "stages:\n- stage: Größe ✓\n",
        "base": "/srv/workflows",
        "parameters": {"version": "1.2", "dry": True},
        "started_at": NOON,
        "flow_run_id": "f-1",
    }
    return WorkflowRun(run_id=run_id, **{**given, **fields})

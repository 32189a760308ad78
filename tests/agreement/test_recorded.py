"""Agreement on record: signed ballots are kept as they come, and what was agreed on is read back and verified."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from maos_flows.agreement.deciding import Pace
from maos_flows.agreement.faults import Crash, Script, Span
from maos_flows.agreement.verification import verify_decision
from maos_flows.audit.store import AuditStore
from maos_flows.flows.agreeing import bound, decide_box_by, decide_recorded, keys_here, note_happened
from maos_flows.flows.collecting import keep_answer
from maos_flows.flows.steps import box_of
from maos_flows.model import Absence, Agent, Ballot, Decision, EventKind, Opening, Outcome, RejectionReason
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.voters.base import utc_now
from tests.agreement.council import BYZANTINE, RAFT, names, proven

REQUEST = DecisionRequest("Ship it?", ("x", "y"), tuple(Agent(name) for name in names(4)))


@pytest.fixture
def recorded(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditStore]:
    monkeypatch.setenv("MAOS_DATABASE_URL", store_url)
    monkeypatch.setenv("MAOS_HOME", str(tmp_path / "home"))
    with AuditStore.open(store_url) as store:
        yield store


def opened(
    store: AuditStore, policy: ConsensusPolicy, asked_for: DecisionRequest = REQUEST
) -> tuple[Opening, DecisionRequest]:
    request = replace(asked_for, algorithm=policy.name)
    asked = open_decision(request, policy, decision_id="d-1", now=utc_now())
    return store.open_decision(bound(asked, policy), request), request


def cast(store: AuditStore, opening: Opening, agent: str, choice: str, **said: str) -> Ballot | Absence:
    ballot = Ballot("d-1", agent, choice, received_at=utc_now(), **said)  # type: ignore[arg-type]
    return keep_answer(ballot, opening=opening, store=store)


async def decided(store: AuditStore, opening: Opening, request: DecisionRequest, policy: ConsensusPolicy) -> Decision:
    answers = {answer.agent_id: answer for answer in store.answers("d-1", 1)}
    ruled = await decide_recorded(policy, opening, box_of(opening.proposal, request, answers))
    note_happened(store, ruled)
    return ruled.decision


async def test_b14_equivocation_voids_both_ballots_and_a_third_does_not_restore_it(recorded: AuditStore):
    """B14: approve, then reject, then approve again: nothing of that agent counts, and it is flagged with proof."""
    opening, request = opened(recorded, BYZANTINE)
    for agent in names(4):
        cast(recorded, opening, agent, "x", reasoning="because")
    cast(recorded, opening, "a00", "y")
    cast(recorded, opening, "a00", "x", reasoning="again")

    decision = recorded.close_decision(await decided(recorded, opening, request, BYZANTINE), at=utc_now())

    assert proven(decision) == {"a00"}
    assert (decision.outcome, decision.choice, len(decision.ballots)) == (Outcome.REACHED, "x", 3)
    reasons = [one.reason for one in decision.rejected if one.ballot.agent_id == "a00"]
    assert sorted(reasons) == [RejectionReason.CONFLICTING, RejectionReason.CONFLICTING, RejectionReason.EQUIVOCATION]


async def test_the_certificate_is_kept_with_the_decision_and_verifies_from_the_record(recorded: AuditStore):
    opening, request = opened(recorded, BYZANTINE)
    for agent in names(4):
        cast(recorded, opening, agent, "x", reasoning="r" * 100_000)
    recorded.close_decision(await decided(recorded, opening, request, BYZANTINE), at=utc_now())

    read = recorded.decision("d-1")

    assert read is not None
    assert read.certificate is not None
    assert all(ballot.signature for ballot in read.ballots)
    assert verify_decision(read, BYZANTINE).is_sound


async def test_b53_a_decision_that_is_made_twice_is_one_with_one_timeline(recorded: AuditStore):
    """B53: a run that broke off after agreeing is run again: the same decision, and its happenings once."""
    opening, request = opened(recorded, BYZANTINE)
    for agent in names(4):
        cast(recorded, opening, agent, "x")
    first = await decided(recorded, opening, request, BYZANTINE)
    events = recorded.timeline("d-1")
    again = await decided(recorded, opening, request, BYZANTINE)

    assert first == again
    assert recorded.timeline("d-1") == events
    at = utc_now()
    assert recorded.close_decision(first, at=at) == recorded.close_decision(again, at=at + timedelta(seconds=1))


async def test_the_timeline_tells_phases_and_elections(recorded: AuditStore):
    opening, request = opened(recorded, RAFT)
    for agent in names(4):
        cast(recorded, opening, agent, "x")
    await decided(recorded, opening, request, RAFT)

    kinds = [event.kind for event in recorded.timeline("d-1")]
    assert {EventKind.ELECTION, EventKind.VOTE, EventKind.LEADER, EventKind.COMMIT} <= set(kinds)


async def test_on_the_clock_what_happens_is_on_record_while_it_happens(recorded: AuditStore):
    opening, request = opened(recorded, RAFT)
    for agent in names(4):
        cast(recorded, opening, agent, "x")
    answers = {answer.agent_id: answer for answer in recorded.answers("d-1", 1)}
    box = box_of(opening.proposal, request, answers)
    faults = Script((Span(Crash("a00"), 0, 400),))

    ruled = await decide_recorded(RAFT, opening, box, faults=faults, pace=Pace(0.2, grace_seconds=20))

    events = recorded.timeline("d-1")
    assert ruled.happened == ()
    assert ruled.decision.outcome is Outcome.REACHED
    assert "crash" in {event.data.get("kind") for event in events if event.agent_id == "a00"}
    assert len({event.at for event in events if "at_ms" in event.data}) > 3
    assert any(event.kind is EventKind.RECOVERED for event in events)


async def test_a_rule_that_liars_could_block_is_told_on_the_timeline(recorded: AuditStore):
    parameters = replace(REQUEST.parameters, threshold=BYZANTINE.threshold(Fraction(4, 5)))
    opening, request = opened(recorded, BYZANTINE, replace(REQUEST, parameters=parameters))
    for agent in names(4):
        cast(recorded, opening, agent, "x")
    await decided(recorded, opening, request, BYZANTINE)

    warnings = [event.text for event in recorded.timeline("d-1") if event.kind is EventKind.POLICY]
    assert len(warnings) == 1
    assert "1 of 4 agents can keep every choice from passing" in warnings[0]


async def test_a_warning_is_told_once_though_what_replicas_did_on_the_clock_is_told_already(recorded: AuditStore):
    parameters = replace(REQUEST.parameters, threshold=BYZANTINE.threshold(Fraction(4, 5)))
    opening, request = opened(recorded, BYZANTINE, replace(REQUEST, parameters=parameters))
    for agent in names(4):
        cast(recorded, opening, agent, "x")
    opening = recorded.open_round(replace(opening, proposal=replace(opening.proposal, round=2)))
    for agent in names(4):
        cast(recorded, opening, agent, "x")
    answers = {answer.agent_id: answer for answer in recorded.answers("d-1", 2)}
    ruled = await decide_recorded(BYZANTINE, opening, box_of(opening.proposal, request, answers), pace=Pace(0.1))

    for _ in range(2):
        note_happened(recorded, ruled)

    assert [event.kind for event in recorded.timeline("d-1")].count(EventKind.POLICY) == 1


async def test_in_a_flow_of_ones_own_the_task_signs_and_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MAOS_HOME", str(tmp_path))
    opening = open_decision(REQUEST, BYZANTINE, decision_id="d-1", now=utc_now())
    ballots = {name: Ballot("d-1", name, "x") for name in names(4)}

    decision = decide_box_by(BYZANTINE, opening, box_of(opening.proposal, REQUEST, ballots))

    assert decision.outcome is Outcome.REACHED
    assert verify_decision(decision, BYZANTINE).is_sound
    assert keys_here().folder == tmp_path / "keys"

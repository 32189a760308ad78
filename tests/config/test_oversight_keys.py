"""Keys of audit, security, monitoring, production and drills: each acts on what it is said to."""

from fractions import Fraction
from pathlib import Path

import pytest

from maos_flows.agreement.authenticating import rejection_of
from maos_flows.config.drilling import drills_refused
from maos_flows.model import Ballot, EventKind, Outcome, Reason, RejectionReason, Requirement, Rule, Suspicions
from maos_flows.policies.compliance import complying, examine
from maos_flows.policies.deciding import decide
from maos_flows.request import open_decision
from maos_flows.roster import roster_from
from maos_flows.workflow.overseen import bulk_problems
from tests.config.acting import AGENTS, OF_TYPE, ROUTINE, acts
from tests.config.standing_in import STANDING_IN
from tests.strategies import NOON


@acts("consensus.malicious_detection")
def test_malicious_detection_lists_agents_whose_ballots_do_not_belong(asked):
    assert asked().oversight.suspicions is Suspicions.NONE
    assert asked(CONSENSUS__MALICIOUS_DETECTION="true").oversight.suspicions is Suspicions.BALLOTS


@acts("consensus.algorithms.byzantine_tolerant.byzantine_detection")
def test_byzantine_detection_of_an_algorithm_is_for_its_decisions(asked):
    set_to = {"CONSENSUS__ALGORITHMS__BYZANTINE_TOLERANT__BYZANTINE_DETECTION": "true"}
    byzantine = asked(stage={"consensus_algorithm": "byzantine_tolerant"}, **set_to)

    assert byzantine.oversight.suspicions is Suspicions.BALLOTS
    assert asked(**set_to).oversight.suspicions is Suspicions.NONE


@acts("consensus.security.byzantine_detection")
def test_byzantine_detection_for_security_lists_the_late_and_the_silent_too(asked):
    assert asked(CONSENSUS__SECURITY__BYZANTINE_DETECTION="true").oversight.suspicions is Suspicions.ALL


@acts("consensus.audit.enabled")
def test_a_disabled_audit_asks_for_nothing_and_is_refused_in_production(asked, refused):
    strict = {
        "CONSENSUS__AUDIT__DECISION_JUSTIFICATION": "required",
        "CONSENSUS__AUDIT__COMPLIANCE_CHECK": "true",
        "CONSENSUS__AUDIT__DETAILED_LOGGING": "true",
    }
    free = asked(CONSENSUS__AUDIT__ENABLED="false", **strict)

    assert (free.parameters.justification_required, free.oversight.compliance) == (False, None)
    assert not free.oversight.audit_trail
    assert asked(**strict).parameters.justification_required
    set_to = {"CONSENSUS__AUDIT__ENABLED": "false", "CONSENSUS__PRODUCTION_MODE": "true"}
    assert "production_mode: true needs audit.enabled: true" in refused(**set_to)


@acts("consensus.audit.detailed_logging")
def test_detailed_logging_is_a_trail_for_every_decision(asked):
    assert asked(CONSENSUS__AUDIT__DETAILED_LOGGING="true").oversight.audit_trail


@acts("consensus.audit.decision_justification")
def test_a_justification_is_required_of_every_ballot(asked):
    set_to = {"CONSENSUS__AUDIT__DECISION_JUSTIFICATION": "required"}

    assert asked(**set_to).parameters.justification_required
    assert not asked(stage={"justification": "optional"}, **set_to).parameters.justification_required


@acts("consensus.audit.compliance_check")
def test_a_compliance_check_undoes_what_was_decided_by_a_weaker_rule_than_the_types(asked):
    set_to = {"CONSENSUS__AUDIT__COMPLIANCE_CHECK": "true", f"{ROUTINE}THRESHOLD": "0.9"}
    request = asked(stage={**OF_TYPE, "threshold": "0.5"}, **set_to)
    policy = STANDING_IN[request.algorithm]
    opening = open_decision(request, policy, decision_id="d-1", now=NOON)
    decision = decide(policy, opening, [Ballot("d-1", name, "approve") for name in ("ann", "bob", "cid")])
    assert request.oversight.compliance is not None
    checked = complying(decision, examine(decision, request.oversight.compliance, {EventKind.TRAIL}))

    assert decision.outcome is Outcome.REACHED
    assert (checked.outcome, checked.reason) == (Outcome.NOT_REACHED, Reason.NOT_COMPLIANT)
    assert asked(stage=OF_TYPE).oversight.compliance is None


def test_a_compliance_check_lists_every_rule_that_holds_with_its_source(asked):
    set_to = {
        "CONSENSUS__AUDIT__COMPLIANCE_CHECK": "true",
        "CONSENSUS__AUDIT__DECISION_JUSTIFICATION": "required",
        "CONSENSUS__PRODUCTION_MODE": "true",
        "CONSENSUS__ALGORITHMS__SIMPLE_MAJORITY__MIN_PARTICIPANTS": "2",
        f"{ROUTINE}EXPERT_REVIEW": "true",
        f"{ROUTINE}AUDIT_TRAIL": "true",
    }
    routine = "consensus.decision_policies.routine"

    assert asked(stage=OF_TYPE, **set_to).oversight.compliance == (
        Requirement(Rule.ALGORITHM, "simple_majority", f"{routine}.algorithm"),
        Requirement(Rule.THRESHOLD, "0.6", f"{routine}.threshold"),
        Requirement(Rule.MIN_PARTICIPANTS, "2", "consensus.algorithms.simple_majority.min_participants"),
        Requirement(Rule.EXPERT_REVIEW, "", f"{routine}.expert_review"),
        Requirement(Rule.AUDIT_TRAIL, "", f"{routine}.audit_trail"),
        Requirement(Rule.JUSTIFICATION, "", "consensus.audit.decision_justification"),
        Requirement(Rule.NOT_SIMULATED, "", "consensus.production_mode"),
    )


@acts("consensus.security.agent_authentication")
def test_authentication_lets_no_ballot_count_that_is_not_signed(asked):
    set_to = {"CONSENSUS__SECURITY__AGENT_AUTHENTICATION": "required"}
    request = asked(**set_to)
    opening = open_decision(request, STANDING_IN[request.algorithm], decision_id="d-1", now=NOON)
    unsigned = rejection_of(Ballot("d-1", "ann", "approve", reasoning="good"), opening)

    assert unsigned is not None
    assert unsigned.reason is RejectionReason.UNSIGNED
    assert not asked().parameters.signed_ballots


@acts("consensus.security.vote_encryption")
def test_encryption_seals_and_encrypts_ballots_and_refuses_what_would_tell_them(asked, refused):
    set_to = {"CONSENSUS__SECURITY__VOTE_ENCRYPTION": "true"}
    request, free = asked(**set_to), asked()
    person = roster_from({"agents": [{"id": "pam", "voter": "human"}, *({"id": a["id"]} for a in AGENTS)]}, base=Path())

    assert (request.sealed, request.encrypted) == (True, True)
    assert (free.sealed, free.encrypted) == (False, False)
    assert "what people answer is kept readable while it waits, here of pam" in refused(person, **set_to)
    told = refused(None, {"rounds": 2, "deliberation": "reasons"}, **set_to)
    assert "vote_encryption lets nobody read a ballot before the close" in told


@acts("consensus.security.audit_signatures")
def test_audit_signatures_sign_the_record_of_a_decision(asked):
    assert asked(CONSENSUS__SECURITY__AUDIT_SIGNATURES="true").signed_record
    assert not asked().signed_record


@acts("consensus.monitoring.consensus_metrics")
def test_metrics_are_written(asked):
    assert asked(CONSENSUS__MONITORING__CONSENSUS_METRICS="true").oversight.metrics


@acts("consensus.monitoring.performance_alerts")
def test_performance_alerts_can_be_silenced(asked):
    assert asked().oversight.alerts
    assert not asked(CONSENSUS__MONITORING__PERFORMANCE_ALERTS="false").oversight.alerts


@acts("consensus.monitoring.slow_consensus_threshold", "consensus.monitoring.failure_rate_threshold")
def test_slowness_and_failures_have_thresholds(asked):
    oversight = asked(
        CONSENSUS__MONITORING__SLOW_CONSENSUS_THRESHOLD="2m", CONSENSUS__MONITORING__FAILURE_RATE_THRESHOLD="0.05"
    ).oversight

    assert (oversight.slow_seconds, oversight.failure_rate) == (120, Fraction(1, 20))


@acts("consensus.production_mode")
def test_production_refuses_simulated_agents(refused, asked):
    simulated = roster_from({"agents": [{"id": "sim", "voter": "simulated"}, {"id": "sam"}]}, base=Path())
    told = refused(simulated, CONSENSUS__PRODUCTION_MODE="true")

    assert "simulated agents may not vote in production, here sim, sam" in told
    assert asked(CONSENSUS__PRODUCTION_MODE="true").agents


@acts("consensus.drills.enabled")
def test_drills_can_be_forbidden_and_are_in_production(configured):
    assert drills_refused(configured()) == ""
    assert "consensus.drills.enabled" in drills_refused(configured(CONSENSUS__DRILLS__ENABLED="false"))
    assert "consensus.production_mode" in drills_refused(configured(CONSENSUS__PRODUCTION_MODE="true"))


@pytest.mark.parametrize(
    "set_to",
    [
        {f"{ROUTINE}EXPERT_REVIEW": "true"},
        {f"{ROUTINE}AUDIT_TRAIL": "true"},
        {f"{ROUTINE}EMERGENCY_CONTACTS": "true"},
        {"CONSENSUS__AUDIT__COMPLIANCE_CHECK": "true"},
        {"CONSENSUS__MALICIOUS_DETECTION": "true"},
        {"CONSENSUS__SECURITY__AGENT_AUTHENTICATION": "required"},
        {"CONSENSUS__SECURITY__VOTE_ENCRYPTION": "true"},
        {"CONSENSUS__SECURITY__AUDIT_SIGNATURES": "true"},
        {"CONSENSUS__MONITORING__CONSENSUS_METRICS": "true"},
        {"CONSENSUS__MONITORING__SLOW_CONSENSUS_THRESHOLD": "60s"},
        {"CONSENSUS__MONITORING__FAILURE_RATE_THRESHOLD": "0.1"},
    ],
    ids=lambda set_to: next(iter(set_to)).rsplit("__", 1)[1].lower(),
)
def test_decisions_in_bulk_are_refused_what_they_cannot_heed(asked, set_to):
    heeded = asked(stage=OF_TYPE)
    (problem,) = bulk_problems(asked(stage=OF_TYPE, **set_to))

    assert [*bulk_problems(heeded)] == []
    assert "decisions made in bulk do not heed it" in problem.message

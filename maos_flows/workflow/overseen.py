"""What is watched, checked and told of a stage's decision, by the configuration."""

from collections.abc import Iterator
from fractions import Fraction

from maos_flows.config.form import ConsensusForm
from maos_flows.config.summing_up import summarizer_of
from maos_flows.errors import Problem
from maos_flows.model import Oversight, Requirement, Rule, Suspicions, exact
from maos_flows.request import DecisionRequest
from maos_flows.workflow.configured import Configured


def oversight_of(configured: Configured, algorithm: str) -> Oversight:
    """Say what is watched, checked and told of a decision."""
    consensus, kind = configured.consensus, configured.type
    audit, monitoring = consensus.audit, consensus.monitoring
    trail = kind.audit_trail or (audit.enabled and audit.detailed_logging)
    checked = audit.enabled and audit.compliance_check
    return Oversight(
        decision_type=configured.decision_type,
        configuration=configured.configuration.digest,
        audit_trail=trail,
        metrics=monitoring.consensus_metrics,
        suspicions=_suspicions(consensus, algorithm),
        compliance=tuple(_requirements(configured, algorithm)) if checked else None,
        slow_seconds=monitoring.slow_consensus_threshold,
        failure_rate=monitoring.failure_rate_threshold,
        alerts=monitoring.performance_alerts,
        emergency=kind.emergency_contacts,
        contacts=consensus.contacts,
        summarizer=summarizer_of(consensus.explain) if consensus.explain.every_decision else None,
    )


def _suspicions(consensus: ConsensusForm, algorithm: str) -> Suspicions:
    if consensus.security.byzantine_detection:
        return Suspicions.ALL
    of_algorithm = getattr(consensus.algorithms, algorithm, None)
    listed = consensus.malicious_detection or getattr(of_algorithm, "byzantine_detection", False)
    return Suspicions.BALLOTS if listed else Suspicions.NONE


def _requirements(configured: Configured, algorithm: str) -> Iterator[Requirement]:
    """List what a decision is checked against: what its type asks for, then what holds for all."""
    kind, consensus = configured.type, configured.consensus
    if kind.algorithm:
        yield Requirement(Rule.ALGORITHM, kind.algorithm, ".".join(configured.of_type("algorithm")))
    of_algorithm = getattr(consensus.algorithms, algorithm, None)
    for rule in (Rule.THRESHOLD, Rule.MIN_PARTICIPANTS):
        for values, path in (
            (kind, configured.of_type(rule.value)),
            (of_algorithm, ("consensus", "algorithms", algorithm, rule.value)),
        ):
            wanted = getattr(values, rule.value, None)
            if wanted is not None:
                yield Requirement(rule, exact(Fraction(wanted)), ".".join(path))
                break
    asked = {
        (Rule.EXPERT_REVIEW, configured.of_type("expert_review")): kind.expert_review,
        (Rule.AUDIT_TRAIL, configured.of_type("audit_trail")): kind.audit_trail,
        (Rule.JUSTIFICATION, ("consensus", "audit", "decision_justification")): (
            consensus.audit.decision_justification == "required"
        ),
        (Rule.NOT_SIMULATED, ("consensus", "production_mode")): consensus.production_mode,
    }
    yield from (Requirement(rule, "", ".".join(path)) for (rule, path), is_asked in asked.items() if is_asked)


def bulk_problems(request: DecisionRequest) -> Iterator[Problem]:
    """Find what is asked for beside the count that decisions made in bulk cannot give: each needs a flow of its own."""
    oversight = request.oversight
    asked = {
        "human_oversight": request.overseers.must_confirm,
        "expert_review": bool(request.parameters.reviewers),
        "agent_authentication": request.parameters.signed_ballots,
        "vote_encryption": request.encrypted,
        "audit_signatures": request.signed_record,
        "compliance_check": oversight.compliance is not None,
        "audit_trail, detailed_logging": oversight.audit_trail,
        "emergency_contacts": oversight.emergency,
        "malicious_detection, byzantine_detection": oversight.suspicions is not Suspicions.NONE,
        "explain.every_decision": oversight.summarizer is not None,
        "monitoring": oversight.metrics or oversight.slow_seconds is not None or oversight.failure_rate is not None,
    }
    if request.open_choices:
        yield Problem("open_choices", "decisions made in bulk hold no round of suggestions; ask them one by one")
    for keys, is_asked in asked.items():
        if is_asked:
            yield Problem(f"configuration, {keys}", "decisions made in bulk do not heed it; ask them one by one")

"""Compliance: a decision looked at once more when it is closed, rule by rule; one that fails is not reached."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, assert_never

from maos_flows.model import Decision, EventKind, Outcome, Reason, Requirement, Rule, exact

DETAIL = "compliance"
"""Where a decision's details hold the report."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule: what it asks for and why, what was found, and whether it held."""

    rule: str
    source: str
    wanted: str
    found: str
    held: bool


def examine(
    decision: Decision, requirements: Sequence[Requirement], happened: Collection[EventKind]
) -> tuple[Finding, ...]:
    """Check a decision against its requirements.

    A requirement that cannot be read counts as not held.

    Args:
        decision: What was decided, before it is closed.
        requirements: What was asked for when it was requested.
        happened: The kinds of events its timeline holds.
    """
    return tuple(_examined(decision, requirement, happened) for requirement in requirements)


def complying(decision: Decision, findings: Sequence[Finding]) -> Decision:
    """Give a decision with its report; what was reached against a rule is not reached."""
    report = [_plain(finding) for finding in findings]
    reported = replace(decision, details={**decision.details, DETAIL: report})
    broken = [finding for finding in findings if not finding.held]
    if not broken or decision.outcome not in {Outcome.REACHED, Outcome.OVERRIDDEN}:
        return reported
    words = "; ".join(f"{finding.rule}: {finding.found}, not {finding.wanted}" for finding in broken)
    said = f"{decision.choice} was agreed on against {words}; {decision.explanation}"
    return replace(reported, outcome=Outcome.NOT_REACHED, reason=Reason.NOT_COMPLIANT, choice=None, explanation=said)


def _plain(finding: Finding) -> Mapping[str, Any]:
    return {
        "rule": finding.rule,
        "source": finding.source,
        "wanted": finding.wanted,
        "found": finding.found,
        "held": finding.held,
    }


def _examined(decision: Decision, requirement: Requirement, happened: Collection[EventKind]) -> Finding:
    wanted, found, held = _look(decision, requirement, happened)
    return Finding(requirement.rule.value, requirement.source, wanted, found, held)


def _look(decision: Decision, requirement: Requirement, happened: Collection[EventKind]) -> tuple[str, str, bool]:
    """Say what a requirement wants, what is there, and whether that is enough."""
    opening = decision.opening
    match requirement.rule:
        case Rule.ALGORITHM:
            return requirement.wanted, opening.algorithm, opening.algorithm == requirement.wanted
        case Rule.THRESHOLD:
            return _at_least(requirement.wanted, opening.parameters.threshold.share)
        case Rule.MIN_PARTICIPANTS:
            return _at_least(requirement.wanted, Fraction(decision.tally.participants))
        case Rule.JUSTIFICATION:
            silent = [ballot.agent_id for ballot in decision.ballots if not ballot.reasoning.strip()]
            return "a reason with every ballot", _names(silent, "without one"), not silent
        case Rule.EXPERT_REVIEW:
            reviewers = opening.parameters.reviewers
            reviewed = [ballot.agent_id for ballot in decision.ballots if ballot.agent_id in reviewers]
            return "a ballot of an expert in the matter", _names(reviewed, "did"), bool(reviewed)
        case Rule.AUDIT_TRAIL:
            there = EventKind.TRAIL in happened
            return "an audit trail", "there" if there else "none", there
        case Rule.NOT_SIMULATED:
            simulated = [ballot.agent_id for ballot in decision.ballots if ballot.voter == "simulated"]
            return "no simulated ballot", _names(simulated, "simulated"), not simulated
        case _ as another:
            assert_never(another)


def _at_least(wanted: str, found: Fraction) -> tuple[str, str, bool]:
    try:
        least = Fraction(wanted)
    except ValueError:
        return wanted, f"{wanted!r:.40} is no number", False
    return f"at least {wanted}", exact(found), found >= least


def _names(agents: Sequence[str], did: str) -> str:
    return f"{', '.join(agents)} {did}" if agents else f"nobody {did}"

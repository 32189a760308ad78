"""Adaptive: the agents' own findings say how risky the matter is, and that says by which rule it is decided.

The class of risk is the highest that f + 1 agents find at least, f being how many of them may lie: so f agents can
neither lower it below what the others find nor raise it alone. Who does not say how risky it is counts as finding it
critical, so silence lowers nothing either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from types import MappingProxyType

from maos_flows.model import (
    Agent,
    Ballot,
    Basis,
    Elector,
    Electorate,
    Opening,
    Outcome,
    Proposal,
    Protocol,
    Reason,
    Risk,
    Ruling,
    Tally,
)
from maos_flows.policies.base import ConsensusPolicy, Weighing
from maos_flows.policies.byzantine import ByzantineTolerant
from maos_flows.policies.majority import SimpleMajority
from maos_flows.policies.threshold import ThresholdPolicy
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.protocols.byzantine.agreement import FEWEST_REPLICAS
from maos_flows.tally import count


class _Degree(IntEnum):
    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3


_DEGREES = {risk: _Degree[risk.name] for risk in Risk}
_RISKS = {degree: risk for risk, degree in _DEGREES.items()}
_RULES: Mapping[Risk, ThresholdPolicy] = MappingProxyType(
    {Risk.LOW: SimpleMajority(), Risk.MEDIUM: WeightedVoting(), Risk.HIGH: ByzantineTolerant()}
)


@dataclass(frozen=True, slots=True)
class Classified:
    """How risky a matter is.

    Attributes:
        risk: The class.
        algorithm: What decides; None if a person must.
        findings: By agent, the risk it finds; None if it does not say.
        liars: How many of the agents may lie without lowering or raising it.
        explanation: How it came about.
    """

    risk: Risk
    algorithm: str | None
    findings: Mapping[str, Risk | None]
    liars: int
    explanation: str


class Adaptive(ConsensusPolicy):
    """Low risk: simple majority; medium: weighted voting; high: Byzantine agreement; critical: a person decides.

    The threshold is what every rule must meet at least: more than half unless given. A ballot may change the rule as
    well as the count, so nothing is settled before all have answered, and no margin is known.
    """

    name = "adaptive"
    tolerates = "as the rule that the risk leads to; fewer than a third of the agents cannot lower the risk"

    def weigh(self, agent: Agent, proposal: Proposal, weighing: Weighing) -> tuple[Fraction, str]:
        """Weigh as weighted voting does; the other rules count every agent with weight once."""
        return _RULES[Risk.MEDIUM].weigh(agent, proposal, weighing)

    def evaluate(self, opening: Opening, tally: Tally, ballots: Sequence[Ballot]) -> Ruling:
        """Classify the risk and rule as that class asks; critical risk is a person's to decide."""
        del tally
        classified = classify(opening, ballots)
        details = {
            "risk": classified.risk.value,
            "algorithm": classified.algorithm,
            "reason": classified.explanation,
            "findings": {agent: found and found.value for agent, found in classified.findings.items()},
        }
        if classified.algorithm is None:
            words = f"{classified.explanation}; a person must decide"
            return Ruling(Outcome.ESCALATED, Reason.CRITICAL_RISK, explanation=words, details=details)
        ruling = _rule(opening, classified.risk, ballots)
        words = f"{classified.explanation}; by {classified.algorithm}: {ruling.explanation}"
        return Ruling(ruling.outcome, ruling.reason, ruling.choice, ruling.strength, words, details)

    def under(self, risk: Risk) -> ConsensusPolicy:
        """Give the policy that carries out what a class of risk asks for: of high risk, with Byzantine agreement."""
        return AdaptiveByAgreement() if risk is Risk.HIGH else self


class AdaptiveByAgreement(Adaptive):
    """The same, over signed ballots that the agents' replicas agreed on."""

    protocol = Protocol.BYZANTINE


def classify(opening: Opening, ballots: Sequence[Ballot]) -> Classified:
    """Say how risky the agents find the matter, and which rule that leads to."""
    electors = [elector.agent_id for elector in opening.electorate.electors if elector.weight]
    said = {ballot.agent_id: ballot.risk for ballot in ballots}
    findings = {agent: said.get(agent) for agent in electors}
    liars = (len(electors) - 1) // 3
    degrees = sorted(
        (_Degree.CRITICAL if found is None else _DEGREES[found] for found in findings.values()), reverse=True
    )
    risk = _RISKS[degrees[liars]]
    least = sum(1 for degree in degrees if degree >= degrees[liars])
    silent = sum(1 for found in findings.values() if found is None)
    words = f"{risk} risk: {least} of {len(electors)} agents find it {risk} or more"
    if silent:
        words += f", {silent} of them by not saying"
    if risk is Risk.HIGH and len(electors) < FEWEST_REPLICAS:
        words += f"; Byzantine agreement needs {FEWEST_REPLICAS} agents"
        return Classified(Risk.CRITICAL, None, findings, liars, words)
    rule = _RULES.get(risk)
    return Classified(risk, None if rule is None else rule.name, findings, liars, words)


def _rule(opening: Opening, risk: Risk, ballots: Sequence[Ballot]) -> Ruling:
    """Rule as a class of risk asks: by its own threshold or the decision's, whichever is higher."""
    policy = _RULES[risk]
    electorate = opening.electorate if risk is Risk.MEDIUM else _alike(opening.electorate)
    parameters = opening.parameters
    own, asked = policy.threshold(None), parameters.threshold
    higher = asked if (asked.share, asked.strict) > (own.share, own.strict) else own
    basis = Basis.ELIGIBLE if risk is Risk.HIGH else parameters.basis
    again = replace(opening, electorate=electorate, parameters=replace(parameters, threshold=higher, basis=basis))
    return policy.evaluate(again, count(ballots, opening.proposal, electorate), ballots)


def _alike(electorate: Electorate) -> Electorate:
    """Give every agent with weight one vote."""
    return Electorate(
        tuple(
            Elector(elector.agent_id, Fraction(1 if elector.weight else 0), elector.role)
            for elector in electorate.electors
        )
    )

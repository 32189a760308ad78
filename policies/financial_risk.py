"""Financial consensus: confidence decides, and the riskier the matter the more of it is needed."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from maos_flows.consensus import ConsensusPolicy, exact, register_policy

ABSTAIN = "abstain"


class FinancialRiskConsensusPolicy(ConsensusPolicy):
    """Weighs ballots by confidence, and asks for a larger share of it where the risk is high.

    A ballot states its `risk_assessment` (a mapping with a `score` from 0 to 1) and whether the proposal
    `stress_test_passed`. What nobody assessed counts as `assumed_risk`, and who does not vote as unconvinced: silence
    never makes anything less risky. Who is a risk analyst is said by the roster, by role or domain.

    Args:
        agreement: The share of the confidence that a choice needs; the stage's threshold counts if it is higher.
        high_risk_agreement: The share needed where the risk is above `max_risk`.
        max_risk: The mean of the risk scores above which the risk is high.
        moderate_risk: The mean above which it is moderate.
        assumed_risk: The score of an agent that states none.
        assumed_confidence: The confidence of a ballot that states none.
        require_risk_analyst: Whether a risk analyst must be for or against something.
        analyst_roles: Roles that make a risk analyst.
        analyst_domains: Domains that make a risk analyst.
        required_specialists: Roles or domains of which somebody must be for what is decided.
        stress_test_required: Whether stress tests are asked for.
        stress_test_share: The share of the electorate that must have seen one passed.
    """

    name = "financial_risk_consensus"
    tolerates = "the unconvinced, to a fifth where the risk is high"

    def __init__(  # noqa: PLR0913 - its parameters
        self,
        *,
        agreement: Fraction = Fraction(3, 5),
        high_risk_agreement: Fraction = Fraction(4, 5),
        max_risk: Fraction = Fraction(15, 100),
        moderate_risk: Fraction = Fraction(5, 100),
        assumed_risk: Fraction = Fraction(1),
        assumed_confidence: Fraction = Fraction(1, 2),
        require_risk_analyst: bool = True,
        analyst_roles: Sequence[str] = ("risk_analyst", "risk_manager"),
        analyst_domains: Sequence[str] = ("risk", "risk management"),
        required_specialists: Sequence[str] = (),
        stress_test_required: bool = True,
        stress_test_share: Fraction = Fraction(1, 2),
    ) -> None:
        super().__init__()
        self.agreement = agreement
        self.high_risk_agreement = high_risk_agreement
        self.max_risk = max_risk
        self.moderate_risk = moderate_risk
        self.assumed_risk = assumed_risk
        self.assumed_confidence = assumed_confidence
        self.require_risk_analyst = require_risk_analyst
        self.analyst_roles = list(analyst_roles)
        self.analyst_domains = list(analyst_domains)
        self.required_specialists = list(required_specialists)
        self.stress_test_required = stress_test_required
        self.stress_test_share = stress_test_share

    def evaluate_proposal(self, proposal: dict[str, Any], votes: list[dict[str, Any]]) -> dict[str, Any]:
        """Decide for the choice with the most confidence behind it, if all that is asked of it is there."""
        size = len(proposal["electorate"])
        cast = [vote for vote in votes if vote["decision"] != ABSTAIN]
        behind = {vote["agent_id"]: self._conviction(vote) for vote in cast}
        unconvinced = [member for member in proposal["electorate"] if member["agent_id"] not in behind]
        whole = sum(behind.values()) + sum(exact(member["agent_weight"]) for member in unconvinced)
        support = {
            choice: sum((behind[vote["agent_id"]] for vote in _for(choice, cast)), Fraction(0))
            for choice in proposal["choices"]
        }
        best = max(support, key=lambda choice: support[choice])
        share = support[best] / whole if whole else Fraction(0)
        risk = (sum(map(self._risk, votes)) + self.assumed_risk * (size - len(votes))) / size
        is_risky = risk > self.max_risk
        needed = max(self.high_risk_agreement if is_risky else self.agreement, exact(proposal["threshold"]))
        lacking = [
            *(["two choices are equally strong"] if list(support.values()).count(support[best]) > 1 else []),
            *([f"{best} has {_percent(share)} of {_percent(needed)} of the confidence"] if share < needed else []),
            *self._specialist_objections(best, cast),
            *self._stress_objections(votes, size),
        ]
        return {
            "consensus": not lacking,
            "decision": best,
            "strength": share,
            "reason": "; ".join(lacking)
            or f"{best} has {_percent(share)} of the confidence, {_percent(needed)} needed",
            "risk_level": "high" if is_risky else "moderate" if risk > self.moderate_risk else "low",
            "total_risk_score": risk,
            "threshold_used": needed,
        }

    def _conviction(self, vote: dict[str, Any]) -> Fraction:
        return exact(vote["agent_weight"]) * exact(vote.get("confidence", self.assumed_confidence))

    def _risk(self, vote: dict[str, Any]) -> Fraction:
        """Give the risk a ballot states, or the assumed one if it states none that is from 0 to 1."""
        assessment = vote.get("risk_assessment")
        score = assessment.get("score") if isinstance(assessment, dict) else None
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            return self.assumed_risk
        return exact(score)

    def _specialist_objections(self, best: str, cast: list[dict[str, Any]]) -> list[str]:
        names = (*self.analyst_roles, *self.analyst_domains)
        objections = []
        if self.require_risk_analyst and not any(_is_one_of(names, vote) for vote in cast):
            objections.append("no risk analyst decided")
        backers = _for(best, cast)
        objections += [
            f"no {specialist} is for {best}"
            for specialist in self.required_specialists
            if not any(_is_one_of((specialist,), vote) for vote in backers)
        ]
        return objections

    def _stress_objections(self, votes: list[dict[str, Any]], size: int) -> list[str]:
        passed = sum(1 for vote in votes if vote.get("stress_test_passed") is True)
        if not self.stress_test_required or Fraction(passed, size) >= self.stress_test_share:
            return []
        return [f"{passed} of {size} saw a stress test passed, {_percent(self.stress_test_share)} needed"]


def _for(choice: str, votes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [vote for vote in votes if vote["decision"] == choice]


def _is_one_of(names: Iterable[str], vote: dict[str, Any]) -> bool:
    """Say whether an agent's role or one of its domains is among some, whole, whatever its case."""
    wanted = {name.casefold() for name in names}
    return any(name.casefold() in wanted for name in (vote["role"], *vote["domains"]))


def _percent(share: Fraction) -> str:
    return f"{float(share):.1%}"


register_policy(FinancialRiskConsensusPolicy())

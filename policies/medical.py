"""Medical consensus: the weight of evidence decides, experts must agree, and enough of it must be peer reviewed."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from maos_flows.consensus import ConsensusPolicy, exact, register_policy

ABSTAIN = "abstain"
EVIDENCE = {"systematic_review": 5, "rct": 4, "cohort": 3, "case_control": 2, "expert_opinion": 1}
QUALITY = {"systematic_review": "high", "rct": "good", "cohort": "moderate"}


class MedicalConsensusPolicy(ConsensusPolicy):
    """Weighs ballots by the evidence they cite, and asks experts, peer review and a high share of the weight.

    Who is an expert is said by the roster, by role or domain, never by a name or a ballot. A ballot states its
    `evidence_level` and whether it is `peer_reviewed`; a level counts only if evidence is cited. Who does not vote
    weighs as much as an opinion against.

    Args:
        agreement: The share of the weight that a choice needs, and the share of the experts who decide; the stage's
            threshold counts if it is higher.
        min_experts: How many experts must be for or against something.
        expert_roles: Roles that make an expert.
        expert_domains: Domains that make an expert.
        required_specialists: Roles or domains of which an expert must be for what is decided.
        require_peer_review: Whether peer review is asked for.
        min_peer_reviewed: How many ballots for what is decided must be peer reviewed.
        evidence_weights: What the levels of evidence weigh; one that is not named weighs 1.
    """

    name = "medical_consensus"
    tolerates = "minorities, experts among them, of less than a quarter of the weight"

    def __init__(  # noqa: PLR0913 - its parameters
        self,
        *,
        agreement: Fraction = Fraction(3, 4),
        min_experts: int = 2,
        expert_roles: Sequence[str] = ("doctor", "physician", "clinician", "pharmacist", "medical_expert"),
        expert_domains: Sequence[str] = ("medicine", "medical", "healthcare", "clinical"),
        required_specialists: Sequence[str] = (),
        require_peer_review: bool = True,
        min_peer_reviewed: int = 2,
        evidence_weights: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.agreement = agreement
        self.min_experts = min_experts
        self.expert_roles = list(expert_roles)
        self.expert_domains = list(expert_domains)
        self.required_specialists = list(required_specialists)
        self.require_peer_review = require_peer_review
        self.min_peer_reviewed = min_peer_reviewed
        self.evidence_weights = dict(evidence_weights or EVIDENCE)

    def evaluate_proposal(self, proposal: dict[str, Any], votes: list[dict[str, Any]]) -> dict[str, Any]:
        """Decide for the choice with the most weight of evidence, if all that is asked of it is there."""
        weights = {vote["agent_id"]: self._weight(vote) for vote in votes}
        silent = [member for member in proposal["electorate"] if member["agent_id"] not in weights]
        whole = sum(weights.values()) + sum(exact(member["agent_weight"]) for member in silent)
        cast = [vote for vote in votes if vote["decision"] != ABSTAIN]
        support = {
            choice: sum(weights[vote["agent_id"]] for vote in _for(choice, cast)) for choice in proposal["choices"]
        }
        best = max(support, key=lambda choice: support[choice])
        backers = _for(best, cast)
        needed = max(self.agreement, exact(proposal["threshold"]))
        share = Fraction(support[best]) / whole if whole else Fraction(0)
        lacking = [
            *(["two choices are equally strong"] if list(support.values()).count(support[best]) > 1 else []),
            *([f"{best} has {_percent(share)} of the weight of evidence"] if share < needed else []),
            *self._expert_objections(best, cast, needed),
            *self._review_objections(backers),
        ]
        return {
            "consensus": not lacking,
            "decision": best,
            "strength": share,
            "reason": "; ".join(lacking) or f"{best} has {_percent(share)} of the weight, and the experts agree",
            "threshold": needed,
            "evidence_quality": self._quality(backers),
            "peer_review_status": self._reviewed(backers) >= self.min_peer_reviewed,
            "experts": sorted(vote["agent_id"] for vote in cast if self._is_expert(vote)),
        }

    def _weight(self, vote: dict[str, Any]) -> Fraction:
        return exact(vote["agent_weight"]) * self._level_weight(self._level(vote))

    def _level(self, vote: dict[str, Any]) -> str:
        """Give the level of evidence a ballot states, if it cites any; an abstention brings none."""
        level = vote.get("evidence_level")
        is_cited = any(piece.strip() for piece in vote["evidence"]) and vote["decision"] != ABSTAIN
        return level if is_cited and isinstance(level, str) else "expert_opinion"

    def _level_weight(self, level: str) -> int:
        return max(1, self.evidence_weights.get(level, 1))

    def _is_expert(self, vote: dict[str, Any]) -> bool:
        return _same(vote["role"], self.expert_roles) or any(
            _same(domain, self.expert_domains) for domain in vote["domains"]
        )

    def _expert_objections(self, best: str, cast: list[dict[str, Any]], needed: Fraction) -> list[str]:
        """Say what the experts are missing: enough of them, agreement, or a specialist for what is decided."""
        experts = [vote for vote in cast if self._is_expert(vote)]
        backers = _for(best, experts)
        objections = []
        if len(experts) < self.min_experts:
            objections.append(f"{len(experts)} of {self.min_experts} medical experts decided")
        elif Fraction(len(backers), max(1, len(experts))) < needed:
            objections.append(f"{len(backers)} of {len(experts)} medical experts are for {best}")
        objections += [
            f"no {specialist} is for {best}"
            for specialist in self.required_specialists
            if not any(_same(specialist, (vote["role"], *vote["domains"])) for vote in backers)
        ]
        return objections

    def _review_objections(self, backers: list[dict[str, Any]]) -> list[str]:
        found = self._reviewed(backers)
        if not self.require_peer_review or found >= self.min_peer_reviewed:
            return []
        return [f"{found} of {self.min_peer_reviewed} peer reviewed ballots are for it"]

    def _reviewed(self, backers: list[dict[str, Any]]) -> int:
        return sum(1 for vote in backers if vote.get("peer_reviewed") is True)

    def _quality(self, backers: list[dict[str, Any]]) -> str:
        """Say how good the best evidence for a choice is."""
        levels = [self._level(vote) for vote in backers]
        best = max(levels, key=lambda level: (self._level_weight(level), level), default="expert_opinion")
        return QUALITY.get(best, "low")


def _for(choice: str, votes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [vote for vote in votes if vote["decision"] == choice]


def _same(name: str, names: Iterable[str]) -> bool:
    """Say whether a name is one of some, whole, whatever its case."""
    return name.casefold() in {other.casefold() for other in names}


def _percent(share: Fraction) -> str:
    return f"{float(share):.1%}"


register_policy(MedicalConsensusPolicy())

"""Policies as a user writes them, in plain dicts: a sound one, and some that fail."""

from typing import Any

from maos_flows.policies.base import ConsensusPolicy


class ShareOfWeight(ConsensusPolicy):
    """Three fifths of the weight of everybody who may vote."""

    name = "share_of_weight"

    def evaluate_proposal(self, proposal: dict[str, Any], votes: list[dict[str, Any]]) -> dict[str, Any]:
        whole = sum(member["agent_weight"] for member in proposal["electorate"])
        shares = {
            choice: sum(vote["agent_weight"] for vote in votes if vote["decision"] == choice) / whole
            for choice in proposal["choices"]
        }
        best = max(shares, key=shares.__getitem__)
        is_alone = list(shares.values()).count(shares[best]) == 1
        return {
            "consensus": is_alone and shares[best] >= 0.6,
            "decision": best,
            "strength": min(1.0, shares[best]),
            "confidences": [vote.get("confidence") for vote in votes],
        }


class Answering(ConsensusPolicy):
    """Answer always the same, whatever it is."""

    name = "answering"

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def evaluate_proposal(self, proposal: dict[str, Any], votes: list[dict[str, Any]]) -> Any:
        del proposal, votes
        return self.answer


class Raising(ConsensusPolicy):
    """Raise whatever it is given."""

    name = "raising"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def evaluate_proposal(self, proposal: dict[str, Any], votes: list[dict[str, Any]]) -> dict[str, Any]:
        del proposal, votes
        raise self.error


class Meddling(ConsensusPolicy):
    """Change everything it is given, then approve what it made of it."""

    name = "meddling"

    def evaluate_proposal(self, proposal: dict[str, Any], votes: list[dict[str, Any]]) -> dict[str, Any]:
        for vote in votes:
            vote["decision"] = "y"
            vote["agent_weight"] = 1e9
            vote["scores"].append(0)
            vote["evidence"].clear()
        proposal["choices"].clear()
        proposal["electorate"].clear()
        votes.append(dict(votes[0], agent_id="invented"))
        return {"consensus": True, "decision": "y", "strength": 1.0}

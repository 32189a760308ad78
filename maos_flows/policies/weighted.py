"""Weighted voting: a share of weight, with weights by role, expertise and the agent's own."""

from fractions import Fraction

from maos_flows.model import Agent, Proposal, exact
from maos_flows.policies.base import Weighing
from maos_flows.policies.threshold import ThresholdPolicy
from maos_flows.quorum import Threshold


class WeightedVoting(ThresholdPolicy):
    """At least a share of the weight, 0.6 unless given."""

    name = "weighted_voting"
    tolerates = "depends on the weights; the decision says who was decisive"

    def threshold(self, share: Fraction | None) -> Threshold:
        """Make the threshold: reaching the share is enough."""
        return Threshold(share if share is not None else Fraction(3, 5))

    def weigh(self, agent: Agent, proposal: Proposal, weighing: Weighing) -> tuple[Fraction, str]:
        """Multiply the role's weight, the expertise for the proposal's domains, and the agent's own weight.

        A weight that was learned counts instead: all these are its prior already.
        """
        if agent.id in weighing.learned:
            return weighing.learned[agent.id]
        factors = []
        if agent.role in weighing.roles:
            factors.append((weighing.roles[agent.role], f"role {agent.role}"))
        factors.append(_expertise(agent, proposal, weighing))
        if agent.weight != 1:
            factors.append((agent.weight, "own weight"))
        weight = Fraction(1)
        for factor, _ in factors:
            weight *= factor
        return weight, " x ".join(f"{exact(factor)} ({why})" for factor, why in factors)


def _expertise(agent: Agent, proposal: Proposal, weighing: Weighing) -> tuple[Fraction, str]:
    met = weighing.domains_met(agent, proposal.domains)
    if not met:
        return weighing.regular_weight, "no expertise in this" if proposal.domains else "no expertise asked for"
    kind = weighing.expertise.get(agent.role)
    weight = kind.weight if kind is not None and kind.weight is not None else weighing.expert_weight
    return weight, f"expert in {', '.join(met)}"

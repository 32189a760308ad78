"""Byzantine tolerance: a share of all agents, counted over the signed ballots that their replicas agreed on."""

from collections.abc import Sequence
from fractions import Fraction

from maos_flows.errors import Problem
from maos_flows.model import Basis, Electorate, Opening, Parameters, Protocol, Tally, TieBreak
from maos_flows.policies.threshold import ThresholdPolicy
from maos_flows.protocols.byzantine import Agreement, Bounds, Seat, bounds
from maos_flows.protocols.byzantine.agreement import FEWEST_REPLICAS
from maos_flows.quorum import Threshold


class ByzantineTolerant(ThresholdPolicy):
    """At least a share of all agents, 0.67 unless given, over signed ballots that their replicas agreed on."""

    name = "byzantine_tolerant"
    tolerates = "agents that lie, fewer than a third, where their keys and replicas are their own"
    protocol = Protocol.BYZANTINE

    def threshold(self, share: Fraction | None) -> Threshold:
        """Make the threshold: reaching the share is enough, and half is more than half."""
        if share is None:
            return Threshold(Fraction(67, 100))
        return Threshold(share, strict=share == Fraction(1, 2))

    def problems(self, electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
        """Find what no liar could be borne with: too few agents, a share of fewer than all, a casting vote."""
        found = []
        if electorate.size < FEWEST_REPLICAS:
            few = f"{electorate.size} agents with weight cannot bear one that lies"
            found.append(Problem("agents", f"{few}; byzantine_tolerant needs at least {FEWEST_REPLICAS}"))
        if parameters.basis is not Basis.ELIGIBLE:
            found.append(
                Problem("basis", f"byzantine_tolerant counts against all agents: eligible, not {parameters.basis}")
            )
        if parameters.tie_break is TieBreak.CHAIR:
            found.append(Problem("tie_break", "byzantine_tolerant gives nobody a casting vote, for the chair may lie"))
        return tuple(found)

    def warnings(self, opening: Opening) -> tuple[str, ...]:
        """Say what the agents that may lie can do under this threshold."""
        agreement = agreement_of(opening)
        bound = bounds(agreement)
        return (*_veto(agreement, bound), *_dishonest_majority(agreement, bound))

    def is_settled(self, opening: Opening, tally: Tally, outstanding: Sequence[str]) -> bool:
        """Say whether all have answered: any ballot may still be voided by a second one of its agent."""
        del opening, tally
        return not outstanding


def agreement_of(opening: Opening, *, binding: str = "") -> Agreement:
    """Make the protocol's view of an opening: a seat for every agent with weight.

    Args:
        opening: What binds the decision.
        binding: A digest of all of it.

    Raises:
        ConfigurationError: There are fewer than four agents with weight, or two have one key.
    """
    return Agreement(
        opening.proposal.decision_id,
        opening.proposal.question,
        opening.proposal.choices,
        tuple(
            Seat(elector.agent_id, f"{elector.public_key or elector.agent_id} {elector.replica_key or ''}".rstrip())
            for elector in opening.electorate.electors
            if elector.weight
        ),
        opening.parameters.threshold,
        binding=binding,
    )


def _veto(agreement: Agreement, bound: Bounds) -> tuple[str, ...]:
    if not bound.is_vetoable:
        return ()
    left = agreement.size - bound.faulty
    who = f"{bound.faulty} of {agreement.size} agents can keep every choice from passing"
    return (f"{who}: {bound.needed} are needed and {left} are left without them; it fails safe",)


def _dishonest_majority(agreement: Agreement, bound: Bounds) -> tuple[str, ...]:
    if bound.is_majority_safe:
        return ()
    honest = agreement.size - bound.faulty
    who = f"with {bound.faulty} of {agreement.size} agents lying a choice can pass"
    safe = f"from a threshold of {agreement.quorum}/{agreement.size} on it cannot"
    return (f"{who} that only {bound.honest_needed} of the {honest} honest ones are for; {safe}",)

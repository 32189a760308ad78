"""The one contract of a policy: what it weighs, what it needs, what it makes of a tally."""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import (
    Agent,
    Ballot,
    Elector,
    Electorate,
    Opening,
    Outcome,
    Parameters,
    Proposal,
    Protocol,
    Reason,
    Ruling,
    Tally,
)
from maos_flows.protocols.canonical import LARGEST_INTEGER
from maos_flows.quorum import Threshold, majority_threshold
from maos_flows.scrutiny import fold, scrutinise
from maos_flows.tally import count

Dicts = list[dict[str, Any]]

_STATED = ("confidence", "risk")


@dataclass(frozen=True, slots=True)
class Expertise:
    """What one kind of expert is worth, and in which domains; without a weight it gets `expert_weight`."""

    domains: tuple[str, ...]
    weight: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Weighing:
    """Where weights come from, for the policies that weigh.

    Attributes:
        roles: A factor per role.
        expertise: Kinds of experts, by the role that has the expertise.
        expert_weight: The factor of an expert in the proposal's domains for whom no weight is given.
        regular_weight: The factor of everybody else.
        one_lineage_one_vote: Whether agents of one lineage share one vote: each weighs its part of it.
        learned: By agent, the weight it has earned and where that comes from; counts before all else.
    """

    roles: Mapping[str, Fraction] = field(default_factory=dict, hash=False)
    expertise: Mapping[str, Expertise] = field(default_factory=dict, hash=False)
    expert_weight: Fraction = Fraction(2)
    regular_weight: Fraction = Fraction(1)
    one_lineage_one_vote: bool = False
    learned: Mapping[str, tuple[Fraction, str]] = field(default_factory=dict, hash=False)

    def domains_met(self, agent: Agent, domains: Sequence[str]) -> tuple[str, ...]:
        """Give those of the domains in which an agent is an expert, by itself or by its kind; in its own order."""
        kind = self.expertise.get(agent.role)
        asked = {fold(domain): domain for domain in domains}
        known = (*agent.domains, *(kind.domains if kind else ()))
        return tuple(dict.fromkeys(asked[fold(domain)] for domain in known if fold(domain) in asked))


class ConsensusPolicy:
    """Turns ballots into a decision. Subclass it, give it a `name`, and write one of two methods.

    `evaluate` gets exact values and returns a `Ruling`; `evaluate_proposal` gets and returns plain dicts. Each is
    written in terms of the other, so a policy that has one has both. The same ballots must always give the same
    answer: a policy is asked again when a decision is verified.

    Attributes:
        name: What it is called in `consensus_algorithm`.
        tolerates: What it withstands, in words.
        is_monotone: Whether more support never hurts a choice, as it should.
        digest: The digest of what it was loaded from, which binds a decision; empty for those of the package.
        protocol: What the agents' replicas agree by before it is asked; None if the ballots are counted as they come.
    """

    name: str = ""
    tolerates: str = "as written"
    protocol: Protocol | None = None
    is_monotone: bool = True
    digest: str = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a subclass in which neither method is written.

        Raises:
            TypeError: Neither `evaluate` nor `evaluate_proposal` is overridden.
        """
        super().__init_subclass__(**kwargs)
        writes_values = cls.evaluate is not ConsensusPolicy.evaluate
        writes_dicts = cls.evaluate_proposal is not ConsensusPolicy.evaluate_proposal
        if not writes_values and not writes_dicts:
            raise TypeError(f"{cls.__name__} must write evaluate or evaluate_proposal")

    def threshold(self, share: Fraction | None) -> Threshold:
        """Make the threshold of a share, or of none given; by default the majority rule.

        Raises:
            ConfigurationError: The share is not one this policy can have.
        """
        return majority_threshold(share if share is not None else Fraction(1, 2))

    def settings(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Check what is set of the policy's own parameters; by default there are none.

        Raises:
            ConfigurationError: There is no such parameter, or it cannot be that; names every problem.
        """
        if given:
            message = f"{self.name} has no parameters of its own"
            raise ConfigurationError([Problem(f"parameters.{key}", message) for key in given])
        return {}

    def problems(self, electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
        """Find what makes a decision impossible under this policy; by default nothing beside what always does."""
        del electorate, parameters
        return ()

    def warnings(self, opening: Opening) -> tuple[str, ...]:
        """Say, each in a line, what whoever opens a decision should know of its rule; by default nothing."""
        del opening
        return ()

    def weigh(self, agent: Agent, proposal: Proposal, weighing: Weighing) -> tuple[Fraction, str]:
        """Give an agent's weight for a proposal, and say where it comes from; by default one agent, one ballot."""
        del proposal, weighing
        return (Fraction(1), "one agent, one ballot") if agent.weight else (Fraction(0), "adviser")

    def evaluate(self, opening: Opening, tally: Tally, ballots: Sequence[Ballot]) -> Ruling:
        """Rule on ballots that were found valid. At least one of them is for a choice."""
        proposal, votes = as_dicts(opening, ballots)
        return ruling_from(self.evaluate_proposal(proposal, votes), tally)

    def evaluate_proposal(self, proposal: dict[str, Any], votes: Dicts) -> dict[str, Any]:
        """Rule on ballots given as dicts; returns `consensus`, `decision`, `strength` and whatever else it says."""
        opening, cast = from_dicts(self, proposal, votes)
        ballots = scrutinise(cast, opening).counted
        tally = count(ballots, opening.proposal, opening.electorate)
        ruling = self.evaluate(opening, tally, ballots)
        return {
            "consensus": ruling.outcome is Outcome.REACHED,
            "decision": ruling.choice,
            "strength": float(ruling.strength),
            "reason": ruling.explanation,
            **ruling.details,
        }

    def is_settled(self, opening: Opening, tally: Tally, outstanding: Sequence[str]) -> bool:
        """Say whether the outstanding agents can no longer change the outcome; by default only when there are none."""
        del opening, tally
        return not outstanding

    def margin(
        self, opening: Opening, tally: Tally, ballots: Sequence[Ballot], ruling: Ruling
    ) -> tuple[int | None, tuple[str, ...]]:
        """Give the fewest ballots that would have had to change, and who was decisive; by default nothing is known."""
        del opening, tally, ballots, ruling
        return None, ()


def as_dicts(opening: Opening, ballots: Iterable[Ballot]) -> tuple[dict[str, Any], Dicts]:
    """Give a proposal and its ballots as dicts of their own, which a policy may change without effect.

    Weights come from the electorate; a ballot's attributes cannot replace what the electorate says of its agent, nor
    stand in for a confidence or a risk that was not stated. Advisers are left out: they are shown and have no effect.
    """
    electors = {elector.agent_id: elector for elector in opening.electorate.electors if elector.weight}
    proposal = {
        "decision_id": opening.proposal.decision_id,
        "question": opening.proposal.question,
        "choices": list(opening.proposal.choices),
        "domains": list(opening.proposal.domains),
        "round": opening.proposal.round,
        "threshold": float(opening.parameters.threshold.share),
        "parameters": copy.deepcopy(dict(opening.parameters.settings)),
        "electorate": [
            {"agent_id": elector.agent_id, "role": elector.role, "agent_weight": float(elector.weight)}
            for elector in electors.values()
        ],
    }
    votes = []
    for ballot in ballots:
        elector = electors.get(ballot.agent_id)
        if elector is None:
            continue
        vote = copy.deepcopy({key: value for key, value in ballot.attributes.items() if key not in _STATED})
        vote |= {
            "agent_id": ballot.agent_id,
            "decision": ballot.choice,
            "reasoning": ballot.reasoning,
            "evidence": list(ballot.evidence),
            "agent_weight": float(elector.weight),
            "role": elector.role,
            "domains": list(elector.domains),
        }
        if ballot.confidence is not None:
            vote["confidence"] = float(ballot.confidence)
        if ballot.risk is not None:
            vote["risk"] = ballot.risk.value
        votes.append(vote)
    return proposal, votes


def from_dicts(policy: ConsensusPolicy, proposal: Mapping[str, Any], votes: Dicts) -> tuple[Opening, list[Ballot]]:
    """Give the values of what `as_dicts` writes, so that a policy written in values answers dicts too.

    Without an `electorate` in the proposal the electorate is those who voted.
    """
    decision_id = str(proposal.get("decision_id", ""))
    cast = list(dict.fromkeys(str(vote["decision"]) for vote in votes))
    choices = tuple(proposal.get("choices") or (choice for choice in cast if choice != "abstain"))
    members = proposal.get("electorate") or votes
    electors = tuple(
        Elector(
            str(member["agent_id"]),
            Fraction(str(member.get("agent_weight", 1))),
            str(member.get("role", "agent")),
        )
        for member in members
    )
    share = proposal.get("threshold")
    opening = Opening(
        Proposal(decision_id, str(proposal.get("question", "")), choices),
        Electorate(electors),
        policy.name,
        Parameters(policy.threshold(None if share is None else Fraction(str(share)))),
        datetime(1970, 1, 1, tzinfo=UTC),
    )
    ballots = [Ballot(decision_id, str(vote["agent_id"]), str(vote["decision"])) for vote in votes]
    return opening, ballots


def ruling_from(answer: object, tally: Tally) -> Ruling:
    """Check what a policy written in dicts answered, and make a ruling of it.

    An answer that is not of the form, a choice that nobody with weight cast, a strength outside [0, 1], and a detail
    that JSON cannot carry are the policy's error: the outcome is `error`, never `reached`. Numbers of numerical
    libraries (whatever has a `tolist`) are taken as the plain numbers they stand for.
    """
    if not isinstance(answer, Mapping):
        return policy_error(f"it answered a {type(answer).__name__}, not a dict")
    try:
        said = {str(key): plain(value) for key, value in answer.items()}
    except ValueError as problem:
        return policy_error(f"its answer holds {problem}, which JSON cannot carry")
    agreed, choice, words = said.pop("consensus", None), said.pop("decision", None), said.pop("reason", None)
    share = said.pop("strength", 0)
    if not isinstance(agreed, bool):
        return policy_error(f"its 'consensus' is {agreed!r:.60}, not True or False")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        return policy_error(f"its 'strength' is {share!r:.60}, not a number in [0, 1]")
    stated = answer.get("strength")
    strength = stated if isinstance(stated, Fraction) else Fraction(str(share))
    if not agreed:
        why = str(words or "the policy did not agree")
        return Ruling(Outcome.NOT_REACHED, Reason.POLICY_DECLINED, None, strength, why, said)
    if not isinstance(choice, str) or not tally.units.get(choice):
        return policy_error(f"it decided for {choice!r:.60}, which nobody with weight cast")
    why = str(words or f"the policy agreed on {choice}")
    return Ruling(Outcome.REACHED, Reason.POLICY_AGREED, choice, strength, why, said)


def checked(ruling: object, tally: Tally) -> Ruling:
    """Give a policy's ruling, or the ruling that the policy failed if it cannot be what the ballots say.

    Checked are its type, that a choice that was reached has weight, and that a strength is exact and in [0, 1].
    """
    if not isinstance(ruling, Ruling):
        return policy_error(f"it answered a {type(ruling).__name__}, not a Ruling")
    share: object = ruling.strength
    if not isinstance(share, Fraction) or not 0 <= share.numerator <= share.denominator:
        return policy_error(f"its strength is {share!r:.60}, not an exact share in [0, 1]")
    if ruling.outcome is Outcome.REACHED and not tally.units.get(ruling.choice or ""):
        return policy_error(f"it decided for {ruling.choice!r:.60}, which nobody with weight cast")
    return ruling


def plain(value: object) -> Any:
    """Copy what a policy said as plain JSON data.

    Raises:
        ValueError: JSON cannot carry it exactly; names it.
    """
    match value:
        case None | bool() | str():
            return value
        case Fraction():
            return float(value)
        case float() if math.isfinite(value):
            return float(value)
        case int() if abs(value) <= LARGEST_INTEGER:
            return int(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _ if hasattr(value, "tolist"):
            return plain(value.tolist())
        case _:
            raise ValueError(f"{value!r:.60}")


def policy_error(explanation: str) -> Ruling:
    """Make the ruling of a policy that failed: the outcome is `error`, whatever the ballots say."""
    return Ruling(Outcome.ERROR, Reason.POLICY_ERROR, explanation=f"the policy failed: {explanation}")

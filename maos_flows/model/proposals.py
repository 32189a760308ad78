"""What is asked and by which parameters: everything that binds a decision, frozen when it opens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from maos_flows.model.agents import Electorate
from maos_flows.model.codes import Basis, TieBreak
from maos_flows.quorum import MAJORITY, Threshold


@dataclass(frozen=True, slots=True)
class Context:
    """Something agents are given beside the question: its name and its text, which is data, never instruction."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """The question, as every agent gets it.

    Attributes:
        decision_id: The decision it belongs to.
        question: What is asked.
        choices: The answers allowed beside `abstain`, in order.
        domains: What it is about; expertise is matched against it.
        context: What agents are given beside the question.
        round: Counts from 1; a new round wants fresh ballots. In round 0 there are no choices yet: agents suggest some.
        proposer: The agent whose proposal it is, if one's.
        deadline: After it, by the coordinator's clock, a ballot is late. Aware, in UTC.
        deployment: The installation that asks: what is signed for one is void in another. Empty if nothing is signed.
        nonce: Drawn for this round, so that nothing signed before it fits it. Empty if nothing is signed.
    """

    decision_id: str
    question: str
    choices: tuple[str, ...]
    domains: tuple[str, ...] = ()
    context: tuple[Context, ...] = ()
    round: int = 1
    proposer: str | None = None
    deadline: datetime | None = None
    deployment: str = ""
    nonce: str = ""

    @property
    def wants_suggestions(self) -> bool:
        """Whether agents are to suggest answers, rather than to vote on them."""
        return self.round == 0


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a policy is applied with, frozen when the decision opens.

    Attributes:
        threshold: The share a choice needs.
        basis: What that is a share of.
        min_participants: How many distinct electors must cast a valid ballot, abstentions among them.
        tie_break: What a tie leads to.
        chair: The agent with the casting vote, for `tie_break: chair`.
        veto: Ids or roles of agents that may veto.
        self_approval: Whether the proposer's own ballot counts.
        justification_required: Whether a ballot without reasoning is invalid.
        settings: What is set of the policy's own parameters, as plain data.
        reviewers: Experts in the matter of whom one must have cast a ballot; none means no review is asked for.
        signed_ballots: Whether only ballots count that are signed with the key frozen for their agent.
    """

    threshold: Threshold = MAJORITY
    basis: Basis = Basis.ELIGIBLE
    min_participants: int = 1
    tie_break: TieBreak = TieBreak.NONE
    chair: str | None = None
    veto: tuple[str, ...] = ()
    self_approval: bool = True
    justification_required: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    reviewers: tuple[str, ...] = ()
    signed_ballots: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """Everything that binds a decision: nothing read later changes it.

    Attributes:
        proposal: What is asked.
        electorate: Who may vote, with which weight.
        algorithm: The policy's name.
        parameters: What it is applied with.
        opened_at: When it was frozen.
        policy_digest: The digest of the policy's file or package, if it came from one: no other rules on this.
    """

    proposal: Proposal
    electorate: Electorate
    algorithm: str
    parameters: Parameters
    opened_at: datetime
    policy_digest: str = ""

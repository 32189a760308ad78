"""Policies written as rules in a document: threshold, quorum by role, support, veto, and what a ballot must bring."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from maos_flows.model import (
    ABSTAIN,
    Agent,
    Ballot,
    Basis,
    Elector,
    Opening,
    Outcome,
    Proposal,
    Reason,
    Ruling,
    Tally,
    exact,
)
from maos_flows.policies.base import ConsensusPolicy, Weighing
from maos_flows.policies.threshold import describe
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.quorum import MAJORITY, Threshold
from maos_flows.tally import count, winner


@dataclass(frozen=True, slots=True)
class Rules:
    """What a decision needs. Names are of roles or of agents; an agent stands for its role too.

    Attributes:
        threshold: The share a choice needs, unless the stage says another.
        quorum: How many of each role must have cast a ballot that counts, abstentions among them.
        support: How many of each role must be for what is decided.
        veto: Who must not be against it.
        evidence: How many pieces of evidence a ballot for a choice must cite.
        attributes: What a ballot for a choice must state, as text.
        confidence: How confident it must be.
    """

    threshold: Threshold = MAJORITY
    quorum: Mapping[str, int] = field(default_factory=dict, hash=False)
    support: Mapping[str, int] = field(default_factory=dict, hash=False)
    veto: tuple[str, ...] = ()
    evidence: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    confidence: Fraction | None = None


class DeclaredPolicy(ConsensusPolicy):
    """Decides by rules. A ballot that does not bring what it must is set aside, as if it had not been cast."""

    tolerates = "as its rules say"

    def __init__(self, name: str, rules: Rules, *, digest: str = "") -> None:
        self.name = name
        self.rules = rules
        self.digest = digest

    def threshold(self, share: Fraction | None) -> Threshold:
        """Make the threshold of a share given, or the rules' own: reaching it is enough."""
        return self.rules.threshold if share is None else Threshold(share)

    def weigh(self, agent: Agent, proposal: Proposal, weighing: Weighing) -> tuple[Fraction, str]:
        """Weigh as weighted voting does: by role, expertise and the agent's own weight."""
        return WeightedVoting().weigh(agent, proposal, weighing)

    def evaluate(self, opening: Opening, tally: Tally, ballots: Sequence[Ballot]) -> Ruling:
        """Rule by the rules; the first that is not kept is told, quorum before threshold before support and veto."""
        counted = [ballot for ballot in ballots if not any(self._lacks(ballot))]
        set_aside = len(ballots) - len(counted)
        tail = f"; {set_aside} ballots set aside: {self._first_lack(ballots)}" if set_aside else ""
        recount = replace(count(counted, opening.proposal, opening.electorate), eligible=tally.eligible)
        ruling = self._rule(opening, recount, counted)
        details = (
            {"set_aside": [ballot.agent_id for ballot in ballots if any(self._lacks(ballot))]} if set_aside else {}
        )
        return replace(ruling, explanation=f"{ruling.explanation}{tail}", details=details)

    def _rule(self, opening: Opening, tally: Tally, counted: Sequence[Ballot]) -> Ruling:
        electors = opening.electorate.by_id
        parameters = opening.parameters
        missing = _missing(self.rules.quorum, (electors[ballot.agent_id] for ballot in counted))
        whole = tally.whole(parameters.basis)
        leaders = tally.leaders
        share = Fraction(tally.units[leaders[0]], whole) if leaders and whole else Fraction(0)
        if missing:
            return _not_reached(Reason.TOO_FEW_PARTICIPANTS, share, f"the quorum lacks {missing}")
        choice = winner(tally.units, whole, parameters.threshold)
        words = _in_words(tally, leaders, parameters.basis, parameters.threshold)
        if choice is None:
            return _not_reached(Reason.TIE if len(leaders) > 1 else Reason.BELOW_THRESHOLD, share, words)
        supporters = (electors[ballot.agent_id] for ballot in counted if ballot.choice == choice)
        missing = _missing(self.rules.support, supporters)
        if missing:
            return _not_reached(Reason.POLICY_DECLINED, share, f"{words}, but its support lacks {missing}")
        against = [ballot for ballot in counted if ballot.choice not in (choice, ABSTAIN)]
        vetoed = [ballot for ballot in against if self._may_veto(electors[ballot.agent_id])]
        if vetoed:
            first = vetoed[0]
            because = f": {first.reasoning}" if first.reasoning.strip() else ""
            return _not_reached(Reason.VETOED, share, f"{words}, but {first.agent_id} is against it{because}")
        return Ruling(Outcome.REACHED, Reason.THRESHOLD_MET, choice, share, words)

    def _may_veto(self, elector: Elector) -> bool:
        return bool(elector.weight) and not {elector.agent_id, elector.role}.isdisjoint(self.rules.veto)

    def _first_lack(self, ballots: Iterable[Ballot]) -> str:
        return next(f"{ballot.agent_id} {lack}" for ballot in ballots for lack in self._lacks(ballot))

    def _lacks(self, ballot: Ballot) -> Iterator[str]:
        """Tell what a ballot for a choice lacks; an abstention lacks nothing."""
        rules = self.rules
        if ballot.choice == ABSTAIN:
            return
        cited = sum(1 for piece in ballot.evidence if piece.strip())
        if cited < rules.evidence:
            yield f"cites {cited} of {rules.evidence} pieces of evidence"
        for name, wanted in rules.attributes.items():
            if _as_text(ballot.attributes.get(name)) != wanted:
                yield f"does not state {name}: {wanted}"
        if rules.confidence is not None and (ballot.confidence is None or ballot.confidence < rules.confidence):
            stated = "none" if ballot.confidence is None else exact(ballot.confidence)
            yield f"states a confidence of {stated}, below {exact(rules.confidence)}"


def _missing(needed: Mapping[str, int], electors: Iterable[Elector]) -> str:
    """Say who is missing, or nothing; advisers are not counted."""
    there = Counter(name for elector in electors if elector.weight for name in {elector.agent_id, elector.role})
    lacking = [f"{name} ({there[name]} of {least})" for name, least in needed.items() if there[name] < least]
    return ", ".join(lacking)


def _not_reached(reason: Reason, share: Fraction, words: str) -> Ruling:
    return Ruling(Outcome.NOT_REACHED, reason, None, share, words)


def _in_words(tally: Tally, leaders: Sequence[str], basis: Basis, threshold: Threshold) -> str:
    whole = tally.amount(tally.whole(basis))
    have = tally.amount(tally.units[leaders[0]]) if leaders else "0"
    who = " and ".join(leaders) if leaders else "no choice"
    verb = "have" if len(leaders) > 1 else "has"
    return f"{who} {verb} {have} of {whole} {basis}; {describe(threshold)} needed"


def _as_text(value: Any) -> str | None:
    """Write an attribute as a document would: `true`, `3`, `text`; what is no single value is none."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float() | Fraction():
            return str(value)
        case _:
            return None

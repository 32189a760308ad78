"""A decision in one paragraph, made without a model: asked, answered, decided, by how much, against whom.

The same decision always reads the same. Agents' words are quoted as they are on record, in one line and shortened;
whoever shows the paragraph escapes it for where it is shown.
"""

from collections.abc import Iterator
from fractions import Fraction

from maos_flows.model import ABSTAIN, Ballot, Decision, Outcome, exact
from maos_flows.proposing import suggested_in
from maos_flows.weights import effective_votes

_LONGEST_QUESTION = 200
_LONGEST_REASON = 140
_MOST_NAMES = 5

_HOW = {
    Outcome.REACHED: "They decided for {choice}",
    Outcome.NOT_REACHED: "They did not decide",
    Outcome.ESCALATED: "They did not decide, and a person must",
    Outcome.OVERRIDDEN: "The decision for {choice} was made over their heads, not by consensus",
    Outcome.CANCELLED: "It was called off",
    Outcome.ERROR: "The policy failed, so nothing was decided",
}


def explain(decision: Decision) -> str:
    """Tell a decision in one paragraph: what was asked, who said what, how it ended, what would have changed it."""
    return " ".join(_sentences(decision))


def independent_votes(decision: Decision) -> Fraction | None:
    """Give how many independent votes there effectively were, by lineage and weight; None if no lineage is known."""
    electors = decision.opening.electorate.by_id
    voted = [electors[ballot.agent_id] for ballot in decision.ballots if ballot.choice != ABSTAIN]
    voted = [elector for elector in voted if elector.weight]
    if not any(elector.lineage for elector in voted):
        return None
    return effective_votes([elector.lineage for elector in voted], weights=[elector.weight for elector in voted])


def independence(decision: Decision) -> str | None:
    """Say how independent the votes were: `5 votes of 3 lineages, worth 2.27 independent ones`; None if not known."""
    effective = independent_votes(decision)
    if effective is None:
        return None
    electors = decision.opening.electorate.by_id
    voted = [electors[ballot.agent_id] for ballot in decision.ballots if ballot.choice != ABSTAIN]
    voted = [elector for elector in voted if elector.weight]
    lineages = {elector.lineage or f"\N{NULL}{elector.agent_id}" for elector in voted}
    kinds = "1 lineage" if len(lineages) == 1 else f"{len(lineages)} lineages"
    return f"{len(voted)} votes of {kinds}, worth {float(effective):.2f} independent ones"


def _sentences(decision: Decision) -> Iterator[str]:
    proposal, electorate = decision.opening.proposal, decision.opening.electorate
    asked = f"{len(electorate.electors)} agents were asked" if len(electorate.electors) != 1 else "One agent was asked"
    question = _short(proposal.question, _LONGEST_QUESTION)
    yield f"{asked} \N{LEFT DOUBLE QUOTATION MARK}{question}\N{RIGHT DOUBLE QUOTATION MARK}"
    yield f"by {decision.opening.algorithm}{_in_rounds(decision)}."
    if decision.is_simulated:
        yield "Some or all of the ballots came from a generator, not from agents."
    yield from _suggested(decision)
    yield from _said(decision)
    yield f"{_HOW[decision.outcome].format(choice=decision.choice)}: {decision.explanation}."
    yield from _what_would_have_changed_it(decision)
    words = independence(decision)
    if words is not None:
        yield f"These were {words}."


def _in_rounds(decision: Decision) -> str:
    number = decision.opening.proposal.round
    return f" in {number} rounds" if number > 1 else ""


def _suggested(decision: Decision) -> Iterator[str]:
    """Tell which choices were suggested by whom, where none were given."""
    merged = suggested_in(decision)
    if merged.choices:
        told = [f"{one.choice} ({_listed(one.agents)})" for one in merged.choices]
        yield f"They suggested {_listed(told)}."
    if merged.left_out:
        yield f"There was no room for {_listed([one.choice for one in merged.left_out])}."


def _said(decision: Decision) -> Iterator[str]:
    """Tell who was for what, the strongest choice first, with the reason of its most confident agent."""
    strongest = sorted(decision.tally.units.items(), key=lambda item: (-item[1], item[0]))
    for choice, _ in strongest:
        ballots = [ballot for ballot in decision.ballots if ballot.choice == choice]
        if ballots:
            yield f"{_names(ballots)} {'was' if len(ballots) == 1 else 'were'} for {choice}{_because(ballots)}."
    abstained = [ballot for ballot in decision.ballots if ballot.choice == ABSTAIN]
    if abstained:
        yield f"{_names(abstained)} abstained."
    silent = [name for name, _, _ in decision.not_counted]
    if silent:
        yield f"No ballot of {_listed(sorted(silent))} was counted."


def _because(ballots: list[Ballot]) -> str:
    with_reasons = [ballot for ballot in ballots if ballot.reasoning.strip()]
    if not with_reasons:
        return ""
    surest = min(with_reasons, key=lambda ballot: (-(ballot.confidence or Fraction(0)), ballot.agent_id))
    reason = _short(surest.reasoning, _LONGEST_REASON)
    return f" ({surest.agent_id}: \N{LEFT DOUBLE QUOTATION MARK}{reason}\N{RIGHT DOUBLE QUOTATION MARK})"


def _what_would_have_changed_it(decision: Decision) -> Iterator[str]:
    if decision.margin is not None:
        ballots = "One ballot" if decision.margin == 1 else f"{decision.margin} ballots"
        yield f"{ballots} cast otherwise would have changed the outcome."
    if decision.decisive:
        yield f"Each of {_listed(decision.decisive)} alone was decisive."
    for dissent in decision.dissenting:
        yield f"Dissent: {_listed(dissent.agents)} for {dissent.choice}, with a weight of {exact(dissent.weight)}."


def _names(ballots: list[Ballot]) -> str:
    return _listed(sorted(ballot.agent_id for ballot in ballots))


def _listed(names: "tuple[str, ...] | list[str]") -> str:
    shown = list(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        return f"{', '.join(shown)} and {len(names) - _MOST_NAMES} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _short(text: str, most: int) -> str:
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else f"{line[: most - 1]}\N{HORIZONTAL ELLIPSIS}"

"""Short ways to write examples of the core's values, and Hypothesis strategies that make many."""

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from hypothesis import strategies as st

from maos_flows.model import (
    ABSTAIN,
    Ballot,
    Basis,
    Elector,
    Electorate,
    Opening,
    Parameters,
    Proposal,
    TieBreak,
)
from maos_flows.quorum import MAJORITY, Threshold
from maos_flows.tally import count

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LETTERS = "abcdefghijklmnopqrstuvwxyz"

Weight = Fraction | int | str


def electorate_of(weights: Sequence[Weight]) -> Electorate:
    """Make electors a, b, c, ... of these weights."""
    return Electorate(tuple(Elector(name, Fraction(weight)) for name, weight in zip(LETTERS, weights, strict=False)))


def opening_of(
    weights: Sequence[Weight] = (1, 1, 1, 1, 1),
    choices: Sequence[str] = ("x", "y"),
    *,
    parameters: Parameters | None = None,
    algorithm: str = "weighted_voting",
) -> Opening:
    """Open a decision among electors a, b, c, ... of these weights."""
    proposal = Proposal("d-1", "Which?", tuple(choices))
    return Opening(proposal, electorate_of(weights), algorithm, parameters or Parameters(), NOON)


def ballots_of(votes: str) -> tuple[Ballot, ...]:
    """Write ballots as letters: `xxy-.` is x of a, x of b, y of c, an abstention of d, and nothing of e."""
    return tuple(
        Ballot("d-1", name, ABSTAIN if vote == "-" else vote)
        for name, vote in zip(LETTERS, votes, strict=False)
        if vote != "."
    )


def tally_of(opening: Opening, ballots: Sequence[Ballot]):
    return count(ballots, opening.proposal, opening.electorate)


weights = st.one_of(
    st.integers(0, 4).map(Fraction),
    st.sampled_from([Fraction(1, 10), Fraction(3, 2), Fraction(2, 3), Fraction(7)]),
)
"""Weights, 0 among them, such that ties and near misses are common."""


def weight_lists(most: int, fewest: int = 1) -> st.SearchStrategy[list[Fraction]]:
    """Weights of an electorate; often all the same, never all 0."""
    alike = st.integers(fewest, most).map(lambda size: [Fraction(1)] * size)
    mixed = st.lists(weights, min_size=fewest, max_size=most).filter(any)
    return st.one_of(alike, mixed)


@st.composite
def thresholds(draw: st.DrawFn) -> Threshold:
    """Thresholds above and below one half, strict and not."""
    share = draw(
        st.one_of(
            st.sampled_from([Fraction(1, 2), Fraction(2, 3), Fraction(67, 100), Fraction(1, 3), Fraction(1)]),
            st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda two: Fraction(min(two), max(two))),
        )
    )
    return Threshold(share, strict=draw(st.booleans()) and share < 1)


@st.composite
def parameters(draw: st.DrawFn, electorate: Electorate, *, tie_breaks: Sequence[TieBreak] = tuple(TieBreak)):
    """Parameters that an electorate can meet."""
    with_weight = [elector.agent_id for elector in electorate.electors if elector.weight]
    tie_break = draw(st.sampled_from(list(tie_breaks)))
    return Parameters(
        threshold=draw(st.one_of(st.just(MAJORITY), thresholds())),
        basis=draw(st.sampled_from(Basis)),
        min_participants=draw(st.integers(1, len(with_weight))),
        tie_break=tie_break,
        chair=draw(st.sampled_from(with_weight)) if tie_break is TieBreak.CHAIR else None,
    )


@st.composite
def openings(draw: st.DrawFn, *, most: int = 6, tie_breaks: Sequence[TieBreak] = tuple(TieBreak)) -> Opening:
    """Decisions that could be opened, over two to four choices."""
    choices = draw(st.sampled_from(["xy", "xyz", "wxyz"]))
    listed = draw(weight_lists(most))
    return opening_of(
        listed, choices, parameters=draw(parameters(electorate_of(listed), tie_breaks=tie_breaks)), algorithm="test"
    )


@st.composite
def ballot_lists(draw: st.DrawFn, opening: Opening) -> tuple[Ballot, ...]:
    """Valid ballots of some of the electorate, abstentions among them, at most one an elector."""
    allowed = [*opening.proposal.choices, "-", "."]
    size = len(opening.electorate.electors)
    return ballots_of("".join(draw(st.lists(st.sampled_from(allowed), min_size=size, max_size=size))))


@st.composite
def decisions_to_be(
    draw: st.DrawFn, *, most: int = 6, tie_breaks: Sequence[TieBreak] = tuple(TieBreak)
) -> tuple[Opening, tuple[Ballot, ...]]:
    """An opening with its ballots."""
    opening = draw(openings(most=most, tie_breaks=tie_breaks))
    return opening, draw(ballot_lists(opening))

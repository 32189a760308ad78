"""Policies in which the strongest choice wins if its share meets a threshold; they differ in share and weights."""

from collections.abc import Sequence

from maos_flows.margin import decisive, margin
from maos_flows.model import (
    Ballot,
    Basis,
    Opening,
    Outcome,
    Parameters,
    Reason,
    Ruling,
    Tally,
    TieBreak,
    exact,
)
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.quorum import HALF, Threshold
from maos_flows.tally import casting_vote, is_settled, strength, winner


class ThresholdPolicy(ConsensusPolicy):
    """The strongest choice wins if it alone is strongest and its share of the basis meets the threshold."""

    def evaluate(self, opening: Opening, tally: Tally, ballots: Sequence[Ballot]) -> Ruling:
        """Rule by the threshold; a tie leads where the parameters say."""
        parameters = opening.parameters
        whole = tally.whole(parameters.basis)
        choice = winner(tally.units, whole, parameters.threshold, casting_vote(parameters, ballots))
        leaders = tally.leaders
        is_tied = len(leaders) > 1
        share = strength(tally, leaders[0] if leaders else None, parameters.basis)
        words = _in_words(tally, parameters, leaders)
        if choice is not None:
            if is_tied:
                words = f"{words}; the casting vote of {parameters.chair} is for {choice}"
            return Ruling(Outcome.REACHED, Reason.THRESHOLD_MET, choice, share, words)
        if not is_tied:
            return Ruling(Outcome.NOT_REACHED, Reason.BELOW_THRESHOLD, None, share, words)
        outcome = Outcome.ESCALATED if parameters.tie_break is TieBreak.HUMAN else Outcome.NOT_REACHED
        return Ruling(outcome, Reason.TIE, None, share, words)

    def is_settled(self, opening: Opening, tally: Tally, outstanding: Sequence[str]) -> bool:
        """Say whether the outstanding agents can no longer change the outcome."""
        return is_settled(tally, opening, outstanding)

    def margin(
        self, opening: Opening, tally: Tally, ballots: Sequence[Ballot], ruling: Ruling
    ) -> tuple[int | None, tuple[str, ...]]:
        """Count the fewest ballots that would have had to change, exactly; with a chair, one or unknown."""
        del ruling
        parameters = opening.parameters
        fewest = margin(tally, ballots, opening.electorate, parameters)
        return fewest, decisive(tally, ballots, opening.electorate, parameters, margin=fewest)


def _in_words(tally: Tally, parameters: Parameters, leaders: Sequence[str]) -> str:
    whole = tally.amount(tally.whole(parameters.basis))
    weight = tally.amount(tally.units[leaders[0]] if leaders else 0)
    who = " and ".join(leaders) if leaders else "no choice"
    have = "have" if len(leaders) > 1 else "has"
    each = " each" if len(leaders) > 1 else ""
    return f"{who} {have} {weight} of {whole} {parameters.basis}{each}; {describe(parameters.threshold)} needed"


def describe(threshold: Threshold) -> str:
    """Say a threshold in words: `more than half`, `at least 0.67`."""
    share = "half" if threshold.share == HALF else exact(threshold.share)
    return f"{'more than' if threshold.strict else 'at least'} {share}"


def share_in_words(tally: Tally, choice: str, basis: Basis) -> str:
    """Say a choice's count in words: `3 of 5`."""
    return f"{tally.amount(tally.units[choice])} of {tally.amount(tally.whole(basis))}"

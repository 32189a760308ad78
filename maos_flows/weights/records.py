"""Records and what they are worth: the log-odds of having been right, and a correction for shared mistakes.

The log-odds are the best weights of independent voters (Nitzan and Paroush 1982), for more than two choices with errors
spread evenly: ln((K - 1) p / (1 - p)), which is 0 at the chance of guessing. The correction, learned by gradient (Duchi
et al. 2011), makes up for voters that are not independent. Numbers are rounded once, here; the tally stays exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import exp, log

PRIOR_DECISIONS = 4.0
"""How many decisions what is believed of an unknown agent is worth."""
PRIOR_ACCURACY = 0.7
"""How often an unknown agent is believed to be right."""
DOMAIN_DECISIONS = 20.0
"""How many decisions in a domain an agent's overall record is worth there."""
LARGEST_WEIGHT = Fraction(10)
"""No record is worth more: an accuracy of 0.9995 between two choices is worth 7.6."""
_DECIMALS = 6
_MOST_CERTAIN = 0.999_999
_LARGEST_MULTIPLIER = Fraction(20)


@dataclass(frozen=True, slots=True)
class Record:
    """How often an agent was right, where what was right became known. Old decisions fade, so counts are fractions.

    Attributes:
        right: How often it was right.
        seen: How often it answered.
    """

    right: float = 0.0
    seen: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an agent: its record, its record in each domain, and the correction of its weight.

    Attributes:
        overall: Over all decisions with feedback.
        domains: In each domain, by its folded name.
        correction: What is added to the log-odds: positive for being right when the panel expected otherwise.
        gradient: The sum of squared errors so far, which makes later corrections smaller.
    """

    overall: Record = Record()
    domains: Mapping[str, Record] = field(default_factory=dict, hash=False)
    correction: float = 0.0
    gradient: float = 1.0


START = Standing()
"""What is known of an agent without a record."""


def prior_accuracy(multiplier: Fraction, choices: int) -> float:
    """Give the accuracy believed of an agent whose declared weight is `multiplier` times that of others.

    Args:
        multiplier: The declared factor, at least 0; 1 for nobody in particular.
        choices: How many choices there are.
    """
    usual = log((choices - 1) * PRIOR_ACCURACY / (1 - PRIOR_ACCURACY))
    odds = exp(float(min(multiplier, _LARGEST_MULTIPLIER)) * usual)
    return min(odds / (odds + choices - 1), _MOST_CERTAIN)


def accuracy(standing: Standing, *, prior: float, domains: Sequence[str] = ()) -> float:
    """Estimate how often an agent is right in these domains: its record, shrunk to what is believed without one."""
    overall = standing.overall
    believed = (PRIOR_DECISIONS * prior + overall.right) / (PRIOR_DECISIONS + overall.seen)
    there = [standing.domains[domain] for domain in domains if domain in standing.domains]
    if not there:
        return believed
    right = sum(record.right for record in there)
    seen = sum(record.seen for record in there)
    return (DOMAIN_DECISIONS * believed + right) / (DOMAIN_DECISIONS + seen)


def raw_weight(
    standing: Standing, choices: int, *, multiplier: Fraction = Fraction(1), domains: Sequence[str] = ()
) -> float:
    """Give what a standing is worth between so many choices; at least 0, not yet rounded."""
    estimate = accuracy(standing, prior=prior_accuracy(multiplier, choices), domains=domains)
    log_odds = log((choices - 1) * estimate / (1 - estimate)) if estimate > 0 else 0.0
    return min(max(0.0, log_odds + standing.correction), float(LARGEST_WEIGHT))


def earned_weight(
    standing: Standing, choices: int, *, multiplier: Fraction = Fraction(1), domains: Sequence[str] = ()
) -> Fraction:
    """Give the weight a standing has earned, exact from here on: rounded once, to six decimals.

    Args:
        standing: What is known of the agent.
        choices: How many choices the proposal has, at least two.
        multiplier: The weight declared for it, as a factor; a prior that its record overrides. 0 stays 0.
        domains: What the proposal is about, folded.
    """
    if multiplier == 0:
        return Fraction(0)
    return Fraction(str(round(raw_weight(standing, choices, multiplier=multiplier, domains=domains), _DECIMALS)))


def learned_weights(
    standings: Mapping[str, Standing],
    multipliers: Mapping[str, Fraction],
    *,
    choices: int,
    domains: Sequence[str] = (),
) -> dict[str, tuple[Fraction, str]]:
    """Give every agent's weight for a proposal, and where it comes from, in words.

    If nobody's record is better than guessing, all with a declared weight count alike: a decision needs some weight.

    Args:
        standings: What is known, by agent; whoever is missing starts like everybody.
        multipliers: The declared factor of each agent of the electorate.
        choices: How many choices the proposal has.
        domains: What it is about, folded.
    """
    weights = {
        agent: (
            earned_weight(standings.get(agent, START), choices, multiplier=factor, domains=domains),
            _in_words(standings.get(agent, START), factor, domains),
        )
        for agent, factor in multipliers.items()
    }
    if any(weight for weight, _ in weights.values()):
        return weights
    why = "equal weights: nobody's record is better than guessing"
    return {agent: (Fraction(1 if factor else 0), why) for agent, factor in multipliers.items()}


def _in_words(standing: Standing, multiplier: Fraction, domains: Sequence[str]) -> str:
    overall = standing.overall
    if not overall.seen:
        words = "no record yet"
    else:
        words = f"right in {overall.right:.4g} of {overall.seen:.4g}, correction {standing.correction:+.3f}"
    for domain in domains:
        if domain in standing.domains:
            record = standing.domains[domain]
            words += f"; in {domain} {record.right:.4g} of {record.seen:.4g}"
    return words if multiplier == 1 else f"{words}; declared x {float(multiplier):.4g}"

"""Checks that authors run on their own policies: does it keep what every policy promises?

```python
from maos_flows.testing import check_policy

def test_my_policy():
    assert check_policy(MyPolicy(), roles=("auditor",)).reached > 0
```
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from random import Random
from typing import Any, TypedDict, Unpack

from maos_flows.errors import ConfigurationError
from maos_flows.model import ABSTAIN, Agent, Ballot, Decision, Opening, Outcome, Parameters, Proposal, Risk
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide, freeze
from maos_flows.scrutiny import scrutinise
from maos_flows.tally import count

ROLES = ("researcher", "analyst", "coder", "tester", "security_expert", "doctor", "clinician", "risk_analyst")
DOMAINS = ("medicine", "security", "finance", "risk")
ATTRIBUTES: Mapping[str, Sequence[Any]] = {
    "evidence_level": ("systematic_review", "rct", "cohort", "case_control", "expert_opinion"),
    "peer_reviewed": (True, False),
    "stress_test_passed": (True, True, False),
    "risk_assessment": tuple({"score": sixteenth / 16} for sixteenth in (0, 1, 1, 2, 3, 8, 16)),
}
"""What examples' ballots state beside the usual: what the shipped policies and others like them ask for."""

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_WEIGHTS = (Fraction(1), Fraction(1), Fraction(2), Fraction(1, 2), Fraction(0))
_CHOICES = (("approve", "reject"), ("x", "y"), ("x", "y", "z"))
_NEARLY = Fraction(1, 10**9)

_SEED = 0
Example = tuple[Opening, tuple[Ballot, ...]]


@dataclass(frozen=True, slots=True)
class Checked:
    """How many examples a policy was asked about, and in how many of them it reached a decision."""

    examples: int
    reached: int


class Wanted(TypedDict, total=False):
    """What can be wanted of examples: the arguments of `examples`, which describes them."""

    number: int
    seed: int
    roles: Sequence[str]
    attributes: Mapping[str, Sequence[Any]]
    settings: Mapping[str, Any] | None


def examples(
    policy: ConsensusPolicy,
    *,
    number: int = 100,
    seed: int = _SEED,
    roles: Sequence[str] = ROLES,
    attributes: Mapping[str, Sequence[Any]] = ATTRIBUTES,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Example]:
    """Make decisions to be, the same for the same seed: agents of all kinds, near agreement and far from it.

    Every number in them is a multiple of 1/16, so that sums of floats are the same in any order.

    Args:
        policy: Whose they are: its threshold and its weights are taken.
        number: How many, less those whose agents the policy refuses.
        seed: Which.
        roles: What the agents are; their ids begin with it.
        attributes: What ballots may state, by name, each with the values to choose from.
        settings: What is set of the policy's own parameters.
    """
    chance = Random(seed)  # noqa: S311 - a seed is wanted, not a secret
    parameters = Parameters(policy.threshold(None), settings=policy.settings(settings or {}))
    for place in range(number):
        choices = chance.choice(_CHOICES)
        agents = [_agent(chance, index, roles) for index in range(chance.randint(1, 7))]
        agents[0] = replace(agents[0], weight=Fraction(1))
        proposal = Proposal(f"d-{place}", "Which?", choices, domains=(chance.choice(DOMAINS),))
        try:
            opening = freeze(policy, proposal, agents, parameters, opened_at=_NOON)
        except ConfigurationError:
            continue  # such agents the policy does not take
        likely = chance.choice((0.3, 0.7, 1.0))
        favourite = chance.choice(choices)
        ballots = tuple(
            _ballot(chance, proposal, agent.id, favourite if chance.random() < likely else None, attributes)
            for agent in agents
            if chance.random() > 0.1  # noqa: PLR2004 - one in ten is absent
        )
        yield opening, ballots


def _agent(chance: Random, index: int, roles: Sequence[str]) -> Agent:
    role = chance.choice(roles)
    domains = tuple(chance.sample(DOMAINS, chance.randint(0, 2)))
    return Agent(f"{role}_{index}", role, domains, weight=chance.choice(_WEIGHTS))


def _ballot(
    chance: Random, proposal: Proposal, agent_id: str, choice: str | None, attributes: Mapping[str, Sequence[Any]]
) -> Ballot:
    return Ballot(
        proposal.decision_id,
        agent_id,
        choice or chance.choice((*proposal.choices, ABSTAIN)),
        confidence=chance.choice((None, *(Fraction(eighth, 8) for eighth in range(9)))),
        reasoning="because",
        evidence=("a study", "a trial")[: chance.randint(0, 2)],
        risk=chance.choice((None, *Risk)),
        attributes={name: chance.choice(values) for name, values in attributes.items() if chance.random() > 0.2},  # noqa: PLR2004 - one in five is not stated
    )


def check_policy(policy: ConsensusPolicy, **wanted: Unpack[Wanted]) -> Checked:
    """Check what every policy promises, on examples; see `examples` for what can be wanted of them.

    The same ballots give the same decision, in any order; a policy does not fail; what it decides was cast; an agent
    that stays away never helps its choice; and, unless the policy says `is_monotone = False`, a ballot more for what
    was reached never unreaches it.

    Raises:
        AssertionError: It does not; names the promise, and the ballots.
    """
    chance = Random(wanted.get("seed", _SEED))  # noqa: S311 - as above
    asked = reached = 0
    for opening, ballots in examples(policy, **wanted):
        decision = decide(policy, opening, ballots)
        _check_ruling(decision, ballots)
        _check_repeated(policy, opening, ballots, decision, chance)
        _check_absence(policy, opening, ballots, decision)
        if policy.is_monotone:
            _check_support(policy, opening, ballots, decision)
        asked += 1
        reached += decision.outcome is Outcome.REACHED
    return Checked(asked, reached)


def _check_ruling(decision: Decision, ballots: Sequence[Ballot]) -> None:
    if decision.outcome is Outcome.ERROR:
        raise AssertionError(_told("it fails", decision.explanation, ballots))


def _check_repeated(
    policy: ConsensusPolicy, opening: Opening, ballots: Sequence[Ballot], decision: Decision, chance: Random
) -> None:
    again = decide(policy, opening, ballots)
    if again != decision:
        raise AssertionError(_told("asked twice, it answers differently", _differ(decision, again), ballots))
    counted = list(scrutinise(ballots, opening).counted)
    tally = count(counted, opening.proposal, opening.electorate)
    if not any(tally.units.values()):
        return
    rulings = []
    for _ in range(2):
        chance.shuffle(counted)
        rulings.append(policy.evaluate(opening, tally, counted))
    one, other = rulings
    same = (one.outcome, one.choice) == (other.outcome, other.choice)
    if not same or abs(one.strength - other.strength) > _NEARLY:
        raise AssertionError(_told("the order of ballots matters to it", f"{one} or {other}", ballots))


def _check_absence(policy: ConsensusPolicy, opening: Opening, ballots: Sequence[Ballot], decision: Decision) -> None:
    for absent in ballots:
        without = decide(policy, opening, [ballot for ballot in ballots if ballot is not absent])
        if without.choice not in (None, decision.choice) and without.choice == absent.choice:
            words = f"{absent.choice} is reached only if {absent.agent_id}, who is for it, stays away"
            raise AssertionError(_told("an absent agent helps its choice", words, ballots))


def _check_support(policy: ConsensusPolicy, opening: Opening, ballots: Sequence[Ballot], decision: Decision) -> None:
    if decision.choice is None:
        return
    for place, ballot in enumerate(ballots):
        more = [*ballots[:place], replace(ballot, choice=decision.choice), *ballots[place + 1 :]]
        after = decide(policy, opening, more)
        if after.choice != decision.choice:
            words = f"{decision.choice} is no more reached once {ballot.agent_id} is for it: {after.explanation}"
            raise AssertionError(_told("more support hurts a choice", words, ballots))


def _differ(one: Decision, other: Decision) -> str:
    return f"{one.outcome} {one.choice} {one.strength}, or {other.outcome} {other.choice} {other.strength}"


def _told(promise: str, words: str, ballots: Sequence[Ballot]) -> str:
    listed = "\n".join(f"  {ballot}" for ballot in ballots)
    return f"{promise}: {words}\nballots:\n{listed}"

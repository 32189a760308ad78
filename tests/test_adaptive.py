"""Adaptive: the risk the agents find says by which rule is decided, and f of them cannot lower it."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.agreement.verification import verify_decision
from maos_flows.flows.adapting import adapted, may_agree
from maos_flows.model import Ballot, BallotBox, Opening, Outcome, Parameters, Protocol, Reason, Risk
from maos_flows.policies.adaptive import Adaptive, AdaptiveByAgreement, classify
from maos_flows.policies.deciding import decide
from tests.agreement import council
from tests.strategies import opening_of

ADAPTIVE = Adaptive()
RISKS = tuple(Risk)
risks = st.sampled_from(RISKS)


def opening(*weights: int, **parameters: object) -> Opening:
    found = opening_of(list(weights), "xy", parameters=Parameters(ADAPTIVE.threshold(None), **parameters))  # type: ignore[arg-type]
    return replace(found, algorithm="adaptive")


def ballots(asked: Opening, choices: str, *found: Risk | None) -> list[Ballot]:
    names = [elector.agent_id for elector in asked.electorate.electors]
    return [
        Ballot(asked.proposal.decision_id, name, choice, risk=risk)
        for name, choice, risk in zip(names, choices, found, strict=True)
    ]


def degree(risk: Risk) -> int:
    return RISKS.index(risk)


@given(st.integers(4, 13), st.data())
def test_b80_f_agents_cannot_lower_the_class_below_what_the_others_find(size: int, data: st.DataObject) -> None:
    """B80: whatever f of them say, or if they say nothing."""
    asked = opening(*[1] * size)
    liars = (size - 1) // 3
    honest = data.draw(st.lists(risks, min_size=size - liars, max_size=size - liars))
    lies = data.draw(st.lists(st.none() | risks, min_size=liars, max_size=liars))

    risk = classify(asked, ballots(asked, "x" * size, *honest, *lies)).risk

    by_rank = sorted(map(degree, honest), reverse=True)
    assert by_rank[liars] <= degree(risk) <= by_rank[0]


@given(st.integers(1, 13), st.data())
def test_silence_never_lowers_the_class(size: int, data: st.DataObject) -> None:
    asked = opening(*[1] * size)
    found = data.draw(st.lists(risks, min_size=size, max_size=size))
    cast = ballots(asked, "x" * size, *found)
    silent = data.draw(st.sets(st.integers(0, size - 1)))

    heard = [ballot for place, ballot in enumerate(cast) if place not in silent]

    assert degree(classify(asked, heard).risk) >= degree(classify(asked, cast).risk)


def test_b80_words_lower_nothing() -> None:
    """B80: what an agent writes is not read for its risk."""
    asked = opening(1, 1, 1, 1)
    cast = ballots(asked, "xxxx", Risk.HIGH, Risk.HIGH, Risk.HIGH, Risk.LOW)
    talked = [*cast[:3], replace(cast[3], reasoning="ignore risk, low", attributes={"risk": "low for all"})]

    assert classify(asked, talked).risk is Risk.HIGH


@pytest.mark.parametrize(
    ("risk", "choices", "outcome", "algorithm"),
    [
        (Risk.LOW, "xxxyy", Outcome.REACHED, "simple_majority"),
        (Risk.MEDIUM, "xxxyy", Outcome.REACHED, "weighted_voting"),
        (Risk.MEDIUM, "xyxxy", Outcome.NOT_REACHED, "weighted_voting"),
        (Risk.HIGH, "xxxyy", Outcome.NOT_REACHED, "byzantine_tolerant"),
        (Risk.HIGH, "xxxxy", Outcome.REACHED, "byzantine_tolerant"),
        (Risk.CRITICAL, "xxxxx", Outcome.ESCALATED, None),
    ],
)
def test_the_class_says_by_which_rule(risk: Risk, choices: str, outcome: Outcome, algorithm: str | None) -> None:
    asked = opening(1, 1, 1, 3, 3)

    decided = decide(ADAPTIVE, asked, ballots(asked, choices, *[risk] * 5))

    assert decided.outcome is outcome
    assert (decided.details["risk"], decided.details["algorithm"]) == (risk.value, algorithm)
    assert decided.explanation.startswith(f"{risk} risk: 5 of 5 agents find it {risk} or more")


def test_b80_critical_risk_is_a_person_s_to_decide() -> None:
    """B80: it fails closed."""
    asked = opening(1, 1, 1, 1)

    decided = decide(ADAPTIVE, asked, ballots(asked, "xxxx", *[Risk.CRITICAL] * 4))

    assert (decided.outcome, decided.reason, decided.choice) == (Outcome.ESCALATED, Reason.CRITICAL_RISK, None)


def test_high_risk_among_too_few_to_bear_a_liar_is_critical() -> None:
    asked = opening(1, 1, 1)

    decided = decide(ADAPTIVE, asked, ballots(asked, "xxx", *[Risk.HIGH] * 3))

    assert decided.outcome is Outcome.ESCALATED
    assert "Byzantine agreement needs 4 agents" in decided.explanation


def test_a_threshold_given_is_met_by_every_rule() -> None:
    asked = replace(opening(1, 1, 1, 1, 1), parameters=Parameters(ADAPTIVE.threshold(Fraction(4, 5))))

    below = decide(ADAPTIVE, asked, ballots(asked, "xxxyy", *[Risk.LOW] * 5))

    assert (below.outcome, below.reason) == (Outcome.NOT_REACHED, Reason.BELOW_THRESHOLD)


def test_high_risk_is_decided_over_ballots_that_replicas_agreed_on() -> None:
    asked = council.opening_of(5, ADAPTIVE)
    from maos_flows.agreement.binding import bind

    asked = bind(asked, council.keys(), nonce="0" * 32)
    said = council.collected(asked, {})
    cast = tuple(council.ballot(asked, name, "x", risk=Risk.HIGH) for name in council.names(5))
    policy = adapted(ADAPTIVE, asked, BallotBox(asked.proposal, (), cast))

    decided = council.decided(asked, replace(said, ballots=cast), policy=policy)

    assert (policy.protocol, may_agree(ADAPTIVE, asked)) == (Protocol.BYZANTINE, True)
    assert (decided.outcome, decided.details["algorithm"]) == (Outcome.REACHED, "byzantine_tolerant")
    assert verify_decision(decided, ADAPTIVE).is_sound


def test_only_high_risk_needs_agreement() -> None:
    under = [ADAPTIVE.under(risk).protocol for risk in RISKS]

    assert under == [None, None, Protocol.BYZANTINE, None]
    assert AdaptiveByAgreement().name == ADAPTIVE.name

"""Compliance: each rule holds or does not, a broken one undoes what was reached, and the report says which."""

from dataclasses import replace
from fractions import Fraction

import pytest

from maos_flows.model import Ballot, Decision, EventKind, Outcome, Parameters, Reason, Requirement, Rule
from maos_flows.policies.compliance import complying, examine
from maos_flows.policies.deciding import decide
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.quorum import Threshold
from tests.strategies import opening_of


def decided(votes: str = "xxxxx", *, reasoning: str = "because", voter: str = "python") -> Decision:
    parameters = Parameters(Threshold(Fraction(3, 5)), reviewers=("a",))
    ballots = [
        Ballot("d-1", name, vote, reasoning=reasoning, voter=voter)
        for name, vote in zip("abcde", votes, strict=True)
        if vote != "."
    ]
    return decide(WeightedVoting(), opening_of(parameters=parameters), ballots)


def held(rule: Rule, wanted: str = "", decision: Decision | None = None, happened=(EventKind.TRAIL,)) -> bool:
    (finding,) = examine(decision or decided(), [Requirement(rule, wanted, "some.key")], happened)
    return finding.held


@pytest.mark.parametrize(
    ("rule", "keeps", "breaks"),
    [
        (Rule.ALGORITHM, "weighted_voting", "raft"),
        (Rule.THRESHOLD, "0.6", "0.61"),
        (Rule.THRESHOLD, "3/5", "2/3"),
        (Rule.MIN_PARTICIPANTS, "5", "6"),
        (Rule.THRESHOLD, "0.5", "a lot"),
    ],
)
def test_what_a_rule_wants_is_compared_exactly(rule, keeps, breaks):
    assert held(rule, keeps)
    assert not held(rule, breaks)


def test_reasons_are_looked_for_in_every_ballot():
    assert held(Rule.JUSTIFICATION)
    assert not held(Rule.JUSTIFICATION, decision=decided(reasoning=" "))


def test_simulated_ballots_are_found():
    assert held(Rule.NOT_SIMULATED)
    assert not held(Rule.NOT_SIMULATED, decision=decided(voter="simulated"))


def test_a_review_is_an_experts_ballot():
    assert held(Rule.EXPERT_REVIEW)
    assert not held(Rule.EXPERT_REVIEW, decision=decided(".xxxx"))


def test_a_trail_is_an_event():
    assert held(Rule.AUDIT_TRAIL)
    assert not held(Rule.AUDIT_TRAIL, happened=())


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_is_examined_and_says_what_it_found(rule):
    (finding,) = examine(decided(), [Requirement(rule, "1", "some.key")], ())

    assert (finding.rule, finding.source) == (rule.value, "some.key")
    assert finding.wanted
    assert finding.found


def test_a_decision_that_keeps_its_rules_stands_with_its_report():
    decision = decided()
    findings = examine(decision, [Requirement(Rule.ALGORITHM, "weighted_voting", "some.key")], ())
    complied = complying(decision, findings)

    report = complied.details["compliance"]
    assert replace(complied, details=decision.details) == decision
    assert report == [
        {
            "rule": "algorithm",
            "source": "some.key",
            "wanted": "weighted_voting",
            "found": "weighted_voting",
            "held": True,
        }
    ]


def test_a_decision_that_breaks_a_rule_is_not_reached_and_says_why():
    decision = decided()
    complied = complying(decision, examine(decision, [Requirement(Rule.THRESHOLD, "0.75", "some.key")], ()))

    assert (complied.outcome, complied.reason, complied.choice) == (Outcome.NOT_REACHED, Reason.NOT_COMPLIANT, None)
    assert "x was agreed on against threshold: 0.6, not at least 0.75" in complied.explanation


def test_what_was_not_reached_stays_as_it_was_but_for_the_report():
    decision = decided("xxyyy"[:4] + ".")
    complied = complying(decision, examine(decision, [Requirement(Rule.MIN_PARTICIPANTS, "5", "some.key")], ()))

    assert (complied.outcome, complied.reason) == (decision.outcome, decision.reason)
    assert [row["held"] for row in complied.details["compliance"]] == [False]

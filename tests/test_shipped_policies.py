"""The policies in `policies/`: right where samples of their kind go wrong, and every parameter of theirs acts."""

import asyncio
from fractions import Fraction
from pathlib import Path

import pytest

from maos_flows.model import ABSTAIN, Agent, Ballot, Outcome, Parameters, Proposal
from maos_flows.plugins.purity import examine
from maos_flows.plugins.sandbox import Code
from maos_flows.policies.deciding import decide, freeze
from maos_flows.roster import default_roster
from maos_flows.selection import select_agents
from maos_flows.testing import check_policy
from maos_flows.voters import ask
from policies.financial_risk import FinancialRiskConsensusPolicy
from policies.medical import MedicalConsensusPolicy
from tests.strategies import NOON

POLICIES = Path(__file__).parents[1] / "policies"
REVIEWED = {"evidence_level": "rct", "peer_reviewed": True}
SAFE = {"risk_assessment": {"score": 0.1}, "stress_test_passed": True}


def ballot_of(
    name: str, choice: str = "x", confidence: str | None = "1", cites: tuple[str, ...] = ("a trial",), **stated
):
    exact = None if confidence is None else Fraction(confidence)
    return Ballot("d-1", name, choice, evidence=cites, confidence=exact, attributes=stated)


def decided(policy, agents, ballots, threshold: str = "1/2"):
    proposal = Proposal("d-1", "Which?", ("x", "y"))
    parameters = Parameters(policy.threshold(Fraction(threshold)))
    return decide(policy, freeze(policy, proposal, agents, parameters, opened_at=NOON), ballots)


def doctors(count: int, role: str = "doctor") -> list[Agent]:
    return [Agent(name, role) for name in "abcdefg"[:count]]


def medical(ballots, agents=None, **parameters):
    return decided(MedicalConsensusPolicy(**parameters), agents or doctors(len(ballots)), ballots)


def test_doctors_who_agree_on_reviewed_trials_reach_a_decision():
    decision = medical([ballot_of(name, **REVIEWED) for name in "abc"])

    assert (decision.outcome, decision.choice, decision.strength) == (Outcome.REACHED, "x", 1)
    assert decision.details["evidence_quality"] == "good"
    assert decision.details["peer_review_status"] is True
    assert decision.details["experts"] == ["a", "b", "c"]


def test_b10_an_expert_is_who_the_roster_says_and_not_who_is_called_so():
    agents = [Agent("doctor_evil"), Agent("not-medical-at-all"), Agent("clinician_9")]

    decision = medical([ballot_of(agent.id, **REVIEWED) for agent in agents], agents)

    assert decision.outcome is Outcome.NOT_REACHED
    assert "0 of 2 medical experts decided" in decision.explanation


def test_an_expert_may_be_one_by_domain():
    agents = [Agent("a", "researcher", ("Medicine",)), Agent("b", "analyst", ("healthcare",))]

    assert medical([ballot_of(name, **REVIEWED) for name in "ab"], agents).choice == "x"


@pytest.mark.parametrize(
    ("level", "quality"),
    [
        ("systematic_review", "high"),
        ("rct", "good"),
        ("cohort", "moderate"),
        ("case_control", "low"),
        ("hearsay", "low"),
        (7, "low"),
    ],
)
def test_the_quality_of_evidence_is_that_of_what_is_cited(level, quality):
    cited = medical([ballot_of(name, evidence_level=level, peer_reviewed=True) for name in "ab"])
    claimed = medical([ballot_of(name, cites=(" ",), evidence_level=level, peer_reviewed=True) for name in "ab"])

    assert cited.details["evidence_quality"] == quality
    assert claimed.details["evidence_quality"] == "low"


def test_evidence_weighs_only_if_it_is_cited():
    trials = [ballot_of(name, **REVIEWED) for name in "abc"]
    claim = ballot_of("d", "y", cites=(), evidence_level="systematic_review")

    assert medical([*trials, claim]).strength == Fraction(12, 13)


def test_what_a_ballot_says_of_its_own_weight_changes_nothing():
    honest = [ballot_of(name, **REVIEWED) for name in "abcd"]
    rogue = ballot_of("e", "y", evidence_level="systematic_review", agent_weight=1e6)

    decision = medical([*honest, rogue])

    assert (decision.choice, decision.strength) == ("x", Fraction(16, 21))


@pytest.mark.parametrize("peer_reviewed", [False, None, "yes", 1])
def test_peer_review_is_asked_for_and_stated_by_nothing_but_true(peer_reviewed):
    ballots = [ballot_of(name, evidence_level="rct", peer_reviewed=peer_reviewed) for name in "ab"]

    assert "0 of 2 peer reviewed ballots are for it" in medical(ballots).explanation
    assert medical(ballots, require_peer_review=False).choice == "x"
    assert medical(ballots, min_peer_reviewed=0).choice == "x"


def test_experts_who_disagree_are_not_outvoted_by_others():
    agents = [*doctors(2), *[Agent(name, "coder") for name in "cdefg"]]
    ballots = [ballot_of("a", **REVIEWED), ballot_of("b", "y", cites=())] + [ballot_of(n, **REVIEWED) for n in "cdefg"]

    assert "1 of 2 medical experts are for x" in medical(ballots, agents).explanation


@pytest.mark.parametrize(
    ("parameters", "reached"),
    [
        ({"required_specialists": ["cardiology"]}, False),
        ({"required_specialists": ["Doctor"]}, True),
        ({"min_experts": 3}, False),
        ({"expert_roles": ["nurse"]}, False),
        ({"expert_roles": [], "expert_domains": ["oncology"]}, True),
        ({"agreement": Fraction(1)}, True),
    ],
)
def test_every_parameter_of_the_medical_policy_acts(parameters, reached):
    agents = [Agent(name, "doctor", ("oncology",)) for name in "ab"]

    decision = medical([ballot_of(name, **REVIEWED) for name in "ab"], agents, **parameters)

    assert (decision.outcome is Outcome.REACHED) == reached


def test_evidence_weights_can_be_set():
    ballots = [ballot_of("a", **REVIEWED), ballot_of("b", "y", evidence_level="cohort")]

    assert medical(ballots, evidence_weights={"rct": 9}).strength == Fraction(9, 10)


@pytest.mark.parametrize("policy", [MedicalConsensusPolicy, FinancialRiskConsensusPolicy])
def test_the_stages_threshold_counts_if_it_is_higher(policy):
    agents = [*doctors(4), Agent("e", "risk_analyst", ("medicine",))]
    ballots = [ballot_of(name, **REVIEWED, **SAFE) for name in "abce"] + [ballot_of("d", "y", **REVIEWED, **SAFE)]
    made = policy()

    assert decided(made, agents, ballots, "1/2").choice == "x"
    assert decided(made, agents, ballots, "9/10").outcome is Outcome.NOT_REACHED


@pytest.mark.parametrize("policy", [MedicalConsensusPolicy(), FinancialRiskConsensusPolicy()])
def test_equally_strong_choices_reach_nothing_in_any_order(policy):
    agents = doctors(4, "risk_analyst")
    ballots = [ballot_of(n, c, **REVIEWED, **SAFE) for n, c in zip("abcd", "xyxy", strict=True)]

    decision = decided(policy, agents, ballots, "1/3")

    assert decision.outcome is Outcome.NOT_REACHED
    assert "two choices are equally strong" in decision.explanation
    assert decision == decided(policy, agents, ballots[::-1], "1/3")


@pytest.mark.parametrize("policy", [MedicalConsensusPolicy(), FinancialRiskConsensusPolicy()])
def test_who_does_not_vote_is_not_for_it(policy):
    agents = doctors(4, "risk_analyst")
    ballots = [ballot_of(name, **REVIEWED, **SAFE) for name in "ab"]

    assert decided(policy, agents, ballots).outcome is Outcome.NOT_REACHED
    assert decided(policy, agents, [*ballots, ballot_of("c", ABSTAIN)]).strength < 1


@pytest.mark.parametrize("policy", [MedicalConsensusPolicy(), FinancialRiskConsensusPolicy()])
def test_b77_votes_that_are_empty_are_answered_with_a_reason(policy):
    answer = policy.evaluate_proposal(
        {"choices": ["x", "y"], "threshold": 0.5, "electorate": [{"agent_id": "a", "agent_weight": 0.0}]}, []
    )

    assert answer["consensus"] is False
    assert answer["strength"] == 0


def financial(ballots, agents=None, **parameters):
    chosen = agents or [Agent("a", "risk_analyst"), *doctors(len(ballots), "analyst")[1:]]
    return decided(FinancialRiskConsensusPolicy(**parameters), chosen, ballots)


def test_analysts_who_are_sure_of_a_safe_matter_reach_a_decision():
    decision = financial([ballot_of(name, **SAFE) for name in "abc"])

    assert (decision.choice, decision.strength) == ("x", 1)
    assert decision.details == {"risk_level": "moderate", "total_risk_score": 0.1, "threshold_used": 0.6}


@pytest.mark.parametrize(
    ("score", "level", "reached"),
    [(0, "low", True), (0.05, "low", True), (0.15, "moderate", True), (0.16, "high", False)],
)
def test_the_riskier_it_is_the_more_agreement_is_needed(score, level, reached):
    stated = {"risk_assessment": {"score": score}, "stress_test_passed": True}
    ballots = [ballot_of(name, "y" if name in "de" else "x", **stated) for name in "abcde"]

    decision = financial(ballots)

    assert (decision.outcome is Outcome.REACHED, decision.details["risk_level"]) == (reached, level)
    assert decision.strength == Fraction(3, 5)


@pytest.mark.parametrize(
    "assessment", [None, {}, {"score": "low"}, {"score": -0.8}, {"score": 1e9}, {"score": True}, [0]]
)
def test_a_risk_that_is_not_stated_is_not_a_low_one(assessment):
    ballots = [ballot_of(name, risk_assessment=assessment, stress_test_passed=True) for name in "abc"]

    assert financial(ballots).details["risk_level"] == "high"
    assert financial(ballots, assumed_risk=Fraction(0)).details["risk_level"] == "low"


def test_a_confidence_of_nothing_reaches_nothing():
    decision = financial([ballot_of(name, confidence="0", **SAFE) for name in "abc"])

    assert (decision.outcome, decision.strength) == (Outcome.NOT_REACHED, 0)


def test_confidence_is_the_weight_and_what_is_not_stated_is_assumed():
    ballots = [ballot_of("a", confidence="0.9", **SAFE), ballot_of("b", "y", confidence=None, **SAFE)]

    assert financial(ballots).strength == Fraction(9, 14)
    assert financial(ballots, assumed_confidence=Fraction(1, 10)).strength == Fraction(9, 10)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"analyst_roles": ["treasurer"]}, "no risk analyst decided"),
        ({"analyst_roles": [], "require_risk_analyst": False}, None),
        ({"analyst_roles": [], "analyst_domains": ["Risk"]}, "no risk analyst decided"),
        ({"required_specialists": ["treasurer"]}, "no treasurer is for x"),
        ({"required_specialists": ["analyst"]}, None),
        ({"agreement": Fraction(99, 100)}, None),
        ({"max_risk": Fraction(1, 20), "high_risk_agreement": Fraction(1)}, None),
        ({"moderate_risk": Fraction(1, 5)}, None),
    ],
)
def test_every_parameter_of_the_financial_policy_acts(parameters, message):
    decision = financial([ballot_of(name, **SAFE) for name in "abc"], **parameters)

    assert (decision.explanation == "x has 100.0% of the confidence, 60.0% needed") or message or parameters
    assert (message is None) == (decision.outcome is Outcome.REACHED)
    assert message is None or message in decision.explanation


@pytest.mark.parametrize(("passed", "share", "reached"), [("ab", "1/2", True), ("a", "1/2", False), ("a", "1/3", True)])
def test_enough_of_the_electorate_must_have_seen_a_stress_test_passed(passed, share, reached):
    ballots = [ballot_of(n, risk_assessment={"score": 0}, stress_test_passed=n in passed) for n in "abc"]

    decision = financial(ballots, stress_test_share=Fraction(share))

    assert (decision.outcome is Outcome.REACHED) == reached
    assert financial(ballots, stress_test_required=False).choice == "x"
    assert reached or "1 of 3 saw a stress test passed, 50.0% needed" in decision.explanation


@pytest.mark.parametrize(
    "policy",
    [
        MedicalConsensusPolicy(),
        MedicalConsensusPolicy(min_experts=1, min_peer_reviewed=1, agreement=Fraction(3, 5)),
        FinancialRiskConsensusPolicy(),
        FinancialRiskConsensusPolicy(stress_test_share=Fraction(1, 4), max_risk=Fraction(1, 2)),
    ],
    ids=["medical", "medical-mild", "financial", "financial-mild"],
)
def test_they_keep_what_every_policy_promises(policy):
    assert check_policy(policy, number=60).reached > 0


@pytest.mark.parametrize("file", sorted(POLICIES.glob("*.py")), ids=lambda file: file.stem)
def test_they_can_be_installed_as_they_are(file):
    about, problem = examine(Code(source=file.read_text(), file=file.name))

    assert problem == ""
    assert about.name in {"medical_consensus", "financial_risk_consensus"}
    assert len(about.parameters) >= 8
    assert about.description


def decided_by_default(policy, question: str, most: int):
    agents = select_agents(default_roster().roster, question=question, most=most)
    proposal = Proposal("d-1", question, ("approve", "reject"))

    async def ask_all():
        return await asyncio.gather(*(ask(agent, proposal) for agent in agents))

    parameters = Parameters(policy.threshold(None))
    return decide(policy, freeze(policy, proposal, agents, parameters, opened_at=NOON), asyncio.run(ask_all()))


def test_the_default_rosters_risk_analysts_let_the_financial_policy_decide():
    policy = FinancialRiskConsensusPolicy()

    of_their_trade = decided_by_default(policy, "Move a tenth of the portfolio into bonds, given its volatility?", 5)
    of_another = decided_by_default(policy, "Move to another data centre?", 5)

    assert (of_their_trade.outcome, of_their_trade.choice) == (Outcome.REACHED, "approve")
    assert of_another.outcome is Outcome.NOT_REACHED
    assert "risk analyst" in of_another.explanation


def test_the_default_rosters_medical_experts_let_the_medical_policy_decide():
    policy = MedicalConsensusPolicy()

    of_their_trade = decided_by_default(policy, "Is this therapy right for patients of every age?", 4)
    of_another = decided_by_default(policy, "Move to another data centre?", 4)

    assert (of_their_trade.outcome, of_their_trade.choice) == (Outcome.REACHED, "approve")
    assert of_another.outcome is Outcome.NOT_REACHED
    assert "medical experts" in of_another.explanation

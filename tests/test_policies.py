"""The built-in rules, the registry, and what a policy written in dicts may answer."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from typing import Any

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.model import (
    Agent,
    Ballot,
    Basis,
    Opening,
    Outcome,
    Parameters,
    Proposal,
    Reason,
    Risk,
    Ruling,
    Tally,
    TieBreak,
)
from maos_flows.policies.base import ConsensusPolicy, Expertise, Weighing, as_dicts, checked, ruling_from
from maos_flows.policies.majority import SimpleMajority, Supermajority
from maos_flows.policies.registry import PolicyRegistry, built_in_policies
from maos_flows.policies.threshold import describe, share_in_words
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.quorum import HALF, MAJORITY, Threshold
from tests.naming import named
from tests.strategies import ballots_of, opening_of, tally_of
from tests.user_policies import Answering, ShareOfWeight

LAW = Proposal("d-1", "Which?", ("x", "y"), domains=("Law",))


def ruled(policy: ConsensusPolicy, votes: str, parameters: Parameters | None = None, weights=(1, 1, 1, 1, 1)) -> Ruling:
    parameters = parameters or Parameters(policy.threshold(None))
    opening = opening_of(weights, "wxyz", parameters=parameters)
    ballots = ballots_of(votes)
    return policy.evaluate(opening, tally_of(opening, ballots), ballots)


@pytest.mark.parametrize(
    ("policy", "share", "threshold"),
    [
        (SimpleMajority(), None, MAJORITY),
        (SimpleMajority(), HALF, MAJORITY),
        (SimpleMajority(), Fraction(3, 4), Threshold(Fraction(3, 4))),
        (Supermajority(), None, Threshold(Fraction(67, 100))),
        (Supermajority(), Fraction(2, 3), Threshold(Fraction(2, 3))),
        (WeightedVoting(), None, Threshold(Fraction(3, 5))),
        (WeightedVoting(), Fraction(2, 5), Threshold(Fraction(2, 5))),
        (ShareOfWeight(), None, MAJORITY),
    ],
)
def test_each_rule_has_its_threshold(policy: ConsensusPolicy, share: Fraction | None, threshold: Threshold):
    assert policy.threshold(share) == threshold


def test_a_supermajority_of_half_is_refused():
    with pytest.raises(ConfigurationError, match="a supermajority needs more than half, not 1/2; use simple_majority"):
        Supermajority().threshold(HALF)


def test_a_ruling_gives_the_numbers_it_came_from():
    assert ruled(SimpleMajority(), "xxxyy") == Ruling(
        Outcome.REACHED, Reason.THRESHOLD_MET, "x", Fraction(3, 5), "x has 3 of 5 eligible; more than half needed"
    )
    assert ruled(Supermajority(), "xxxyy") == Ruling(
        Outcome.NOT_REACHED,
        Reason.BELOW_THRESHOLD,
        None,
        Fraction(3, 5),
        "x has 3 of 5 eligible; at least 0.67 needed",
    )
    assert ruled(WeightedVoting(), "xxyy.", weights=("1/2", "1/3", "1/2", "1/3", 1)) == Ruling(
        Outcome.NOT_REACHED,
        Reason.TIE,
        None,
        Fraction(5, 16),
        "x and y have 5/6 of 8/3 eligible each; at least 0.6 needed",
    )


def test_nothing_cast_for_any_choice_is_below_every_threshold():
    assert ruled(SimpleMajority(), "").explanation == "no choice has 0 of 5 eligible; more than half needed"
    assert ruled(SimpleMajority(), "--").reason is Reason.BELOW_THRESHOLD


def test_a_casting_vote_decides_a_tie_at_the_threshold_and_is_said():
    by_chair = Parameters(tie_break=TieBreak.CHAIR, chair="c")

    ruling = ruled(SimpleMajority(), "xxyy", by_chair, weights=(1, 1, 1, 1))

    assert (ruling.outcome, ruling.choice, ruling.strength) == (Outcome.REACHED, "y", HALF)
    assert ruling.explanation == (
        "x and y have 2 of 4 eligible each; more than half needed; the casting vote of c is for y"
    )
    assert ruled(SimpleMajority(), "xxyy.", by_chair).reason is Reason.TIE
    assert ruled(SimpleMajority(), "xx-yy", replace(by_chair, basis=Basis.DECISIVE)).reason is Reason.TIE


def test_a_tie_for_a_person_is_escalated():
    ruling = ruled(SimpleMajority(), "xxyy.", Parameters(tie_break=TieBreak.HUMAN))

    assert (ruling.outcome, ruling.reason, ruling.choice) == (Outcome.ESCALATED, Reason.TIE, None)


def test_thresholds_and_shares_are_said_in_words():
    tally = tally_of(opening_of((1, "1/2", 1)), ballots_of("xxy"))

    assert describe(MAJORITY) == "more than half"
    assert describe(Threshold(Fraction(2, 3))) == "at least 2/3"
    assert share_in_words(tally, "x", Basis.CAST) == "1.5 of 2.5"


def test_one_agent_has_one_ballot_unless_it_is_an_adviser():
    for policy in (SimpleMajority(), Supermajority(), ShareOfWeight()):
        assert policy.weigh(Agent("a", weight=Fraction(7)), LAW, Weighing()) == (1, "one agent, one ballot")
        assert policy.weigh(Agent("a", weight=Fraction(0)), LAW, Weighing()) == (0, "adviser")


@pytest.mark.parametrize(
    ("agent", "weighing", "weight", "why"),
    [
        (Agent("a"), Weighing(), 1, "1 (no expertise in this)"),
        (Agent("a", domains=("law",)), Weighing(), 2, "2 (expert in Law)"),
        (Agent("a", domains=("law",)), Weighing(expert_weight=Fraction(3)), 3, "3 (expert in Law)"),
        (Agent("a"), Weighing(regular_weight=HALF), HALF, "0.5 (no expertise in this)"),
        (Agent("a", "chief"), Weighing(roles={"chief": Fraction(3)}), 3, "3 (role chief) x 1 (no expertise in this)"),
        (
            Agent("a", "lawyer", weight=HALF),
            Weighing(expertise={"lawyer": Expertise((" LAW",), Fraction(5))}),
            Fraction(5, 2),
            "5 (expert in Law) x 0.5 (own weight)",
        ),
        (Agent("a", "lawyer"), Weighing(expertise={"lawyer": Expertise(("law",))}), 2, "2 (expert in Law)"),
        (Agent("a", "lawyer"), Weighing(expertise={"lawyer": Expertise(("tax",), Fraction(5))}), 1, None),
        (Agent("a", domains=("law",), weight=Fraction(0)), Weighing(), 0, None),
    ],
)
def test_a_weight_is_role_times_expertise_times_own_weight(agent, weighing, weight, why):
    found, said = WeightedVoting().weigh(agent, LAW, weighing)

    assert found == weight
    assert why is None or said == why


def test_without_domains_in_the_proposal_nobody_is_an_expert():
    anything = replace(LAW, domains=())

    assert WeightedVoting().weigh(Agent("a", domains=("law",)), anything, Weighing()) == (
        1,
        "1 (no expertise asked for)",
    )


def test_b10_a_name_gives_no_expertise():
    weighing = Weighing(expertise={"doctor": Expertise(("medicine",), Fraction(9))})
    medical = replace(LAW, domains=("medicine", "doctor"))

    for name in ("doctor_evil", "not-medical-at-all", "doctor", "medicine"):
        assert WeightedVoting().weigh(Agent(name), medical, weighing)[0] == 1


def test_policies_are_found_by_name():
    registry = built_in_policies()

    names = ["adaptive", "byzantine_tolerant", "raft", "simple_majority", "supermajority", "weighted_voting"]
    assert list(registry) == names
    assert len(registry) == 6
    assert registry["supermajority"] is registry.find("supermajority")
    registry.register(ShareOfWeight())
    assert registry.find("share_of_weight").name == "share_of_weight"


def test_b74_an_unknown_algorithm_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigurationError) as refused:
        built_in_policies().find("simple_majorty", path="stages[0].consensus_algorithm")

    assert str(refused.value) == (
        "stages[0].consensus_algorithm: there is no algorithm 'simple_majorty'; "
        "available: adaptive, byzantine_tolerant, raft, simple_majority, supermajority, weighted_voting; "
        "did you mean simple_majority?"
    )
    with pytest.raises(ConfigurationError, match=r"weighted_voting$"):
        built_in_policies().find("???")


def test_a_policy_needs_a_name_of_its_own():
    class Nameless(ShareOfWeight):
        name = ""

    with pytest.raises(ConfigurationError, match="Nameless has no name"):
        PolicyRegistry(Nameless())
    with pytest.raises(ConfigurationError, match="the name 'supermajority' is taken"):
        PolicyRegistry(Supermajority(), Supermajority())


def test_a_policy_that_writes_neither_method_is_refused():
    with pytest.raises(TypeError, match="Empty must write evaluate or evaluate_proposal"):
        type("Empty", (ConsensusPolicy,), {"name": "empty"})


def test_the_dicts_of_a_policy_are_its_own_and_say_what_the_electorate_says():
    opening = opening_of((2, 1, 0), parameters=Parameters(Threshold(Fraction(2, 3))))
    scores = {"peer": [1]}
    said = {"scores": scores, "agent_weight": 99, "role": "king", "decision": "y", "confidence": 9, "risk": "none"}
    plain = Ballot("d-1", "a", "x", reasoning="because", evidence=("p",), attributes=said)
    full = Ballot("d-1", "b", "y", confidence=HALF, risk=Risk.HIGH)

    proposal, votes = as_dicts(opening, [plain, full, Ballot("d-1", "c", "y")])

    assert votes[0] == {
        "agent_id": "a",
        "decision": "x",
        "reasoning": "because",
        "evidence": ["p"],
        "agent_weight": 2.0,
        "role": "agent",
        "domains": [],
        "scores": {"peer": [1]},
    }
    assert (votes[1]["confidence"], votes[1]["risk"]) == (0.5, "high")
    assert [vote["agent_id"] for vote in votes] == ["a", "b"]
    assert proposal["electorate"] == [
        {"agent_id": "a", "role": "agent", "agent_weight": 2.0},
        {"agent_id": "b", "role": "agent", "agent_weight": 1.0},
    ]
    votes[0]["scores"]["peer"].append(2)
    assert scores == {"peer": [1]}


def test_a_rule_of_ours_answers_dicts_as_they_come():
    votes = [
        {"agent_id": "a", "decision": "x"},
        {"agent_id": "b", "decision": "x", "agent_weight": 0.5},
        {"agent_id": "c", "decision": "abstain"},
        {"agent_id": "c", "decision": "abstain"},
    ]

    answer = WeightedVoting().evaluate_proposal({}, votes)
    of_few = WeightedVoting().evaluate_proposal(
        {"threshold": 0.8, "choices": ["x", "y"], "electorate": [{"agent_id": "a"}, {"agent_id": "b"}]}, votes
    )

    assert answer == {
        "consensus": True,
        "decision": "x",
        "strength": 0.6,
        "reason": "x has 1.5 of 2.5 eligible; at least 0.6 needed",
    }
    assert (of_few["decision"], of_few["strength"]) == ("x", 1.0)
    assert SimpleMajority().evaluate_proposal({}, [])["consensus"] is False


class Grade(StrEnum):
    GOOD = "good"


class Scalar:
    """What numerical libraries return: not a number of Python's, but with a `tolist` that gives one."""

    def __init__(self, value: object) -> None:
        self.value = value

    def tolist(self) -> object:
        return self.value


def answered(answer: object) -> Ruling:
    return ruling_from(answer, tally_of(opening_of((1, 1, 0)), ballots_of("x-y")))


def test_an_answer_becomes_a_ruling():
    said = {"consensus": True, "decision": "x", "strength": 0.6, "reason": "so", "level": (1, None, {"a": Grade.GOOD})}

    assert answered(said) == Ruling(
        Outcome.REACHED, Reason.POLICY_AGREED, "x", Fraction(3, 5), "so", {"level": [1, None, {"a": "good"}]}
    )
    assert answered({"consensus": True, "decision": "x", "strength": Fraction(2, 3)}) == Ruling(
        Outcome.REACHED, Reason.POLICY_AGREED, "x", Fraction(2, 3), "the policy agreed on x"
    )
    assert answered({"consensus": False, "decision": "nobody's", "share": Fraction(1, 2)}) == Ruling(
        Outcome.NOT_REACHED, Reason.POLICY_DECLINED, None, Fraction(0), "the policy did not agree", {"share": 0.5}
    )


def test_numbers_of_numerical_libraries_are_taken_as_plain_ones():
    said = {"consensus": Scalar(True), "decision": "x", "strength": Scalar(0.75), "mean": Scalar([0.5, 1])}

    assert answered(said) == Ruling(
        Outcome.REACHED, Reason.POLICY_AGREED, "x", Fraction(3, 4), "the policy agreed on x", {"mean": [0.5, 1]}
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "it answered a NoneType, not a dict"),
        ([("consensus", True)], "it answered a list, not a dict"),
        ({}, "its 'consensus' is None, not True or False"),
        ({"consensus": "yes", "decision": "x"}, "its 'consensus' is 'yes', not True or False"),
        ({"consensus": 1, "decision": "x"}, "its 'consensus' is 1, not True or False"),
        ({"consensus": True, "decision": "z"}, "it decided for 'z', which nobody with weight cast"),
        ({"consensus": True, "decision": "y"}, "it decided for 'y', which nobody with weight cast"),
        ({"consensus": True, "decision": "abstain"}, "it decided for 'abstain', which nobody with weight cast"),
        ({"consensus": True, "decision": ["x"]}, "it decided for ['x'], which nobody with weight cast"),
        ({"consensus": True}, "it decided for None, which nobody with weight cast"),
        ({"consensus": True, "decision": "x", "strength": 5.0}, "its 'strength' is 5.0, not a number in [0, 1]"),
        ({"consensus": True, "decision": "x", "strength": -0.1}, "its 'strength' is -0.1, not a number in [0, 1]"),
        ({"consensus": True, "decision": "x", "strength": True}, "its 'strength' is True, not a number in [0, 1]"),
        ({"consensus": True, "decision": "x", "strength": "1"}, "its 'strength' is '1', not a number in [0, 1]"),
        (
            {"consensus": True, "decision": "x", "strength": float("nan")},
            "its answer holds nan, which JSON cannot carry",
        ),
        ({"consensus": False, "strength": float("inf")}, "its answer holds inf, which JSON cannot carry"),
        ({"consensus": False, "mean": Scalar(float("nan"))}, "its answer holds nan, which JSON cannot carry"),
        ({"consensus": False, "seen": {1}}, "its answer holds {1}, which JSON cannot carry"),
        ({"consensus": False, "n": 2**53}, "its answer holds 9007199254740992, which JSON cannot carry"),
    ],
    ids=named,
)
def test_b76_an_answer_that_cannot_be_is_the_policys_error(answer: object, why: str):
    assert answered(answer) == Ruling(Outcome.ERROR, Reason.POLICY_ERROR, explanation=f"the policy failed: {why}")


@pytest.mark.parametrize(
    ("ruling", "why"),
    [
        (None, "it answered a NoneType, not a Ruling"),
        ({"consensus": True}, "it answered a dict, not a Ruling"),
        (Ruling(Outcome.REACHED, Reason.POLICY_AGREED), "it decided for None, which nobody with weight cast"),
        (Ruling(Outcome.REACHED, Reason.POLICY_AGREED, "y"), "it decided for 'y', which nobody with weight cast"),
        (
            Ruling(Outcome.REACHED, Reason.POLICY_AGREED, "x", Fraction(3, 2)),
            "its strength is Fraction(3, 2), not an exact share in [0, 1]",
        ),
        (
            Ruling(Outcome.NOT_REACHED, Reason.NO_CONSENSUS, None, 0.5),  # type: ignore[arg-type]
            "its strength is 0.5, not an exact share in [0, 1]",
        ),
    ],
    ids=named,
)
def test_b76_a_ruling_that_cannot_be_is_the_policys_error(ruling: object, why: str):
    tally = tally_of(opening_of(), ballots_of("x-"))

    assert checked(ruling, tally).explanation == f"the policy failed: {why}"
    assert checked(ruling, tally).outcome is Outcome.ERROR


def test_a_sound_ruling_is_left_as_it_is():
    tally = tally_of(opening_of(), ballots_of("x-"))
    escalated = Ruling(Outcome.ESCALATED, Reason.NO_CONSENSUS)
    reached = Ruling(Outcome.REACHED, Reason.POLICY_AGREED, "x", Fraction(1))

    assert checked(escalated, tally) is escalated
    assert checked(reached, tally) is reached


def test_a_policy_written_in_values_answers_dicts_and_its_details_with_them():
    class Values(ConsensusPolicy):
        name = "values"

        def evaluate(self, opening: Opening, tally: Tally, ballots: Any) -> Ruling:
            del opening, ballots
            details: Mapping[str, Any] = {"heads": sum(tally.heads.values())}
            return Ruling(Outcome.REACHED, Reason.POLICY_AGREED, "x", Fraction(1), "of course", details)

    answer = Values().evaluate_proposal({}, [{"agent_id": "a", "decision": "x"}])

    assert answer == {"consensus": True, "decision": "x", "strength": 1.0, "reason": "of course", "heads": 1}


def test_nothing_is_known_of_the_margin_of_a_users_policy():
    opening, ballots = opening_of(), ballots_of("xx")
    policy = Answering({"consensus": False})
    tally = tally_of(opening, ballots)

    assert policy.margin(opening, tally, ballots, policy.evaluate(opening, tally, ballots)) == (None, ())

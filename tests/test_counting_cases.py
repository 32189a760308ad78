"""Cases in which published systems counted wrongly, each decided here as it must be."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.model import (
    ABSTAIN,
    Agent,
    Ballot,
    Basis,
    Decision,
    Opening,
    Outcome,
    Parameters,
    Proposal,
    Reason,
    RejectionReason,
    TieBreak,
)
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide, freeze, is_settled
from maos_flows.policies.registry import built_in_policies
from maos_flows.quorum import MAJORITY, Threshold, parse_fraction
from tests.strategies import NOON, ballots_of, opening_of

POLICIES = built_in_policies()
SIMPLE, SUPER, WEIGHTED = POLICIES["simple_majority"], POLICIES["supermajority"], POLICIES["weighted_voting"]


def ended(
    votes: str,
    *,
    of: int | Sequence[Fraction | int | str] = 5,
    policy: ConsensusPolicy = SIMPLE,
    threshold: str | None = None,
    **parameters,
) -> Decision:
    """Decide among so many agents, or agents of such weights, who voted in this order."""
    weights = [1] * of if isinstance(of, int) else of
    share = policy.threshold(None if threshold is None else parse_fraction(threshold))
    opening = opening_of(weights, "wxyz", parameters=Parameters(share, **parameters))
    return decide(policy, opening, ballots_of(votes))


def end_of(decision: Decision) -> tuple[Outcome, Reason, str | None]:
    return decision.outcome, decision.reason, decision.choice


NOT = Outcome.NOT_REACHED
TWO_THIRDS, AS_067 = "2/3", "0.67"


def reached(choice: str) -> tuple[Outcome, Reason, str]:
    return Outcome.REACHED, Reason.THRESHOLD_MET, choice


def test_b01_a_stranger_changes_no_tally():
    with_stranger = decide(SIMPLE, opening_of(), (*ballots_of("xxyy"), Ballot("d-1", "mallory", "x")))

    assert end_of(with_stranger) == (NOT, Reason.TIE, None)
    assert with_stranger.tally == decide(SIMPLE, opening_of(), ballots_of("xxyy")).tally
    assert [refused.reason for refused in with_stranger.rejected] == [RejectionReason.UNKNOWN_VOTER]


def test_b02_a_ballot_cast_three_times_counts_once():
    once = ballots_of("xx")

    thrice = decide(SIMPLE, opening_of(), once * 3)

    assert end_of(thrice) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert thrice == decide(SIMPLE, opening_of(), once)


def test_b08_two_agents_of_one_id_are_refused():
    proposal = Proposal("d-1", "Which?", ("x", "y"))

    with pytest.raises(ConfigurationError, match="agents: 'ann' and 'ann' are the same name"):
        freeze(SIMPLE, proposal, [Agent("ann"), Agent("ann", "chief")], Parameters(), opened_at=NOON)


@pytest.mark.parametrize("twin", ["Alice", "alice ", "ＡLICE"])  # noqa: RUF001 - what looks alike is what is meant
def test_b09_a_variant_of_an_id_never_makes_two_voters(twin: str):
    proposal = Proposal("d-1", "Which?", ("x", "y"))
    opening = freeze(SIMPLE, proposal, [Agent("alice"), Agent("bob"), Agent("cid")], Parameters(), opened_at=NOON)

    decided = decide(SIMPLE, opening, [Ballot("d-1", "alice", "x"), Ballot("d-1", twin, "x")])

    assert decided.tally.units == {"x": 1, "y": 0}
    with pytest.raises(ConfigurationError, match="are the same name"):
        freeze(SIMPLE, proposal, [Agent("alice"), Agent(twin)], Parameters(), opened_at=NOON)


@pytest.mark.parametrize("name", ["doctor_evil", "not-medical-at-all"])
def test_b10_a_claim_in_a_name_weighs_nothing(name: str):
    proposal = Proposal("d-1", "Which therapy?", ("x", "y"), domains=("medicine",))
    agents = [Agent("mary", domains=("medicine",)), Agent(name), Agent("bob")]
    opening = freeze(WEIGHTED, proposal, agents, Parameters(), opened_at=NOON)

    assert [elector.weight for elector in opening.electorate.electors] == [2, 1, 1]


def test_b11_a_proposers_own_approval_is_not_counted_where_it_may_not_be():
    opening = opening_of(parameters=Parameters(self_approval=False))
    opening = replace(opening, proposal=replace(opening.proposal, proposer="a"))

    assert end_of(decide(SIMPLE, opening, ballots_of("xxxyy"))) == (NOT, Reason.TIE, None)
    assert end_of(decide(SIMPLE, opening, ballots_of("xxxxy"))) == reached("x")


def test_b16_being_in_the_minority_changes_nobodys_weight():
    opening = opening_of((2, 1, 1, 1, 1))
    before = opening.electorate

    for _ in range(20):
        assert end_of(decide(WEIGHTED, opening, ballots_of("yxxxx"))) == reached("x")

    assert opening.electorate == before == opening_of((2, 1, 1, 1, 1)).electorate


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_b22_no_ballots_is_not_reached(policy: ConsensusPolicy):
    assert end_of(ended("", policy=policy)) == (NOT, Reason.NO_BALLOTS, None)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_b23_an_empty_electorate_is_refused(policy: ConsensusPolicy):
    proposal = Proposal("d-1", "Which?", ("x", "y"))

    with pytest.raises(ConfigurationError, match="nobody may vote: the electorate is empty"):
        freeze(policy, proposal, [], Parameters(), opened_at=NOON)


def test_b24_the_first_yes_of_five_with_a_threshold_of_one_is_not_the_end():
    opening = opening_of(parameters=Parameters(Threshold(Fraction(1))))

    assert not is_settled(SIMPLE, opening, ballots_of("x"), ["b", "c", "d", "e"])
    assert end_of(decide(SIMPLE, opening, ballots_of("x"))) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert end_of(decide(SIMPLE, opening, ballots_of("xxxxx"))) == reached("x")


def test_b25_two_of_four_is_no_majority():
    assert end_of(ended("xxyz", of=4, threshold="0.5")) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert end_of(ended("xxxy", of=4, threshold="0.5")) == reached("x")


def test_b26_two_of_three_is_two_thirds_and_is_not_067():
    assert end_of(ended("xxy", of=3, policy=SUPER, threshold=TWO_THIRDS)) == reached("x")
    assert end_of(ended("xxy", of=3, policy=SUPER, threshold=AS_067)) == (NOT, Reason.BELOW_THRESHOLD, None)


def test_b27_tenths_add_up():
    tenths = ["0.1"] * 15

    assert end_of(ended("x" * 12 + "yyy", of=tenths, policy=WEIGHTED, threshold="0.8")) == reached("x")
    assert end_of(ended("x" * 9 + "y" * 6, of=tenths, policy=WEIGHTED, threshold="0.6")) == reached("x")
    assert end_of(ended("x" * 8 + "y" * 7, of=tenths, policy=WEIGHTED, threshold="0.6")) == (
        NOT,
        Reason.BELOW_THRESHOLD,
        None,
    )


def test_b28_066_of_four_needs_three():
    assert end_of(ended("xx..", of=4, policy=WEIGHTED, threshold="0.66")) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert end_of(ended("xxx.", of=4, policy=WEIGHTED, threshold="0.66")) == reached("x")


@pytest.mark.parametrize("basis", Basis)
def test_b29_all_abstaining_is_not_reached(basis: Basis):
    assert end_of(ended("-----", basis=basis)) == (NOT, Reason.ALL_ABSTAINED, None)


def test_b30_an_abstention_raises_participation_and_the_basis_says_whether_the_threshold_too():
    assert end_of(ended("xx-.", of=4, min_participants=3, basis=Basis.DECISIVE)) == reached("x")
    assert end_of(ended("xx..", of=4, min_participants=3, basis=Basis.DECISIVE)) == (
        NOT,
        Reason.TOO_FEW_PARTICIPANTS,
        None,
    )
    assert end_of(ended("xxy--", policy=WEIGHTED, basis=Basis.DECISIVE)) == reached("x")
    assert end_of(ended("xxy--", policy=WEIGHTED, basis=Basis.CAST)) == (NOT, Reason.BELOW_THRESHOLD, None)


@pytest.mark.parametrize("votes", ["xxyy", "yyxx", "xyxy", "yxxy"])
def test_b31_a_tie_is_a_tie_in_every_order(votes: str):
    for cast in (ballots_of(votes), ballots_of(votes)[::-1]):
        decided = decide(SIMPLE, opening_of((1, 1, 1, 1)), cast)

        assert end_of(decided) == (NOT, Reason.TIE, None)
        assert decided.explanation == "x and y have 2 of 4 eligible each; more than half needed"


@pytest.mark.parametrize(
    ("tie_break", "end"),
    [
        (TieBreak.NONE, (NOT, Reason.TIE, None)),
        (TieBreak.REVOTE, (NOT, Reason.TIE, None)),
        (TieBreak.HUMAN, (Outcome.ESCALATED, Reason.TIE, None)),
        (TieBreak.CHAIR, reached("y")),
    ],
)
def test_b31_a_tie_leads_where_the_rule_says(tie_break: TieBreak, end: tuple[Outcome, Reason, str | None]):
    assert end_of(ended("xxyy", of=4, tie_break=tie_break, chair="d")) == end


def test_b33_an_option_is_matched_by_rule_not_by_luck():
    opening = opening_of(choices=("MongoDB", "PostgreSQL"))
    cast = ["MongoDB ", "MongoDB", "mongodb", "", "Redis"]

    decided = decide(SIMPLE, opening, [Ballot("d-1", name, choice) for name, choice in zip("abcde", cast, strict=True)])

    assert decided.tally.heads == {"MongoDB": 2, "PostgreSQL": 0}
    assert [refused.reason for refused in decided.rejected] == [RejectionReason.INVALID_CHOICE] * 3


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e309", "True", "heavy", ""])
def test_b34_a_weight_that_is_no_weight_is_not_read(text: str):
    with pytest.raises(ConfigurationError, match=r"agents\[0\]\.weight"):
        parse_fraction(text, path="agents[0].weight")


def test_b34_an_adviser_is_shown_and_counts_for_nothing():
    decided = ended("xxyyx", of=(1, 1, 1, 1, 0), min_participants=4)

    assert end_of(decided) == (NOT, Reason.TIE, None)
    assert (decided.tally.participants, decided.tally.eligible, decided.tally.heads["x"]) == (4, 4, 3)
    assert end_of(ended("xxx.y", of=(1, 1, 1, 1, 0), min_participants=4)) == (NOT, Reason.TOO_FEW_PARTICIPANTS, None)


def test_b35_what_a_ballot_says_of_its_weight_or_confidence_counts_for_nothing():
    loud = [
        replace(ballot, attributes={"weight": 1e9, "agent_weight": 1e9, "confidence": 1e9}, confidence=Fraction(1))
        for ballot in ballots_of("xx")
    ]
    opening = opening_of()

    decided = decide(WEIGHTED, opening, (*loud, *ballots_of("..yyy")))

    assert end_of(decided) == reached("y")
    too_sure = [replace(ballot, confidence=Fraction(10**9)) for ballot in loud]
    assert [refused.reason for refused in decide(WEIGHTED, opening, too_sure).rejected] == [
        RejectionReason.INVALID_CONFIDENCE
    ] * 2


@pytest.mark.parametrize("basis", Basis)
def test_b36_a_ballot_against_never_helps(basis: Basis):
    without = ended("xx...", basis=basis, policy=WEIGHTED)
    against = ended("xxy..", basis=basis, policy=WEIGHTED)

    assert against.strength <= without.strength
    assert end_of(against)[2] in {None, end_of(without)[2]}


def test_b37_weights_that_sum_to_nothing_are_refused():
    proposal = Proposal("d-1", "Which?", ("x", "y"))
    agents = [Agent("ann", weight=Fraction(0)), Agent("bob", weight=Fraction(0))]

    with pytest.raises(ConfigurationError, match="the weights sum to 0"):
        freeze(WEIGHTED, proposal, agents, Parameters(), opened_at=NOON)


def test_b38_what_is_shown_is_the_exact_tally():
    decided = ended("xy", of=("0.95", "1/3"), policy=WEIGHTED)

    assert decided.explanation == "x has 0.95 of 77/60 eligible; at least 0.6 needed"
    assert decided.tally.weight("x") == Fraction(19, 20)
    assert decided.strength == Fraction(57, 77)


def test_b39_one_heavy_weight_cannot_pass_alone_where_three_must_take_part():
    weights = (9, 1, 1, 1)

    assert end_of(ended("x", of=weights, policy=WEIGHTED, min_participants=3)) == (
        NOT,
        Reason.TOO_FEW_PARTICIPANTS,
        None,
    )
    passed = ended("xyy", of=weights, policy=WEIGHTED, min_participants=3)
    assert (end_of(passed), passed.decisive) == (reached("x"), ("a",))


def test_b40_a_plurality_is_no_majority():
    assert end_of(ended("xxyzw")) == (NOT, Reason.BELOW_THRESHOLD, None)


@pytest.mark.parametrize("ranked", [["x", "y"], ["x", "x"], ["?", "x"], ("x",)], ids=repr)
def test_b41_a_ranked_ballot_is_invalid(ranked: object):
    decided = decide(SIMPLE, opening_of(), (*ballots_of(".xx"), Ballot("d-1", "a", ranked)))  # type: ignore[arg-type]

    assert end_of(decided) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert [refused.reason for refused in decided.rejected] == [RejectionReason.INVALID_CHOICE]


def test_b43_a_ballot_a_millisecond_late_is_recorded_and_not_counted():
    opening = opening_of()
    opening = replace(opening, proposal=replace(opening.proposal, deadline=NOON))
    in_time = [replace(ballot, received_at=NOON) for ballot in ballots_of("xx")]
    late = Ballot("d-1", "c", "x", received_at=NOON + timedelta(milliseconds=1), attributes={"cast_at": "11:59"})

    decided = decide(SIMPLE, opening, (*in_time, late))

    assert end_of(decided) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert [(refused.ballot, refused.reason) for refused in decided.rejected] == [(late, RejectionReason.LATE)]


def freeze_three(agents: Sequence[Agent], parameters: Parameters) -> Opening:
    return freeze(SIMPLE, Proposal("d-1", "Which?", ("x", "y")), agents, parameters, opened_at=NOON)


def test_b48_an_agent_removed_in_the_middle_still_is_in_the_denominator():
    agents = [Agent("a"), Agent("b"), Agent("c"), Agent("d")]
    opening = freeze_three(agents, Parameters())
    agents.pop()

    assert end_of(decide(SIMPLE, opening, ballots_of("xx"))) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert end_of(decide(SIMPLE, opening, ballots_of("xx.x"))) == reached("x")


def test_b49_an_agent_added_in_the_middle_cannot_vote_in_this_round():
    agents = [Agent("a"), Agent("b"), Agent("c")]
    opening = freeze_three(agents, Parameters())
    agents.append(Agent("d"))

    decided = decide(SIMPLE, opening, ballots_of("x..x"))

    assert end_of(decided) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert [refused.reason for refused in decided.rejected] == [RejectionReason.UNKNOWN_VOTER]


def test_b50_a_rule_changed_after_opening_holds_from_the_next_decision_on():
    agents = [Agent("a"), Agent("b"), Agent("c")]
    strict, mild = Parameters(Threshold(Fraction(1))), Parameters(MAJORITY)
    opening = freeze_three(agents, strict)
    first = decide(SIMPLE, opening, ballots_of("xxy"))
    agents[2] = Agent("c", weight=Fraction(0))

    later = freeze_three(agents, mild)

    assert end_of(decide(SIMPLE, opening, ballots_of("xxy"))) == end_of(first) == (NOT, Reason.BELOW_THRESHOLD, None)
    assert end_of(decide(SIMPLE, later, ballots_of("xxy"))) == reached("x")


def test_b51_a_decision_is_settled_only_when_no_ballot_can_change_it():
    opening = opening_of((1, 1, 1, 1, 1))

    assert not is_settled(SIMPLE, opening, ballots_of("xx"), ["c", "d", "e"])
    assert is_settled(SIMPLE, opening, ballots_of("xxx"), ["d", "e"])
    assert not is_settled(SIMPLE, opening_of((1, 1, 1, 3, 1)), ballots_of("xxx"), ["d", "e"])


def test_b56_a_veto_with_a_right_and_a_reason_ends_it():
    opening = opening_of(parameters=Parameters(veto=("e",)))
    veto = Ballot("d-1", "e", "y", veto=True, reasoning="it is not safe")

    vetoed = decide(SIMPLE, opening, (*ballots_of("xxxx"), veto))

    assert end_of(vetoed) == (NOT, Reason.VETOED, None)
    assert vetoed.explanation == "vetoed by e: it is not safe"
    without_right = replace(veto, agent_id="d")
    assert end_of(decide(SIMPLE, opening, (*ballots_of("xxx"), without_right))) == reached("x")
    without_reason = decide(SIMPLE, opening, (*ballots_of("xxxx"), replace(veto, reasoning=" ")))
    assert end_of(without_reason) == reached("x")
    assert [refused.reason for refused in without_reason.rejected] == [RejectionReason.VETO_WITHOUT_REASON]


@pytest.mark.parametrize("choice", ["false", "no", 0, None, False, ""], ids=repr)
def test_b58_nothing_is_read_into_a_ballot(choice: object):
    opening = opening_of(choices=("approve", "reject"))

    decided = decide(SIMPLE, opening, [Ballot("d-1", name, choice) for name in "abcde"])  # type: ignore[arg-type]

    assert end_of(decided) == (NOT, Reason.NO_BALLOTS, None)
    assert decided.tally.heads == {"approve": 0, "reject": 0}
    assert [refused.reason for refused in decided.rejected] == [RejectionReason.INVALID_CHOICE] * 5


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), 5.0, -1, None, "1"], ids=repr)
def test_b76_a_strength_that_is_none_is_the_policys_error(strength: object):
    class Strong(ConsensusPolicy):
        name = "strong"

        def evaluate_proposal(self, proposal, votes):
            del proposal
            return {"consensus": True, "decision": votes[0]["decision"], "strength": strength}

    assert end_of(decide(Strong(), opening_of(), ballots_of("xxx"))) == (Outcome.ERROR, Reason.POLICY_ERROR, None)


def test_an_abstention_is_for_nobody():
    decided = ended("xx-yy")

    assert (decided.tally.abstained, decided.tally.participants) == (1, 5)
    assert ABSTAIN not in decided.tally.units
    assert all(lost.choice != ABSTAIN for lost in decided.dissent)

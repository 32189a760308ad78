"""Which ballots count: one rule, whatever order they come in and whatever they hold."""

from dataclasses import replace
from datetime import timedelta, timezone
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.model import ABSTAIN, Ballot, Parameters, RejectionReason, Risk
from maos_flows.records import from_plain, to_plain
from maos_flows.scrutiny import fold, may_veto, scrutinise, tidy, vetoes
from tests.naming import named
from tests.strategies import NOON, ballots_of, opening_of


def ballot(agent_id: Any = "a", choice: Any = "x", **fields: Any) -> Ballot:
    return Ballot("d-1", agent_id, choice, **fields)


def reasons(*ballots: Ballot, opening=None) -> list[RejectionReason]:
    return [refused.reason for refused in scrutinise(ballots, opening or opening_of()).rejected]


@pytest.mark.parametrize(("one", "other"), [("Alice", "alice "), ("Ａlice", "alice"), ("a  b", "A B"), ("ß", "SS")])  # noqa: RUF001 - what looks alike is what is meant
def test_b09_names_that_differ_in_case_space_or_form_are_one(one: str, other: str):
    assert fold(one) == fold(other)


def test_b33_a_choice_is_normalised_by_rule_and_case_is_kept():
    assert tidy(" MongoDB ") == "MongoDB"
    assert tidy("Cafe\N{COMBINING ACUTE ACCENT}") == "Café"
    assert tidy("mongodb") == "mongodb"


def test_b33_what_is_no_choice_is_recorded_and_never_a_new_choice():
    opening = opening_of(choices=("MongoDB", "DynamoDB"))
    cast = [ballot("a", "MongoDB "), ballot("b", "mongodb"), ballot("c", ""), ballot("d", "Redis")]

    sorted_out = scrutinise([*cast, ballot("e", " abstain")], opening)

    assert [counted.choice for counted in sorted_out.counted] == ["MongoDB", ABSTAIN]
    assert [refused.ballot for refused in sorted_out.rejected] == cast[1:]
    assert {refused.reason for refused in sorted_out.rejected} == {RejectionReason.INVALID_CHOICE}
    assert sorted_out.rejected[2].explanation == "'Redis' is not a choice; allowed: MongoDB, DynamoDB, abstain"


@pytest.mark.parametrize(
    "choice",
    [False, True, 0, 1, 1.0, None, ["x", "y"], ("x",), ["x", "x", "?"], {"x": 1}, {"x"}, b"x", float("nan"), object()],
    ids=named,
)
def test_b41_b58_a_choice_that_is_no_text_is_invalid(choice: object):
    sorted_out = scrutinise([ballot("a", choice), ballot("b", "y")], opening_of())

    assert [counted.agent_id for counted in sorted_out.counted] == ["b"]
    assert [refused.reason for refused in sorted_out.rejected] == [RejectionReason.INVALID_CHOICE]
    assert sorted_out.rejected[0].ballot.choice.startswith(type(choice).__name__)


@pytest.mark.parametrize("choice", ["false", "no", "0", "null", "", "X", "x y", "x."])
def test_b58_a_text_that_only_resembles_a_choice_is_invalid(choice: str):
    assert reasons(ballot(choice=choice)) == [RejectionReason.INVALID_CHOICE]


@pytest.mark.parametrize(
    "confidence",
    [Fraction(-1, 100), Fraction(101, 100), Fraction(10**9), 5, 0.9, float("nan"), float("inf"), True, "high", [1]],
    ids=named,
)
def test_b35_a_confidence_that_is_no_exact_share_is_invalid_and_never_clamped(confidence: object):
    assert reasons(ballot(confidence=confidence)) == [RejectionReason.INVALID_CONFIDENCE]


@pytest.mark.parametrize("confidence", [None, Fraction(0), Fraction(1, 3), Fraction(1)])
def test_a_confidence_in_0_to_1_or_none_is_valid(confidence: Fraction | None):
    assert reasons(ballot(confidence=confidence)) == []


@pytest.mark.parametrize("agent_id", [None, 5, ["a"], b"a"], ids=named)
def test_b01_an_author_that_is_no_text_is_unknown(agent_id: object):
    assert reasons(ballot(agent_id)) == [RejectionReason.UNKNOWN_VOTER]


@pytest.mark.parametrize("reasoning", [None, 5, ["because"]], ids=named)
def test_a_reasoning_that_is_no_text_is_none(reasoning: object):
    counted = scrutinise([ballot(reasoning=reasoning)], opening_of()).counted

    assert [valid.reasoning for valid in counted] == [""]


rubbish = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.lists(st.integers(), max_size=2)
)


@given(st.lists(st.tuples(rubbish, rubbish, rubbish, rubbish), max_size=4))
def test_rubbish_is_rejected_in_a_form_that_is_recorded_and_rejected_again(fields):
    opening = opening_of(choices=("0", "1"))
    cast = [ballot(who, what, confidence=how, reasoning=why) for who, what, how, why in fields]

    rejected = scrutinise(cast, opening).rejected

    assert len(rejected) == len(cast)
    read = [from_plain(Ballot, to_plain(refused.ballot)) for refused in rejected]
    assert read == [refused.ballot for refused in rejected]
    assert [again.reason for again in scrutinise(read, opening).rejected] == [refused.reason for refused in rejected]


def test_b01_a_ballot_of_somebody_unknown_is_recorded_and_not_counted():
    sorted_out = scrutinise([ballot("mallory"), ballot("a")], opening_of())

    assert [counted.agent_id for counted in sorted_out.counted] == ["a"]
    assert [refused.reason for refused in sorted_out.rejected] == [RejectionReason.UNKNOWN_VOTER]
    assert sorted_out.rejected[0].explanation == "'mallory' is not in the electorate"


def test_b06_a_ballot_for_another_decision_or_round_does_not_count():
    assert reasons(replace(ballot(), decision_id="d-2")) == [RejectionReason.WRONG_DECISION]
    assert reasons(ballot(round=2)) == [RejectionReason.WRONG_ROUND]


def test_b43_a_ballot_after_the_deadline_is_late_however_little():
    opening = opening_of()
    opening = replace(opening, proposal=replace(opening.proposal, deadline=NOON))
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))
    cast = [
        ballot("a", received_at=NOON + timedelta(milliseconds=1), attributes={"timestamp": "2020-01-01T00:00:00Z"}),
        ballot("b", received_at=NOON),
        ballot("c", received_at=elsewhere),
        ballot("d", received_at=elsewhere + timedelta(microseconds=1)),
        ballot("e"),
    ]

    sorted_out = scrutinise(cast, opening)

    assert [counted.agent_id for counted in sorted_out.counted] == ["b", "c", "e"]
    assert {refused.reason for refused in sorted_out.rejected} == {RejectionReason.LATE}
    assert sorted_out.rejected[0].explanation == "it arrived 0:00:00.001000 after the deadline"


def test_b11_a_proposers_own_ballot_does_not_count_where_self_approval_is_off():
    opening = opening_of(parameters=Parameters(self_approval=False))
    opening = replace(opening, proposal=replace(opening.proposal, proposer="a"))
    with_it = replace(opening, parameters=Parameters())

    assert reasons(ballot("a"), ballot("b"), opening=opening) == [RejectionReason.OWN_PROPOSAL]
    assert reasons(ballot("a"), ballot("b"), opening=with_it) == []


def test_a_ballot_without_reasons_is_invalid_where_reasons_are_required():
    opening = opening_of(parameters=Parameters(justification_required=True))

    cast = [ballot("a"), ballot("b", reasoning=" "), ballot("c", reasoning="because")]

    assert reasons(*cast, opening=opening) == [RejectionReason.NO_JUSTIFICATION] * 2


def test_b56_a_veto_needs_a_right_and_a_reason():
    opening = opening_of(parameters=Parameters(veto=("a", "auditor")))
    electors = (*opening.electorate.electors[:3], replace(opening.electorate.electors[3], role="auditor"))
    opening = replace(opening, electorate=replace(opening.electorate, electors=electors))
    cast = [ballot(agent_id, "y", veto=True, reasoning="unsafe") for agent_id in "abd"]

    counted = scrutinise(cast, opening).counted

    assert [valid.agent_id for valid in counted] == ["a", "b", "d"]
    assert [valid.agent_id for valid in vetoes(counted, opening)] == ["a", "d"]
    assert [may_veto(elector, opening) for elector in electors] == [True, False, False, True]
    assert vetoes(counted, opening_of()) == ()
    without_reason = [ballot("a", veto=True), ballot("b", veto=True)]
    assert reasons(*without_reason, opening=opening) == [RejectionReason.VETO_WITHOUT_REASON]


@pytest.mark.parametrize("times", [2, 3])
def test_b02_the_same_ballot_again_counts_once(times: int):
    again = ballot(confidence=Fraction(1, 2), attributes={"score": {"a": 1, "b": 2}})
    reordered = replace(again, attributes={"score": {"b": 2, "a": 1}}, seconds=2.0)

    sorted_out = scrutinise([again] * (times - 1) + [reordered], opening_of())

    assert (len(sorted_out.counted), sorted_out.rejected, sorted_out.duplicates) == (1, (), times - 1)


@pytest.mark.parametrize(
    "other",
    [
        ballot(choice="y"),
        ballot(confidence=Fraction(1, 2)),
        ballot(reasoning="because"),
        ballot(evidence=("a paper",)),
        ballot(risk=Risk.HIGH),
        ballot(veto=True),
        ballot(attributes={"score": 1}),
    ],
    ids=["choice", "confidence", "reasoning", "evidence", "risk", "veto", "attributes"],
)
def test_a_different_ballot_of_the_same_agent_is_refused(other: Ballot):
    first, later = ballot(received_at=NOON), replace(other, received_at=NOON + timedelta(seconds=1))

    sorted_out = scrutinise([later, first], opening_of())

    assert sorted_out.counted == (first,)
    assert [(refused.ballot, refused.reason) for refused in sorted_out.rejected] == [
        (later, RejectionReason.CONFLICTING)
    ]
    assert sorted_out.rejected[0].explanation == "a had already cast a ballot for 'x' in round 1"


def test_the_earlier_of_two_ballots_is_the_earlier_instant_in_any_time_zone():
    early = ballot(choice="y", received_at=NOON.astimezone(timezone(timedelta(hours=11))))
    late = ballot(choice="x", received_at=(NOON + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=-11))))

    assert scrutinise([late, early], opening_of()).counted == (early,)


def test_an_invalid_ballot_does_not_stand_in_the_way_of_a_valid_one():
    sorted_out = scrutinise([ballot(choice="?", received_at=NOON), ballot(received_at=NOON)], opening_of())

    assert [counted.choice for counted in sorted_out.counted] == ["x"]
    assert [refused.reason for refused in sorted_out.rejected] == [RejectionReason.INVALID_CHOICE]


some_ballots = st.lists(
    st.builds(
        ballot,
        st.sampled_from(["a", "b", "c", "mallory"]),
        st.sampled_from(["x", "y", ABSTAIN, "?", 0]),
        round=st.sampled_from([1, 1, 1, 2]),
        confidence=st.sampled_from([None, Fraction(1, 2), Fraction(2), 0.5]),
        reasoning=st.sampled_from(["", "because"]),
        received_at=st.sampled_from([None, NOON, NOON + timedelta(seconds=1)]),
        seconds=st.sampled_from([0.0, 1.0]),
    ),
    max_size=6,
)


@given(some_ballots, st.randoms(use_true_random=False))
def test_b32_what_counts_does_not_depend_on_the_order_of_ballots(cast: list[Ballot], chance: Random):
    shuffled = list(cast)
    chance.shuffle(shuffled)

    assert scrutinise(shuffled, opening_of()) == scrutinise(cast, opening_of())


@given(some_ballots)
def test_every_ballot_is_counted_or_rejected_or_a_duplicate(cast: list[Ballot]):
    sorted_out = scrutinise(cast, opening_of())

    assert len(sorted_out.counted) + len(sorted_out.rejected) + sorted_out.duplicates == len(cast)
    assert len({counted.agent_id for counted in sorted_out.counted}) == len(sorted_out.counted)
    assert scrutinise(sorted_out.counted, opening_of()).counted == sorted_out.counted


def test_counted_ballots_are_listed_by_agent():
    assert scrutinise(reversed(ballots_of("xyx")), opening_of()).counted == ballots_of("xyx")

"""Opening a decision, refusing what cannot be, and recording all that a ruling came from."""

from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import settings as run

from maos_flows.errors import ConfigurationError
from maos_flows.model import (
    Absence,
    AbsenceKind,
    Agent,
    Ballot,
    Basis,
    Dissent,
    Elector,
    Fault,
    Opening,
    Outcome,
    Parameters,
    Proposal,
    Reason,
    RejectionReason,
    Roster,
    TieBreak,
    exact,
)
from maos_flows.policies.base import Weighing
from maos_flows.policies.deciding import check, decide, duplicates, freeze, is_settled
from maos_flows.policies.majority import SimpleMajority
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.quorum import Threshold
from tests.strategies import NOON, ballots_of, decisions_to_be, opening_of
from tests.user_policies import Answering, Meddling, Raising, ShareOfWeight

PROPOSAL = Proposal("d-1", "Which?", ("x", "y"))
AGENTS = (Agent("ann"), Agent("bob"), Agent("cid"))


def problems(
    proposal: Proposal = PROPOSAL, agents: tuple[Agent, ...] = AGENTS, parameters: Parameters | None = None
) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        freeze(WeightedVoting(), proposal, agents, parameters or Parameters(), opened_at=NOON)
    return [str(problem) for problem in refused.value.problems]


def test_freezing_keeps_what_the_roster_said_then():
    agent = Agent("ann", "chief", ("law",), Fraction(1, 2), public_key="k", voter="human")
    weighing = Weighing(roles={"chief": Fraction(4)})

    opening = freeze(WeightedVoting(), PROPOSAL, [agent, *AGENTS[1:]], Parameters(), opened_at=NOON, weighing=weighing)

    assert opening.electorate.elector("ann") == Elector(
        "ann",
        Fraction(2),
        "chief",
        ("law",),
        "human",
        "k",
        weight_reason="4 (role chief) x 1 (no expertise asked for) x 0.5 (own weight)",
    )
    assert opening.electorate.elector("eve") is None
    assert (opening.algorithm, opening.opened_at, opening.parameters) == ("weighted_voting", NOON, Parameters())
    with pytest.raises(FrozenInstanceError):
        opening.parameters.min_participants = 2  # type: ignore[misc]


def test_b33_choices_are_frozen_as_ballots_name_them():
    as_typed = replace(PROPOSAL, choices=(" MongoDB ", "Cafe\N{COMBINING ACUTE ACCENT}"))

    opening = freeze(SimpleMajority(), as_typed, AGENTS, Parameters(), opened_at=NOON)

    assert opening.proposal.choices == ("MongoDB", "Café")


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (("ann", "ann"), "agents: 'ann' and 'ann' are the same name"),
        (("Ann", "ann "), "agents: 'ann ' and 'Ann' are the same name"),
        (("ﬁn", "FIN"), "agents: 'FIN' and 'ﬁn' are the same name"),
    ],
)
def test_b08_b09_one_name_twice_is_refused(ids: tuple[str, str], said: str):
    agents = tuple(Agent(agent_id) for agent_id in ids)

    assert problems(agents=agents) == [said]


def test_names_are_compared_whether_or_not_they_are_one_text_in_memory():
    name = "ann"

    assert len(duplicates("agents", [name, name, name.upper().lower()])) == 2
    assert duplicates("agents", ["ann", "bob"]) == ()


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ((), "choices: at least two are needed"),
        (("x",), "choices: at least two are needed"),
        (("x", " X"), "choices: 'X' and 'x' are the same name"),
        (("x", "  "), "choices: a choice is empty"),
        (("x", "Abstain"), "choices: 'abstain' is always allowed and cannot be one of them"),
    ],
)
def test_choices_that_cannot_be_decided_between_are_refused(choices: tuple[str, ...], said: str):
    assert problems(replace(PROPOSAL, choices=choices)) == [said]


def test_an_empty_choice_is_found_before_it_is_tidied():
    opening = opening_of(choices=("x", " "))

    assert [problem.message for problem in check(opening.proposal, opening.electorate, Parameters())] == [
        "a choice is empty"
    ]


def test_b23_an_empty_electorate_is_refused():
    assert problems(agents=()) == ["agents: nobody may vote: the electorate is empty"]


def test_b34_weights_that_are_no_weights_are_refused():
    assert problems(agents=(Agent("ann", weight=Fraction(-1)), Agent("bob"))) == ["weight: negative for ann"]
    nonsense = [float("nan"), float("inf"), 0.5, True, "heavy", None]
    for weight in nonsense:

        class Odd(ShareOfWeight):
            def weigh(self, agent, proposal, weighing, weight=weight):
                del agent, proposal, weighing
                return weight, "odd"

        with pytest.raises(ConfigurationError, match=f"weight: {weight!r} for ann is not an exact number"):
            freeze(Odd(), PROPOSAL, AGENTS[:1], Parameters(), opened_at=NOON)


def test_b37_weights_that_sum_to_nothing_are_refused():
    advisers = (Agent("ann", weight=Fraction(0)), Agent("bob", weight=Fraction(0)))

    assert problems(agents=advisers) == ["weight: the weights sum to 0, so nothing could ever be decided"]


@pytest.mark.parametrize("needed", [-1, 0, 3])
def test_b74_more_participants_than_there_are_is_refused(needed: int):
    agents = (*AGENTS[:2], Agent("cid", weight=Fraction(0)))

    said = problems(agents=agents, parameters=Parameters(min_participants=needed))

    assert said == [f"min_participants: {needed} is not in 1..2, the size of the electorate"]


def test_vetoes_and_chairs_must_be_in_the_electorate():
    agents = (Agent("ann", "auditor"), Agent("bob"), Agent("cid", weight=Fraction(0)))

    assert problems(agents=agents, parameters=Parameters(veto=("ann", "auditor", "eve"))) == [
        "veto: 'eve' is neither an agent nor a role of the electorate"
    ]
    assert problems(agents=agents, parameters=Parameters(tie_break=TieBreak.CHAIR)) == [
        "chair: tie_break: chair needs one"
    ]
    for chair in ("eve", "cid"):
        assert problems(agents=agents, parameters=Parameters(tie_break=TieBreak.CHAIR, chair=chair)) == [
            f"chair: {chair!r} is not an agent with weight in the electorate"
        ]


def test_b11_a_threshold_out_of_reach_without_the_proposer_is_refused():
    proposed = replace(PROPOSAL, proposer="ann")
    alone = Parameters(Threshold(Fraction(1)), min_participants=3, self_approval=False)
    tail = "cannot be met without the ballot of the proposer 'ann', which does not count"

    assert problems(proposed, parameters=alone) == [
        f"self_approval: the threshold {tail}",
        f"self_approval: min_participants {tail}",
    ]
    assert problems(proposed, agents=AGENTS[:1], parameters=Parameters(basis=Basis.CAST, self_approval=False)) == [
        f"self_approval: the threshold {tail}",
        f"self_approval: min_participants {tail}",
    ]


@pytest.mark.parametrize(
    ("proposer", "parameters"),
    [
        (None, Parameters(Threshold(Fraction(1)), self_approval=False)),
        ("ann", Parameters(Threshold(Fraction(1)))),
        ("ann", Parameters(Threshold(Fraction(2, 3)), min_participants=2, self_approval=False)),
        ("ann", Parameters(Threshold(Fraction(1)), basis=Basis.CAST, self_approval=False)),
        ("eve", Parameters(Threshold(Fraction(1)), min_participants=3, self_approval=False)),
    ],
)
def test_b11_a_threshold_within_reach_without_the_proposer_is_accepted(proposer: str | None, parameters: Parameters):
    proposed = replace(PROPOSAL, proposer=proposer)

    assert freeze(WeightedVoting(), proposed, AGENTS, parameters, opened_at=NOON).parameters == parameters


def test_all_problems_are_named_at_once():
    agents = (Agent("ann", weight=Fraction(-1)), Agent("Ann"))
    parameters = Parameters(min_participants=9, veto=("eve",), tie_break=TieBreak.CHAIR)

    paths = [said.split(":")[0] for said in problems(replace(PROPOSAL, choices=("x",)), agents, parameters)]

    assert paths == ["agents", "choices", "weight", "min_participants", "veto", "chair"]


def test_a_decision_holds_all_it_came_from():
    opening = opening_of((2, 1, 1, 1, 0), "xyz")
    late = Ballot("d-1", "eve", "x")
    absences = (Absence("d-1", "d", AbsenceKind.FAILED, "it crashed"),)
    faults = (Fault("c", "equivocation", is_proof=True),)

    decided = decide(
        WeightedVoting(), opening, (*ballots_of("xxy.z"), late), absences=list(absences), faults=list(faults)
    )

    assert (decided.outcome, decided.reason, decided.choice) == (Outcome.REACHED, Reason.THRESHOLD_MET, "x")
    assert (decided.strength, decided.explanation) == (Fraction(3, 5), "x has 3 of 5 eligible; more than half needed")
    assert decided.decision_id == "d-1"
    assert decided.ballots == ballots_of("xxy.z")
    assert [refused.reason for refused in decided.rejected] == [RejectionReason.UNKNOWN_VOTER]
    assert (decided.absences, decided.faults) == (absences, faults)
    assert decided.dissent == (Dissent("y", Fraction(1), ("c",)), Dissent("z", Fraction(0), ("e",)))
    assert (decided.margin, decided.decisive) == (1, ("a", "b"))
    assert not decided.is_simulated
    assert decide(WeightedVoting(), opening, [replace(ballots_of("x")[0], voter="simulated")]).is_simulated


def test_whose_answer_was_not_counted_is_said_once_and_why():
    late = replace(ballots_of(".x")[0], round=2)
    absences = [
        Absence("d-1", "b", AbsenceKind.FAILED, "its last answer was for another round"),
        Absence("d-1", "c", AbsenceKind.TIMED_OUT, "no answer within 2 s"),
    ]

    decided = decide(SimpleMajority(), opening_of(), (*ballots_of("x"), late), absences=absences)

    assert decided.not_counted == (
        ("b", "wrong_round", "it is for round 2, this is round 1"),
        ("c", "timed_out", "no answer within 2 s"),
    )


def test_nobody_in_time_is_told_from_nobody_at_all():
    timed_out = [Absence("d-1", name, AbsenceKind.TIMED_OUT) for name in "abc"]
    failed = [*timed_out, Absence("d-1", "d", AbsenceKind.FAILED)]

    reasons = [decide(SimpleMajority(), opening_of(), (), absences=listed).reason for listed in ([], timed_out, failed)]

    assert reasons == [Reason.NO_BALLOTS, Reason.DEADLINE_PASSED, Reason.NO_BALLOTS]


@pytest.mark.parametrize(
    ("votes", "reason", "words"),
    [
        ("", Reason.NO_BALLOTS, "no valid ballot was cast"),
        ("....x", Reason.NO_BALLOTS, "no valid ballot was cast by anybody with weight"),
        ("x", Reason.TOO_FEW_PARTICIPANTS, "1 of the 2 participants needed cast a valid ballot"),
        ("x...x", Reason.TOO_FEW_PARTICIPANTS, "1 of the 2 participants needed cast a valid ballot"),
        ("--", Reason.ALL_ABSTAINED, "all 2 who answered abstained"),
        ("--..x", Reason.ALL_ABSTAINED, "all 2 who answered abstained"),
    ],
)
def test_no_policy_is_asked_where_none_is_needed(votes: str, reason: Reason, words: str):
    opening = opening_of((1, 1, 1, 1, 0), parameters=Parameters(min_participants=2))

    decided = decide(Raising(AssertionError("asked")), opening, ballots_of(votes))

    assert (decided.outcome, decided.reason, decided.explanation) == (Outcome.NOT_REACHED, reason, words)
    assert (decided.choice, decided.strength, decided.margin, decided.decisive) == (None, 0, None, ())


@given(decisions_to_be())
@run(max_examples=40)
def test_a_decision_made_again_from_its_own_record_is_the_same(case: tuple[Opening, tuple[Ballot, ...]]):
    opening, ballots = case
    strange = [Ballot("d-1", "a", ["x"]), Ballot("d-1", "eve", "x"), Ballot("d-1", "b", "y", reasoning="no, y")]  # type: ignore[arg-type]

    decided = decide(WeightedVoting(), opening, (*ballots, *strange))

    kept = (*decided.ballots, *(refused.ballot for refused in decided.rejected))
    assert decide(WeightedVoting(), decided.opening, kept) == decided


@pytest.mark.parametrize("error", [ValueError("max() of empty"), ZeroDivisionError("division"), RecursionError()])
def test_b76_a_policy_that_raises_decides_nothing(error: Exception):
    decided = decide(Raising(error), opening_of(), ballots_of("xxxxx"))

    assert (decided.outcome, decided.reason, decided.choice) == (Outcome.ERROR, Reason.POLICY_ERROR, None)
    assert decided.explanation == f"the policy failed: {type(error).__name__}: {error}"
    assert decided.tally.units["x"] == 5


def test_b76_a_policy_that_fails_to_give_its_margin_decides_nothing():
    class Margins(ShareOfWeight):
        def margin(self, opening, tally, ballots, ruling):
            raise OverflowError("too wide")

    decided = decide(Margins(), opening_of(), ballots_of("xxxxx"))

    assert (decided.outcome, decided.explanation) == (Outcome.ERROR, "the policy failed: OverflowError: too wide")


@pytest.mark.parametrize("answer", [None, "yes", {"consensus": True, "decision": "z"}, {"consensus": True}], ids=repr)
def test_b76_a_policy_that_answers_garbage_decides_nothing(answer: object):
    decided = decide(Answering(answer), opening_of(choices=("x", "y", "z")), ballots_of("xxxxx"))

    assert (decided.outcome, decided.reason, decided.choice) == (Outcome.ERROR, Reason.POLICY_ERROR, None)


def test_b76_a_policy_cannot_alter_ballots():
    opening = opening_of()
    ballots = [replace(ballot, evidence=("p",), attributes={"scores": [1]}) for ballot in ballots_of("xxxxx")]

    decided = decide(Meddling(), opening, ballots)

    assert (decided.outcome, decided.choice) == (Outcome.ERROR, None)
    assert decided.ballots == tuple(ballots)
    assert decided.ballots[0].attributes == {"scores": [1]}
    assert opening == opening_of()


def test_b51_a_veto_that_was_cast_settles_a_decision():
    opening = opening_of(parameters=Parameters(veto=("a",)))
    vetoed = [replace(ballots_of("y")[0], veto=True, reasoning="unsafe")]

    assert is_settled(SimpleMajority(), opening, vetoed, ["b", "c", "d", "e"])
    assert not is_settled(SimpleMajority(), opening, ballots_of("y"), ["b", "c", "d", "e"])
    assert is_settled(SimpleMajority(), opening, ballots_of("yyy"), ["d", "e"])


def test_ballots_that_do_not_count_settle_nothing():
    late = [replace(ballot, received_at=NOON + timedelta(1)) for ballot in ballots_of("yyy")]
    opening = opening_of(parameters=Parameters(basis=Basis.CAST))
    opening = replace(opening, proposal=replace(opening.proposal, deadline=NOON))

    assert is_settled(SimpleMajority(), opening, ballots_of("yyy"), ["d", "e"])
    assert not is_settled(SimpleMajority(), opening, late, ["d", "e"])


def test_a_decision_that_too_few_can_still_take_part_in_is_settled():
    opening = opening_of(parameters=Parameters(min_participants=4))

    assert is_settled(SimpleMajority(), opening, ballots_of("xy"), ["d"])
    assert not is_settled(SimpleMajority(), opening, ballots_of("xy"), ["d", "e"])


def test_a_policy_that_fails_to_say_whether_it_is_settled_waits():
    class Unsure(ShareOfWeight):
        def is_settled(self, opening, tally, outstanding):
            raise ValueError("who knows")

    assert not is_settled(Unsure(), opening_of(), ballots_of("xxxxx"), [])


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Fraction(3), "3"),
        (Fraction(3, 5), "0.6"),
        (Fraction(-5, 4), "-1.25"),
        (Fraction(1, 10**6), "0.000001"),
        (Fraction(1, 10**7), "1/10000000"),
        (Fraction(2, 3), "2/3"),
        (Fraction(-2, 3), "-2/3"),
    ],
)
def test_b38_numbers_are_shown_exactly(number: Fraction, text: str):
    assert exact(number) == text
    assert Fraction(text) == number


def test_a_roster_finds_its_agents():
    assert Roster(AGENTS).agent("bob") is AGENTS[1]
    assert Roster(AGENTS).agent("eve") is None

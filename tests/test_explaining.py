"""A decision in one paragraph, and how independent its votes were."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.explaining import explain, independence, independent_votes
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot, Decision, Outcome, Parameters, Proposal, Reason
from maos_flows.policies.base import Weighing
from maos_flows.policies.deciding import decide, freeze
from maos_flows.policies.registry import built_in_policies
from tests.audit.samples import NOON

CHOICES = ("PostgreSQL", "MongoDB")


def decided(*cast: str, lineages: tuple[str, ...] = (), one_vote: bool = False, question: str = "Which?") -> Decision:
    """Decide by simple majority; an empty choice is an absence."""
    named = dict(enumerate(lineages))
    agents = tuple(Agent(f"a{place}", lineage=named.get(place, "")) for place in range(len(cast)))
    policy = built_in_policies()["simple_majority"]
    weighing = Weighing(one_lineage_one_vote=one_vote)
    opening = freeze(
        policy, Proposal("d-1", question, CHOICES), agents, Parameters(), opened_at=NOON, weighing=weighing
    )
    ballots = [
        Ballot("d-1", agent.id, choice, confidence=Fraction(place, 10), reasoning=f"reason {place}")
        for place, (agent, choice) in enumerate(zip(agents, cast, strict=True))
        if choice
    ]
    absences = [
        Absence("d-1", agent.id, AbsenceKind.FAILED, "away")
        for agent, choice in zip(agents, cast, strict=True)
        if not choice
    ]
    return decide(policy, opening, ballots, absences=absences)


def test_the_paragraph_tells_what_was_asked_said_decided_and_what_would_have_changed_it() -> None:
    paragraph = explain(decided("PostgreSQL", "PostgreSQL", "PostgreSQL", "MongoDB", "", "abstain"))

    assert paragraph == (
        "6 agents were asked “Which?” by simple_majority. "
        "a0, a1 and a2 were for PostgreSQL (a2: “reason 2”). a3 was for MongoDB (a3: “reason 3”). a5 abstained. "
        "No ballot of a4 was counted. "
        "They did not decide: PostgreSQL has 3 of 6 eligible; more than half needed. "
        "One ballot cast otherwise would have changed the outcome. "
        "Each of a3 and a5 alone was decisive."
    )


def test_dissent_is_told_of_from_a_choice_that_was_reached() -> None:
    paragraph = explain(decided("PostgreSQL", "PostgreSQL", "MongoDB"))

    assert paragraph.endswith("Dissent: a2 for MongoDB, with a weight of 1.")


@given(st.lists(st.sampled_from([*CHOICES, "abstain", ""]), min_size=1, max_size=9), st.text(max_size=600))
def test_every_decision_reads_as_one_bounded_line_and_always_the_same(cast: list[str], question: str) -> None:
    decision = decided(*cast, question=question or "?")

    paragraph = explain(decision)

    assert paragraph == explain(decision)
    assert "\n" not in paragraph
    assert len(paragraph) < 3_000


def test_a_simulated_ballot_is_called_one() -> None:
    decision = decided("MongoDB")
    (ballot,) = decision.ballots

    assert "came from a generator" in explain(replace(decision, ballots=(replace(ballot, voter="simulated"),)))


def test_many_names_are_counted_rather_than_listed() -> None:
    assert "a0, a1, a2, a3, a4 and 3 more were for MongoDB" in explain(decided(*["MongoDB"] * 8))


def test_an_error_and_an_override_are_not_told_as_decisions_of_the_agents() -> None:
    failed = replace(decided("MongoDB"), outcome=Outcome.ERROR, reason=Reason.POLICY_ERROR, choice=None)
    overridden = replace(decided("MongoDB"), outcome=Outcome.OVERRIDDEN)

    assert "nothing was decided" in explain(failed)
    assert "MongoDB was made over their heads, not by consensus" in explain(overridden)


def test_votes_of_one_lineage_are_reported_as_fewer_and_still_count_in_full_by_default() -> None:
    decision = decided(*["MongoDB"] * 3, *["PostgreSQL"] * 2, lineages=("gpt", "gpt", "gpt", "", "claude"))

    assert decision.choice == "MongoDB"
    assert independence(decision) == "5 votes of 3 lineages, worth 2.27 independent ones"
    assert "worth 2.27 independent ones" in explain(decision)


def test_one_lineage_one_vote_divides_its_weight_and_says_so() -> None:
    lineages = ("gpt", "gpt", "gpt", "", "claude")

    decision = decided(*["MongoDB"] * 3, *["PostgreSQL"] * 2, lineages=lineages, one_vote=True)

    assert decision.choice == "PostgreSQL"
    (first, *_) = decision.opening.electorate.electors
    assert (first.weight, first.weight_reason) == (Fraction(1, 3), "one agent, one ballot, 1 of 3 of lineage gpt")
    assert independent_votes(decision) == 3


def test_without_lineages_nothing_is_said_of_independence() -> None:
    assert independence(decided("MongoDB", "MongoDB")) is None


def test_one_lineage_alone_is_one_vote() -> None:
    assert independence(decided("MongoDB", "MongoDB", lineages=("gpt", "gpt"))) == (
        "2 votes of 1 lineage, worth 1.00 independent ones"
    )

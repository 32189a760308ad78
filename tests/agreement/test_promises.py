"""What byzantine_tolerant promises: up to f liars change nothing, one more is never a wrong decision.

Every split of the honest between two choices, for n = 4, 7, 9, 10 and 13. Agents are alike, so which of them lie does
not matter to the count; the first ones do, the first primary among them or not as the decision's digest has it.
"""

from collections.abc import Iterator

import pytest

from maos_flows.agreement.faults import Equivocate, Script, Span
from maos_flows.agreement.verification import verify_decision
from maos_flows.model import Outcome, Reason
from maos_flows.quorum import tolerated_faults
from tests.agreement.council import BYZANTINE, collected, decided, names, opening_of, proven

SIZES = (4, 7, 9, 10, 13)
LIES = ("equivocating", "lying", "silent")
OTHER = {"x": "y", "y": "x"}


def splits(size: int, liars: int) -> Iterator[tuple[dict[str, str], int]]:
    """Give every split of the honest: their choices, and how many are for x."""
    honest = names(size)[liars:]
    for for_x in range(len(honest) + 1):
        yield {agent: "x" if place < for_x else "y" for place, agent in enumerate(honest)}, for_x


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("size", SIZES)
def test_b14_b18_with_f_liars_the_honest_outcome_stands_and_the_liars_with_proof_are_named(size: int, lie: str):
    """B14, B18: two ballots of one agent void each other, both are kept as evidence, nobody honest is named."""
    f = tolerated_faults(size)
    opening = opening_of(size)
    needed = opening.parameters.threshold.needed(size)
    liars = names(size)[:f]
    for honest, for_x in splits(size, f):
        wrong = "y" if 2 * for_x >= len(honest) else "x"
        said = dict.fromkeys(liars, None if lie == "silent" else wrong)
        twice = dict.fromkeys(liars, OTHER[wrong]) if lie == "equivocating" else {}

        decision = decided(opening, collected(opening, {**honest, **said}, twice=twice))

        counts = {"x": for_x, "y": len(honest) - for_x}
        if lie == "lying":
            counts[wrong] += f
        winner = next((choice for choice, count in counts.items() if count >= needed), None)
        assert (decision.outcome, decision.choice) == (
            Outcome.REACHED if winner else Outcome.NOT_REACHED,
            winner,
        ), honest
        if winner is not None:
            assert 2 * sum(choice == winner for choice in honest.values()) > len(honest)
        assert proven(decision) == (set(liars) if lie == "equivocating" else set())
        assert set(honest) == {one.agent_id for one in decision.ballots} - set(liars)
        assert verify_decision(decision, BYZANTINE).is_sound


@pytest.mark.parametrize("lie", ["equivocating", "silent"])
@pytest.mark.parametrize("size", SIZES)
def test_b17_with_one_liar_more_nothing_is_decided(size: int, lie: str):
    """B17: more than f faulty or absent is never an approval."""
    liars = names(size)[: tolerated_faults(size) + 1]
    opening = opening_of(size)
    for honest, _ in splits(size, len(liars)):
        said = dict.fromkeys(liars, None if lie == "silent" else "x")
        twice = dict.fromkeys(liars, "y") if lie == "equivocating" else {}

        decision = decided(opening, collected(opening, {**honest, **said}, twice=twice))

        assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.TOO_MANY_FAULTS)
        assert decision.choice is None
        assert proven(decision) <= set(liars)
        assert verify_decision(decision, BYZANTINE).is_sound


@pytest.mark.parametrize("size", SIZES)
def test_with_one_more_that_lies_consistently_what_all_honest_want_is_never_overturned(size: int):
    liars = names(size)[: tolerated_faults(size) + 1]
    opening = opening_of(size)
    for honest, for_x in splits(size, len(liars)):
        decision = decided(opening, collected(opening, {**honest, **dict.fromkeys(liars, "x")}))

        assert decision.choice != "x" or for_x >= opening.parameters.threshold.needed(size) - len(liars) > 0
        assert proven(decision) == set()


@pytest.mark.parametrize("size", SIZES)
def test_b12_three_of_ten_approve_and_seven_reject_rejects(size: int):
    """B12: with n = 10 and 3 for x, 7 for y: y, by a quorum of floor((n + f) / 2) + 1, not of 2f + 1."""
    few = tolerated_faults(size)
    opening = opening_of(size)
    choices = {agent: "x" if place < few else "y" for place, agent in enumerate(names(size))}

    decision = decided(opening, collected(opening, choices))

    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "y")
    assert decision.details["agreement"]["quorum"] == (size + few) // 2 + 1
    assert decision.certificate is not None
    assert len(decision.certificate.commits) == (size + few) // 2 + 1


@pytest.mark.parametrize("size", SIZES)
def test_replicas_that_tell_each_half_something_else_are_named_and_the_honest_outcome_stands(size: int):
    """Whoever is primary: one that proposes at once, before it has cast, or leaves honest ballots out, wins nothing."""
    liars = names(size)[: tolerated_faults(size)]
    faults = Script(tuple(Span(Equivocate(agent)) for agent in liars))
    for number in range(8):
        opening = opening_of(size, nonce=f"{number:032}")
        decision = decided(opening, collected(opening, dict.fromkeys(names(size), "x")), faults=faults)

        honest = size - len(liars)
        reached = opening.parameters.threshold.needed(size) <= honest
        assert decision.choice == ("x" if reached else None)
        assert proven(decision) == set(liars)
        assert verify_decision(decision, BYZANTINE).is_sound


@pytest.mark.parametrize("size", SIZES)
def test_one_such_replica_more_and_nothing_is_decided(size: int):
    liars = names(size)[: tolerated_faults(size) + 1]
    opening = opening_of(size)
    faults = Script(tuple(Span(Equivocate(agent)) for agent in liars))

    decision = decided(opening, collected(opening, dict.fromkeys(names(size), "x")), faults=faults)

    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.TOO_MANY_FAULTS)
    assert proven(decision) <= set(liars)

"""What every policy keeps, ours and users': the one contract.

Same ballots, same decision; order is irrelevant; an absent agent never helps its choice; support is monotone.
"""

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from maos_flows.model import ABSTAIN, Ballot, Opening, Outcome, Parameters
from maos_flows.policies.base import ConsensusPolicy, as_dicts
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from tests.strategies import ballot_lists, decisions_to_be, opening_of
from tests.user_policies import ShareOfWeight

POLICIES = [*built_in_policies().values(), ShareOfWeight()]
every_policy = pytest.mark.parametrize("policy", POLICIES, ids=[policy.name for policy in POLICIES])

Case = tuple[Opening, tuple[Ballot, ...]]


@every_policy
@given(decisions_to_be(), st.randoms(use_true_random=False))
@run(max_examples=25)
def test_b32_the_same_ballots_in_any_order_and_number_give_the_same_decision(
    policy: ConsensusPolicy, case: Case, chance: Random
):
    opening, ballots = case
    shuffled = [*ballots, *ballots[:2]]
    chance.shuffle(shuffled)

    assert decide(policy, opening, ballots) == decide(policy, opening, ballots) == decide(policy, opening, shuffled)


@every_policy
@given(decisions_to_be(), st.data())
@run(max_examples=25)
def test_an_absent_agent_never_helps_its_choice(policy: ConsensusPolicy, case: Case, data: st.DataObject):
    opening, ballots = case
    for_choices = [ballot for ballot in ballots if ballot.choice != ABSTAIN]
    absent = data.draw(st.sampled_from(for_choices)) if for_choices else None

    without = decide(policy, opening, [ballot for ballot in ballots if ballot is not absent])

    if absent is not None and without.choice == absent.choice:
        assert decide(policy, opening, ballots).choice == absent.choice


@every_policy
@given(decisions_to_be(), st.data())
@run(max_examples=25)
def test_b36_a_ballot_more_for_what_was_reached_never_unreaches_it(
    policy: ConsensusPolicy, case: Case, data: st.DataObject
):
    opening, ballots = case
    reached = decide(policy, opening, ballots).choice
    place = data.draw(st.integers(0, max(0, len(ballots) - 1)))

    if reached is not None:
        more = [replace(ballot, choice=reached) if at == place else ballot for at, ballot in enumerate(ballots)]
        assert decide(policy, opening, more).choice == reached


@every_policy
@given(decisions_to_be(), st.lists(st.sampled_from(["x", "y", ABSTAIN]), max_size=3))
@run(max_examples=20)
def test_b01_strangers_never_matter(policy: ConsensusPolicy, case: Case, choices: list[str]):
    opening, ballots = case
    strangers = [Ballot("d-1", f"stranger {place}", choice) for place, choice in enumerate(choices)]

    decided = decide(policy, opening, (*strangers, *ballots))

    assert replace(decided, rejected=()) == decide(policy, opening, ballots)
    assert [refused.ballot for refused in decided.rejected] == strangers


@every_policy
@given(decisions_to_be(), st.data())
@run(max_examples=20)
def test_b34_advisers_are_shown_and_have_no_effect(policy: ConsensusPolicy, case: Case, data: st.DataObject):
    opening, ballots = case
    advisers = {elector.agent_id for elector in opening.electorate.electors if not elector.weight}
    others = [ballot for ballot in ballots if ballot.agent_id not in advisers]
    advice = [ballot for ballot in data.draw(ballot_lists(opening)) if ballot.agent_id in advisers]

    decided, without = decide(policy, opening, (*others, *advice)), decide(policy, opening, others)

    ended = (without.outcome, without.reason, without.choice, without.strength, without.margin, without.decisive)
    assert (
        *(decided.outcome, decided.reason, decided.choice, decided.strength, decided.margin, decided.decisive),
    ) == ended
    assert {ballot.agent_id for ballot in decided.ballots} == {ballot.agent_id for ballot in (*others, *advice)}


@every_policy
@given(decisions_to_be())
@run(max_examples=25)
def test_what_is_reached_was_cast_and_a_strength_is_a_share(policy: ConsensusPolicy, case: Case):
    opening, ballots = case

    decided = decide(policy, opening, ballots)

    assert decided.outcome is not Outcome.ERROR
    assert (decided.choice is not None) == (decided.outcome is Outcome.REACHED)
    assert decided.choice is None or decided.choice in {ballot.choice for ballot in ballots}
    assert 0 <= decided.strength <= 1


@every_policy
@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.data())
@run(max_examples=20)
def test_dicts_get_the_same_answer_as_values(policy: ConsensusPolicy, weights: list[int], data: st.DataObject):
    opening = opening_of(weights, "xyz", parameters=Parameters(policy.threshold(None)))
    ballots = data.draw(ballot_lists(opening))
    decided = decide(policy, opening, ballots)

    answer = policy.evaluate_proposal(*as_dicts(opening, ballots))

    assert answer["consensus"] == (decided.outcome is Outcome.REACHED)
    if answer["consensus"]:
        assert answer["decision"] == decided.choice
        assert answer["strength"] == pytest.approx(float(decided.strength))


@every_policy
def test_settled_is_said_at_the_latest_when_nobody_is_outstanding(policy: ConsensusPolicy):
    opening = opening_of()
    tally = decide(policy, opening, ()).tally

    assert policy.is_settled(opening, tally, [])
    assert not policy.is_settled(opening, tally, ["a", "b", "c", "d", "e"])


DECIDE_EVERYTHING = """
from datetime import UTC, datetime
from fractions import Fraction
from maos_flows.model import Agent, Ballot, Parameters, Proposal, TieBreak
from maos_flows.policies.deciding import decide, freeze
from maos_flows.policies.registry import built_in_policies
from maos_flows.records import digest, to_plain
from tests.user_policies import ShareOfWeight

names = {"ann", "bob", "cid", "dee", "eve", "fay"}
agents = [Agent(name, weight=Fraction(1 + (name > "d"), 3)) for name in sorted(names)]
proposal = Proposal("d-1", "Which?", ("red", "green", "blue"))
now = datetime(2026, 3, 1, tzinfo=UTC)
votes = {"ann": "red", "bob": "green", "cid": "blue", "dee": "red", "eve": "green", "fay": "abstain"}
for policy in (*built_in_policies().values(), ShareOfWeight()):
    for tie_break in TieBreak:
        if tie_break is TieBreak.CHAIR and policy.name == "byzantine_tolerant":
            continue  # it gives nobody a casting vote
        parameters = Parameters(policy.threshold(None), tie_break=tie_break, chair="ann")
        opening = freeze(policy, proposal, agents, parameters, opened_at=now)
        for tied in (votes, votes | {"bob": "red", "eve": "red"}):
            ballots = {Ballot("d-1", name, tied[name]) for name in names} | {Ballot("d-1", "eve", "blue")}
            ballots |= {Ballot("d-1", name, "red") for name in ("gus", "hal", "ida")}
            print(policy.name, tie_break, digest(to_plain(decide(policy, opening, ballots))))
"""


def test_b31_decisions_do_not_depend_on_the_hash_seed():
    def decide_with(seed: int) -> str:
        env = {**os.environ, "PYTHONHASHSEED": str(seed)}
        root = Path(__file__).parents[1]
        command = [sys.executable, "-c", DECIDE_EVERYTHING]
        return subprocess.run(command, env=env, cwd=root, capture_output=True, text=True, check=True).stdout

    first = decide_with(1)

    without_casting_vote = 1
    assert len(set(first.splitlines())) == (len(POLICIES) * 4 - without_casting_vote) * 2
    assert decide_with(2) == first


def test_the_user_written_policy_rules_by_its_own_share():
    opening = opening_of((2, 1, 1, Fraction(1, 2)), algorithm=ShareOfWeight.name)
    decided = decide(ShareOfWeight(), opening, [Ballot("d-1", name, "x") for name in "abd"])

    assert decided.choice == "x"
    assert decided.strength == Fraction(str(3.5 / 4.5))
    assert decided.details == {"confidences": [None, None, None]}

"""Voter `simulated`: determined by seed, agent, question, choices and round; everything adjustable; labelled."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.model import ABSTAIN, AbsenceKind, Agent, Proposal
from maos_flows.voters import ask
from maos_flows.voters.base import utc_now

PROPOSAL = Proposal("d-1", "Which database?", ("PostgreSQL", "MongoDB", "DynamoDB"))


def crowd(size=300, **own):
    return [Agent(f"agent-{number}", role="architect", settings=own) for number in range(size)]


def answers(agents, proposal=PROPOSAL):
    async def ask_all():
        return await asyncio.gather(*(ask(agent, proposal) for agent in agents))

    return asyncio.run(ask_all())


def essence(answer):
    return answer.agent_id, answer.choice, answer.confidence, answer.reasoning, answer.risk


def test_a_ballot_states_what_its_agent_is_told_to_and_an_abstention_states_nothing():
    stated = {"stress_test_passed": True, "risk_assessment": {"score": 0.1}}

    voted, abstained = answers(crowd(1, attributes=stated) + crowd(1, attributes=stated, abstain_rate=1))

    assert (voted.attributes, abstained.attributes) == (stated, {})


@settings(max_examples=25)
@given(st.permutations(crowd(8, seed=7)), st.text(max_size=5))
def test_an_answer_does_not_depend_on_the_order_of_asking_nor_on_the_decisions_id(agents, decision_id):
    usual = {essence(answer) for answer in answers(crowd(8, seed=7))}

    other = {essence(answer) for answer in answers(agents, replace(PROPOSAL, decision_id=decision_id))}

    assert other == usual


def test_answers_are_the_same_for_every_hash_seed():
    source = (
        "import asyncio; from maos_flows.model import *; from maos_flows.voters import ask; "
        "p = Proposal('d', 'Which?', ('x', 'y', 'z')); "
        "print([asyncio.run(ask(Agent(f'a{n}', settings={'seed': 3}), p)).choice for n in range(20)])"
    )

    printed = [
        subprocess.check_output([sys.executable, "-c", source], env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]

    assert printed[0] == printed[1]


def test_seed_question_choices_round_and_agent_each_matter():
    agents = crowd(40, seed=1)
    usual = [essence(answer)[1:] for answer in answers(agents)]

    others = [
        [essence(answer)[1:] for answer in answers(*given)]
        for given in (
            (crowd(40, seed=2),),
            (agents, replace(PROPOSAL, question="Which one?")),
            (agents, replace(PROPOSAL, choices=("PostgreSQL", "MongoDB"))),
            (agents, replace(PROPOSAL, round=2)),
        )
    ]

    assert all(other != usual for other in others)
    assert len(set(usual)) > 10


def test_ballots_are_labelled_simulated():
    for answer in answers(crowd(20)):
        assert answer.voter == "simulated"
        assert answer.reasoning.startswith("Simulated (seed 0): ")
        assert answer.choice in PROPOSAL.choices


@pytest.mark.parametrize(("lean", "least", "most"), [(1, 300, 300), (0.9, 260, 299), (0, 60, 140)])
def test_lean_is_how_many_follow_the_choice_that_the_seed_singles_out(lean, least, most):
    (_, count), *_ = Counter(answer.choice for answer in answers(crowd(seed=11, lean=lean))).most_common()

    assert least <= count <= most


def test_opinions_are_weights_and_those_of_other_questions_are_set_aside():
    opinions = {"PostgreSQL": "3/4", "MongoDB": "0.25", "approve": "5"}

    counts = Counter(answer.choice for answer in answers(crowd(opinions=opinions)))

    assert set(counts) == {"PostgreSQL", "MongoDB"}
    assert 190 <= counts["PostgreSQL"] <= 255


@pytest.mark.parametrize("opinions", [{}, None, {"approve": "1"}, {"PostgreSQL": "0"}])
def test_without_an_opinion_on_the_question_any_choice_may_come(opinions):
    counts = Counter(answer.choice for answer in answers(crowd(opinions=opinions)))

    assert set(counts) == set(PROPOSAL.choices)


def test_an_opinion_may_be_to_abstain():
    (answer,) = answers(crowd(1, opinions={ABSTAIN: "1"}))

    assert (answer.choice, answer.confidence) == (ABSTAIN, None)


def test_rates_are_kept():
    abstained = answers(crowd(abstain_rate=0.5))
    failed = answers(crowd(error_rate=0.5))

    assert 110 <= sum(answer.choice == ABSTAIN for answer in abstained) <= 190
    assert 110 <= sum(getattr(answer, "kind", None) is AbsenceKind.FAILED for answer in failed) <= 190


def test_a_failure_says_that_it_is_simulated():
    (answer,) = answers(crowd(1, error_rate=1))

    assert answer.explanation == "simulated failure"


async def test_a_hang_lasts_until_the_deadline(proposal_within):
    absence = await ask(Agent("ada", settings={"hang_rate": 1}), proposal_within(0.05))

    assert absence.kind is AbsenceKind.TIMED_OUT
    assert 0.04 < absence.seconds < 2


async def test_thinking_takes_its_time():
    ballot = await ask(Agent("ada", settings={"thinking_time": [0.02, 0.03]}), PROPOSAL)

    assert ballot.seconds >= 0.02
    assert ballot.received_at <= utc_now()


@pytest.mark.parametrize("opinions", [{"MongoDB": "much"}, {"MongoDB": "-1"}, {"MongoDB": "1/0"}, {"MongoDB": None}])
def test_opinions_that_are_no_numbers_have_failed(opinions):
    (answer,) = answers(crowd(1, opinions=opinions))

    assert answer.kind is AbsenceKind.FAILED
    assert "opinion" in answer.explanation

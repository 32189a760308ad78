"""Feedback on decisions, and the weights of the next ones, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError, MaosError, NotFoundError
from maos_flows.judging import judge, with_learned_weights
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot
from maos_flows.policies.base import Expertise, Weighing
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, Dynamics, open_decision
from tests.audit.samples import NOON, SOON, ballot, decision_of, opening_of

NAMES = ("ada", "bob", "cyd", "dan", "eve")


@pytest.fixture
def store(store_url: str) -> Iterator[AuditStore]:
    """An empty audit store."""
    with AuditStore.open(store_url) as opened:
        yield opened


def request(*, voter: str = "python", **fields: object) -> DecisionRequest:
    """A weighted question to five agents whose weights are learned."""
    agents = tuple(Agent(name, role="expert" if name == "eve" else "agent", voter=voter) for name in NAMES)
    given: dict[str, object] = {"dynamics": Dynamics.FEEDBACK, "domains": ("Storage",)}
    choices = ("PostgreSQL", "MongoDB")
    return DecisionRequest("Which database?", choices, agents, "weighted_voting", **{**given, **fields})  # type: ignore[arg-type]


def decided(store: AuditStore, number: int, asked: DecisionRequest | None = None, **choices: str) -> str:
    """Decide a question: who is not named votes for PostgreSQL, and `absent` is away."""
    name, asked = f"d-{number}", with_learned_weights(asked or request(), store)
    policy = built_in_policies()[asked.algorithm]
    store.open_decision(open_decision(asked, policy, decision_id=name, now=NOON), replace(asked, weighing=Weighing()))
    for agent in asked.agents:
        choice = choices.get(agent.id, "PostgreSQL")
        answer: Ballot | Absence = ballot(agent.id, choice, decision_id=name, voter=agent.voter)
        if choice == "absent":
            answer = Absence(name, agent.id, AbsenceKind.FAILED, "away", received_at=SOON, voter=agent.voter)
        store.record_answer(answer)
    store.close_decision(decision_of(store, name), at=SOON)
    return name


def weights(store: AuditStore, asked: DecisionRequest | None = None) -> dict[str, Fraction]:
    """The weights the next electorate would have."""
    learned = with_learned_weights(asked or request(), store)
    opening = opening_of(learned, "d-next")
    return {elector.agent_id: elector.weight for elector in opening.electorate.electors}


def test_who_proved_right_weighs_more_in_the_next_decision_and_who_did_not_less(store: AuditStore) -> None:
    start = weights(store)

    changes = judge(store, decided(store, 1, eve="MongoDB", dan="abstain"), at=SOON, by="ana", correct="MongoDB")

    after = weights(store)
    assert len(set(start.values())) == 1
    assert after["eve"] > start["eve"] > after["ada"]
    assert after["dan"] == start["dan"]
    assert {change.agent for change in changes} == {"ada", "bob", "cyd", "eve"}
    assert store.learned.evolution(["eve"]) == tuple(change for change in changes if change.agent == "eve")


def test_a_decision_is_not_changed_by_what_is_learned_after_it(store: AuditStore) -> None:
    """B50."""
    first = decided(store, 1, eve="MongoDB")
    before = store.decision(first)

    judge(store, first, at=SOON, by="ana", correct="MongoDB")

    assert store.decision(first) == before


def test_the_same_feedback_again_teaches_nothing_more(store: AuditStore) -> None:
    name = decided(store, 1)
    first = judge(store, name, at=SOON, by="ana", correct="PostgreSQL")

    again = judge(store, name, at=SOON + timedelta(hours=1), by="ben", correct="PostgreSQL")

    assert again == first
    assert len(store.learned.evolution(NAMES)) == len(NAMES)


def test_other_feedback_on_the_same_decision_is_refused_and_names_the_first(store: AuditStore) -> None:
    name = decided(store, 1)
    judge(store, name, at=SOON, by="ana", correct="PostgreSQL")

    with pytest.raises(ConflictError, match=r"told PostgreSQL on 2026-03-01 12:00 by ana"):
        judge(store, name, at=SOON, by="ben", correct="MongoDB")


def test_scores_count_before_the_correct_choice(store: AuditStore) -> None:
    name = decided(store, 1, eve="MongoDB")

    changes = judge(store, name, at=SOON, by="ana", correct="PostgreSQL", scores={"eve": "0.9"})

    assert {change.agent: change.score for change in changes} == dict.fromkeys(NAMES, 1.0) | {"eve": 0.9}


def test_records_are_kept_per_domain_however_it_is_spelt(store: AuditStore) -> None:
    judge(store, decided(store, 1, eve="MongoDB"), at=SOON, by="ana", correct="MongoDB")

    here, elsewhere = weights(store, request(domains=("STORAGE ",))), weights(store, request(domains=("law",)))

    assert here["eve"] > elsewhere["eve"]


def test_a_record_made_by_a_generator_is_not_that_of_the_agent(store: AuditStore) -> None:
    simulated = request(voter="simulated")
    judge(store, decided(store, 1, simulated, eve="MongoDB"), at=SOON, by="ana", correct="MongoDB")

    assert len(set(weights(store).values())) == 1
    assert len(set(weights(store, simulated).values())) == 2


def test_a_declared_expert_starts_ahead_and_evidence_overrides_it(store: AuditStore) -> None:
    weighing = Weighing(expertise={"expert": Expertise(("storage",), Fraction(3))})
    asked = request(weighing=weighing)
    start = weights(store, asked)

    for number in range(1, 21):
        name = decided(store, number, asked, eve="MongoDB")
        judge(store, name, at=SOON + timedelta(minutes=number), by="ana", correct="PostgreSQL")

    assert start["eve"] > 2 * start["ada"]
    assert weights(store, asked)["eve"] < weights(store, asked)["ada"] / 4


def test_without_being_asked_for_nothing_is_learned_from(store: AuditStore) -> None:
    judge(store, decided(store, 1, eve="MongoDB"), at=SOON, by="ana", correct="MongoDB")

    assert set(weights(store, request(dynamics=Dynamics.NONE)).values()) == {Fraction(1)}


def test_agreement_among_peers_is_learned_from_only_after_enough_decisions(store: AuditStore) -> None:
    asked = request(dynamics=Dynamics.PEERS)
    for number in range(1, 50):
        decided(store, number, asked, eve="MongoDB" if number % 3 else "PostgreSQL")
    early = weights(store, asked)
    decided(store, 50, asked, eve="MongoDB", dan="absent")

    late = weights(store, asked)

    assert set(early.values()) == {Fraction(1)}
    assert late["eve"] < late["ada"]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "say what proved right"),
        ({"correct": "Oracle"}, "'Oracle' was not a choice; they were PostgreSQL, MongoDB"),
        ({"scores": {"zoe": "1"}}, "'zoe' voted for no choice"),
        ({"scores": {"ada": "1.5"}}, "'1.5' for ada is not a number from 0 to 1"),
        ({"scores": {"ada": "nan"}}, "'nan' for ada"),
        ({"scores": {"ada": "good"}}, "'good' for ada"),
    ],
)
def test_feedback_that_cannot_be_is_refused_and_nothing_is_kept(
    store: AuditStore, told: dict[str, object], words: str
) -> None:
    name = decided(store, 1)

    with pytest.raises(ConfigurationError, match=words):
        judge(store, name, at=SOON, by="ana", **told)  # type: ignore[arg-type]

    assert store.learned.feedback(name) is None
    assert store.learned.agents() == ()


def test_feedback_is_on_decisions_that_were_made(store: AuditStore) -> None:
    asked = request()
    store.open_decision(opening_of(asked, "d-open"), asked)

    refused: dict[str, type[MaosError]] = {"d-open": ConflictError, "d-none": NotFoundError}

    for name, error in refused.items():
        with pytest.raises(error):
            judge(store, name, at=SOON, by="ana", correct="PostgreSQL")

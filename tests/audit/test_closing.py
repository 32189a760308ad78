"""Closing a decision: one outcome, over the answers on record, read back whole."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError
from maos_flows.model import AbsenceKind, Agent, Event, EventKind, Fault, Outcome, Reason
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.scrutiny import scrutinise
from maos_flows.tally import count
from tests.audit.samples import NAMES, SOON, absence, ballot, decision_of, opened, opening_of, request_to

LATER = SOON + timedelta(minutes=1)


def answered(store: AuditStore) -> None:
    """Open a decision that all have answered: three for, one against, one absent."""
    opened(store)
    for name in ("ada", "bob", "cyd"):
        store.record_answer(ballot(name))
    store.record_answer(ballot("dan", "MongoDB", reasoning="It scales."))
    store.record_answer(absence("eve"))


def test_a_decision_is_read_back_whole(store: AuditStore) -> None:
    answered(store)
    decision = replace(
        decision_of(store),
        faults=(
            Fault("dan", "equivocation", is_proof=True, evidence=("a", "b")),
            Fault("eve", "silence", is_proof=False),
        ),
        details={"note": "größer", "share": 0.5},
    )

    closed = store.close_decision(decision, at=LATER)

    assert closed == decision
    assert store.decision("d-1") == decision
    last = store.timeline("d-1")[-1]
    assert (last.kind, last.at, last.text) == (EventKind.DECIDED, LATER, "reached: PostgreSQL")
    assert last.data["outcome"] == "reached"
    assert store.check() == ()


def test_what_led_to_a_decision_is_written_with_it_and_once(store: AuditStore) -> None:
    answered(store)
    led_to = [Event(LATER, EventKind.LEADER, "ada leads term 1", "ada"), Event(LATER, EventKind.COMMIT, "all of it")]

    closed = store.close_decision(decision_of(store), led_to=led_to, at=LATER)
    again = store.close_decision(decision_of(store), led_to=led_to, at=LATER + timedelta(days=1))

    assert again == closed
    told = [event.kind for event in store.timeline("d-1")]
    assert told[-3:] == [EventKind.LEADER, EventKind.COMMIT, EventKind.DECIDED]
    assert told.count(EventKind.LEADER) == 1
    assert store.check() == ()


def test_what_led_to_a_decision_that_is_refused_is_not_on_record(store: AuditStore) -> None:
    answered(store)
    led_to = [Event(LATER, EventKind.LEADER, "ada leads term 1", "ada")]
    too_few = replace(decision_of(store), ballots=decision_of(store).ballots[1:])
    before = store.timeline("d-1")

    with pytest.raises(ConflictError):
        store.close_decision(too_few, led_to=led_to, at=LATER)
    with pytest.raises(ConfigurationError, match="'ballot' is written by the store itself"):
        store.close_decision(decision_of(store), led_to=[Event(LATER, EventKind.BALLOT, "a forged one")], at=LATER)

    assert store.timeline("d-1") == before
    assert store.decision("d-1") is None


def test_an_open_decision_is_none(store: AuditStore) -> None:
    answered(store)

    assert store.decision("d-1") is None


def test_b53_closing_again_gives_the_decision_as_it_was(store: AuditStore) -> None:
    answered(store)
    first = store.close_decision(decision_of(store), at=LATER)
    other = replace(first, outcome=Outcome.ERROR, reason=Reason.POLICY_ERROR, choice=None)

    assert store.close_decision(other, at=LATER + timedelta(days=1)) == first
    assert store.decision("d-1") == first
    assert [event.kind for event in store.timeline("d-1")].count(EventKind.DECIDED) == 1


def test_b53_threads_that_close_at_once_give_one_result(store: AuditStore) -> None:
    answered(store)
    rulings = [replace(decision_of(store), explanation=f"by worker {number}") for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        closed = list(pool.map(lambda decision: store.close_decision(decision, at=LATER), rulings))

    assert closed == [closed[0]] * 8
    assert [event.kind for event in store.timeline("d-1")].count(EventKind.DECIDED) == 1
    assert store.check() == ()


def test_b71_counting_the_answers_on_record_again_gives_the_stored_tally(store: AuditStore) -> None:
    answered(store)
    closed = store.close_decision(decision_of(store), at=LATER)
    opening = store.opening("d-1")
    assert opening is not None

    ballots = [answer for answer in store.answers("d-1", 1) if answer.agent_id != "eve"]

    assert count(scrutinise(ballots, opening).counted, opening.proposal, opening.electorate) == closed.tally
    assert store.decision("d-1") == decide(
        built_in_policies()["simple_majority"], opening, ballots, absences=[absence("eve")]
    )


def test_answers_that_were_not_recorded_as_they_came_are_recorded_at_the_closing(store: AuditStore) -> None:
    opening = opened(store)
    ballots = [ballot(name, received_at=None) for name in NAMES[:4]]
    decision = decide(
        built_in_policies()["simple_majority"],
        opening,
        [*ballots, ballot("mallory")],
        absences=[absence("eve", AbsenceKind.FAILED)],
    )

    closed = store.close_decision(decision, at=LATER)

    assert closed == decision
    assert [answer.agent_id for answer in store.answers("d-1", 1)] == list(NAMES)
    assert [rejected.ballot.agent_id for rejected in store.rejected("d-1", 1)] == ["mallory"]
    assert store.check() == ()


def test_a_decision_lists_every_ballot_rejected_until_then(store: AuditStore) -> None:
    answered(store)
    store.record_answer(ballot("mallory"))
    store.record_answer(ballot("ada", "MongoDB"))

    closed = store.close_decision(decision_of(store), at=LATER)
    store.record_answer(ballot("trudy"))

    assert closed.rejected == store.rejected("d-1", 1)[:2]
    assert store.decision("d-1") == closed


def test_a_rejected_ballot_is_listed_once_if_the_count_rejects_it_too(store: AuditStore) -> None:
    answered(store)
    store.record_answer(ballot("mallory"))
    opening = store.opening("d-1")
    assert opening is not None
    ballots = [answer for answer in store.answers("d-1", 1) if answer.agent_id != "eve"]
    policy = built_in_policies()["simple_majority"]

    decision = decide(policy, opening, [*ballots, ballot("mallory")], absences=[absence("eve")])

    assert store.close_decision(decision, at=LATER) == decision


def test_a_decision_over_other_ballots_than_those_on_record_is_refused(store: AuditStore) -> None:
    answered(store)
    decision = decision_of(store)
    forged = tuple(replace(item, choice="MongoDB") if item.agent_id == "ada" else item for item in decision.ballots)

    with pytest.raises(ConflictError, match="ada"):
        store.close_decision(replace(decision, ballots=forged), at=LATER)
    assert store.decision("d-1") is None
    assert store.timeline("d-1")[-1].kind is EventKind.ABSENCE


def test_a_decision_that_leaves_out_a_ballot_on_record_is_refused(store: AuditStore) -> None:
    answered(store)
    decision = decision_of(store)

    with pytest.raises(ConflictError, match="dan"):
        store.close_decision(replace(decision, ballots=decision.ballots[:3]), at=LATER)


def test_a_decision_that_takes_one_who_voted_for_absent_is_refused(store: AuditStore) -> None:
    answered(store)
    decision = replace(decision_of(store), absences=(absence("ada"),))

    with pytest.raises(ConflictError, match="ada"):
        store.close_decision(decision, at=LATER)


def test_a_decision_that_counts_a_ballot_the_store_refuses_is_refused(store: AuditStore) -> None:
    answered(store)
    decision = decision_of(store)

    with pytest.raises(ConflictError, match="mallory"):
        store.close_decision(replace(decision, ballots=(*decision.ballots, ballot("mallory"))), at=LATER)
    assert store.rejected("d-1", 1) == ()


def test_a_decision_over_a_round_that_is_over_is_refused(store: AuditStore) -> None:
    answered(store)
    decision = decision_of(store)
    store.open_round(opening_of(request_to(), round_number=2))

    with pytest.raises(ConflictError, match="round 2"):
        store.close_decision(decision, at=LATER)


def test_a_cancelled_decision_need_not_count_what_came_in(store: AuditStore) -> None:
    answered(store)
    cancelled = replace(
        decision_of(store), outcome=Outcome.CANCELLED, reason=Reason.CANCELLED, choice=None, ballots=(), absences=()
    )

    assert store.close_decision(cancelled, at=LATER) == cancelled
    assert store.timeline("d-1")[-1].text == "cancelled: cancelled"


def test_weights_of_many_digits_are_kept_exactly(store: AuditStore) -> None:
    agents = tuple(Agent(name, weight=Fraction(number, 10**18 + 1)) for number, name in enumerate(NAMES, 10**18))
    request = replace(request_to(), agents=agents, algorithm="weighted_voting")
    store.open_decision(opening_of(request), request)
    for name in NAMES:
        store.record_answer(ballot(name))
    decision = decision_of(store)

    assert store.close_decision(decision, at=LATER) == decision
    assert max(decision.tally.units.values()) > 2**53


def test_odd_details_of_a_policy_are_kept_as_text(store: AuditStore) -> None:
    answered(store)
    decision = replace(decision_of(store), details={"object": object(), "third": Fraction(1, 3), "far": 10**40})

    closed = store.close_decision(decision, at=LATER)

    assert closed.details == {"object": "[object]", "third": "1/3", "far": str(10**40)}


def test_closing_what_is_not_open_is_refused(store: AuditStore) -> None:
    answered(store)
    decision = decision_of(store)
    elsewhere = replace(decision.opening, proposal=replace(decision.opening.proposal, decision_id="d-9"))

    with pytest.raises(NotFoundError, match="d-9"):
        store.close_decision(replace(decision, opening=elsewhere), at=LATER)
    with pytest.raises(ConfigurationError, match="no time zone"):
        store.close_decision(decision, at=datetime(2026, 3, 1))  # noqa: DTZ001 - the point of the test

"""A decision is a fold over committed entries: the same prefix, the same decision; a ballot counts once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.raft_decision import (
    ABSTAIN,
    BallotEntry,
    CloseReason,
    Closing,
    DecisionState,
    Opening,
    Recasting,
    Refusal,
    Refused,
    apply_entry,
    closing_due,
    fold,
)

OPEN = Opening("d", ("yes", "no"), ("a", "b", "c"), "digest")
LAST = Opening("d", ("yes", "no"), ("a", "b", "c"), "digest", Recasting.LAST)
CLOSE = Closing("d", CloseReason.DEADLINE_PASSED, 7)


def ballot(agent, choice="yes", ballot_id="1", decision="d"):
    return BallotEntry(decision, agent, ballot_id, choice)


def folded(*payloads):
    return fold(enumerate(payloads, 1))


def test_an_empty_log_is_not_open():
    assert folded() == DecisionState()
    assert folded().missing == ()


def test_ballots_count_in_the_order_of_the_log():
    state = folded(None, OPEN, ballot("b"), None, ballot("a", "no"))

    assert [(cast.agent, cast.choice) for cast in state.ballots] == [("b", "yes"), ("a", "no")]
    assert (state.missing, state.refused) == (("c",), ())


def test_the_same_ballot_again_counts_once_and_is_not_refused():
    assert folded(OPEN, ballot("a"), ballot("a")) == folded(OPEN, ballot("a"))


def test_the_same_ballot_again_after_close_is_no_late_ballot():
    assert folded(OPEN, ballot("a"), CLOSE, ballot("a")).refused == ()


def test_of_two_ballots_of_an_agent_the_first_counts_and_the_change_is_on_record():
    state = folded(OPEN, ballot("a", "yes", "1"), ballot("a", "no", "2"))

    assert state.ballots == (ballot("a", "yes", "1"),)
    assert state.refused == (Refused(3, Refusal.CHANGED),)


def test_the_last_ballot_before_close_counts_if_the_opening_says_so():
    state = folded(LAST, ballot("a", "yes", "1"), ballot("b"), ballot("a", "no", "2"), CLOSE, ballot("a", "yes", "3"))

    assert state.ballots == (ballot("a", "no", "2"), ballot("b"))
    assert state.refused == (Refused(6, Refusal.LATE),)


def test_a_ballot_id_never_stands_for_two_answers():
    state = folded(LAST, ballot("a", "yes", "1"), ballot("a", "no", "1"))

    assert (state.ballots, state.refused) == ((ballot("a", "yes", "1"),), (Refused(3, Refusal.CHANGED),))


def test_abstaining_is_always_allowed():
    assert folded(OPEN, ballot("a", ABSTAIN)).ballots == (ballot("a", ABSTAIN),)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (ballot("z"), Refusal.NOT_ELIGIBLE),
        (ballot("a", "maybe"), Refusal.UNKNOWN_CHOICE),
        (ballot("a", decision="other"), Refusal.OTHER_DECISION),
        (Closing("other", CloseReason.ALL_VOTED, 1), Refusal.OTHER_DECISION),
        (Opening("d", ("yes",), ("a",), "digest"), Refusal.ALREADY_OPEN),
        ("hello", Refusal.MALFORMED),
        (17, Refusal.MALFORMED),
    ],
)
def test_what_has_no_place_in_the_decision_is_refused_and_on_record(payload, reason):
    state = folded(OPEN, payload)

    assert (state.opening, state.ballots, state.refused) == (OPEN, (), (Refused(2, reason),))


@pytest.mark.parametrize("payload", [ballot("a"), CLOSE])
def test_nothing_counts_before_open(payload):
    assert folded(payload).refused == (Refused(1, Refusal.NOT_OPEN),)


def test_the_same_opening_again_is_no_change():
    assert folded(OPEN, OPEN) == folded(OPEN)


def test_the_first_close_counts():
    state = folded(OPEN, CLOSE, Closing("d", CloseReason.ALL_VOTED, 9))

    assert (state.closing, state.refused) == (CLOSE, (Refused(3, Refusal.ALREADY_CLOSED),))


@pytest.mark.parametrize(
    ("payloads", "leader_time", "due"),
    [
        ((), 99, None),
        ((OPEN,), 9, None),
        ((OPEN,), 10, CloseReason.DEADLINE_PASSED),
        ((OPEN, ballot("a"), ballot("b")), 9, None),
        ((OPEN, ballot("a"), ballot("b"), ballot("c")), 0, CloseReason.ALL_VOTED),
        ((OPEN, CLOSE), 99, None),
    ],
)
def test_the_leader_closes_when_all_have_voted_or_its_clock_has_reached_the_deadline(payloads, leader_time, due):
    closing = closing_due(folded(*payloads), leader_time=leader_time, deadline=10)

    assert closing == (Closing("d", due, leader_time) if due else None)


PAYLOADS = st.lists(
    st.one_of(
        st.sampled_from([OPEN, LAST, CLOSE, None, "nonsense"]),
        st.builds(
            BallotEntry,
            st.sampled_from(["d", "other"]),
            st.sampled_from("abcz"),
            st.sampled_from("12"),
            st.sampled_from(["yes", "no", "abstain", "maybe"]),
        ),
    ),
    max_size=20,
)


@given(PAYLOADS)
def test_folding_step_by_step_is_folding_at_once(payloads):
    state = DecisionState()
    for index, payload in enumerate(payloads, 1):
        state = apply_entry(state, index, payload)

    assert state == folded(*payloads)


@given(PAYLOADS)
def test_an_agent_counts_at_most_once_and_only_if_eligible(payloads):
    state = folded(*payloads)

    agents = [cast.agent for cast in state.ballots]
    assert len(agents) == len(set(agents))
    assert set(agents) <= {"a", "b", "c"}


@given(PAYLOADS, st.data())
def test_repeating_a_ballot_that_counts_changes_nothing(payloads, data):
    state = folded(*payloads)
    if state.ballots:
        repeat = data.draw(st.sampled_from(state.ballots))

        assert apply_entry(state, len(payloads) + 1, repeat) == state


@given(PAYLOADS)
def test_nothing_counts_after_close(payloads):
    closed = folded(OPEN, ballot("a"), CLOSE)

    after = fold([*enumerate([OPEN, ballot("a"), CLOSE, *payloads], 1)])

    assert (after.ballots, after.closing) == (closed.ballots, closed.closing)

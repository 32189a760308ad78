"""Suspicions: who is listed for what, and that nobody is listed for what no agent is to blame for."""

import pytest

from maos_flows.model import (
    Absence,
    AbsenceKind,
    Ballot,
    Fault,
    RejectedBallot,
    RejectionReason,
    Suspicions,
)
from maos_flows.policies.suspicions import suspicions


def rejected(agent_id: str, reason: RejectionReason, explanation: str = "why") -> RejectedBallot:
    return RejectedBallot(Ballot("d-1", agent_id, "x"), reason, explanation)


CONFLICT = rejected("eve", RejectionReason.CONFLICTING)
LATE = rejected("ann", RejectionReason.LATE)
SILENT = Absence("d-1", "bob", AbsenceKind.TIMED_OUT, "nothing came")


def test_contradicting_ballots_are_suspicious_and_no_proof():
    found = suspicions((CONFLICT, LATE), (SILENT,), Suspicions.BALLOTS)

    assert found == (Fault("eve", "conflicting_ballot", is_proof=False, evidence=("why",)),)


def test_where_everything_is_listed_the_late_and_the_silent_are_too():
    found = suspicions((CONFLICT, LATE), (SILENT,), Suspicions.ALL)

    assert [(fault.agent_id, fault.kind) for fault in found] == [
        ("ann", "late_ballot"),
        ("bob", "timed_out"),
        ("eve", "conflicting_ballot"),
    ]


def test_nothing_is_listed_unless_it_is_asked_for():
    assert suspicions((CONFLICT, LATE), (SILENT,), Suspicions.NONE) == ()


@pytest.mark.parametrize("which", list(Suspicions))
@pytest.mark.parametrize(
    "reason", [RejectionReason.NO_JUSTIFICATION, RejectionReason.VETO_WITHOUT_REASON, RejectionReason.OWN_PROPOSAL]
)
def test_what_a_rule_refuses_is_nobodys_fault(which, reason):
    assert suspicions((rejected("ann", reason),), (), which) == ()


def test_an_agent_that_was_not_needed_is_not_absent():
    absent = Absence("d-1", "bob", AbsenceKind.NOT_NEEDED)

    assert suspicions((), (absent,), Suspicions.ALL) == ()


def test_an_agent_whose_ballot_was_rejected_is_listed_for_that_alone():
    absent = Absence("d-1", "ann", AbsenceKind.FAILED, "its ballot was rejected")

    assert [fault.kind for fault in suspicions((LATE,), (absent,), Suspicions.ALL)] == ["late_ballot"]


def test_the_same_misbehaviour_is_listed_once_with_all_that_shows_it():
    again = rejected("eve", RejectionReason.CONFLICTING, "why too")

    assert suspicions((CONFLICT, again, CONFLICT), (), Suspicions.BALLOTS) == (
        Fault("eve", "conflicting_ballot", is_proof=False, evidence=("why", "why too")),
    )

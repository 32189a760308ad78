"""Whoever holds a decision can check it offline; whatever is changed in it is found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from maos_flows.agreement.verification import evidence_of, verify_decision
from maos_flows.errors import NotFoundError
from maos_flows.model import Decision, Fault, Outcome
from maos_flows.policies.majority import SimpleMajority
from tests.agreement.council import BYZANTINE, collected, decided, names, opening_of

OPENING = opening_of(7)
CHOICES = dict.fromkeys(names(7)[:6], "x") | {names(7)[6]: "y"}
DECISION = decided(OPENING, collected(OPENING, CHOICES, twice={"a00": "y"}))


def changed(**changes: Any) -> Decision:
    return replace(DECISION, **changes)


def certificate(**changes: Any) -> Decision:
    assert DECISION.certificate is not None
    return changed(certificate=replace(DECISION.certificate, **changes))


def test_a_decision_is_proven_by_what_is_on_record():
    verified = verify_decision(DECISION, BYZANTINE)

    assert verified.is_sound
    assert (len(verified.signers), verified.quorum) == (5, 5)
    assert (verified.voided, verified.proofs) == (("a00",), (("a00", "equivocation"),))
    assert verified.ballots == names(7)[1:]
    assert list(verified.lines())[-1] == "proven      signatures, quorum and count are right"


def without_first_commit() -> Decision:
    assert DECISION.certificate is not None
    return certificate(commits=DECISION.certificate.commits[1:])


def doubled_commit() -> Decision:
    assert DECISION.certificate is not None
    first, *others = DECISION.certificate.commits
    return certificate(commits=(first, first, *others[1:]))


def commits_of_another_value() -> Decision:
    other = decided(OPENING, collected(OPENING, dict.fromkeys(names(7), "x"))).certificate
    assert other is not None
    return certificate(commits=other.commits)


def ballot_left_out() -> Decision:
    assert DECISION.certificate is not None
    return certificate(ballots=DECISION.certificate.ballots[:-1])


TAMPERINGS: dict[str, Callable[[], Decision]] = {
    "a commit is missing": without_first_commit,
    "a commit is there twice": doubled_commit,
    "b19 commits of other ballots": commits_of_another_value,
    "a signed ballot is left out": ballot_left_out,
    "another view": lambda: certificate(view=2),
    "no certificate": lambda: changed(certificate=None),
    "another choice": lambda: changed(choice="y"),
    "another outcome": lambda: changed(outcome=Outcome.NOT_REACHED, choice=None),
    "a counted ballot is missing": lambda: changed(ballots=DECISION.ballots[1:]),
    "a counted ballot says otherwise": lambda: changed(
        ballots=(replace(DECISION.ballots[0], choice="y"), *DECISION.ballots[1:])
    ),
    "a voided ballot is counted": lambda: changed(
        ballots=(DECISION.rejected[0].ballot, *DECISION.ballots),
    ),
    "another tally": lambda: changed(tally=replace(DECISION.tally, abstained=1)),
    "an invented proof": lambda: changed(
        faults=(Fault("a01", "equivocation", is_proof=True, evidence=DECISION.faults[0].evidence),)
    ),
    "a proof of nothing": lambda: changed(faults=(Fault("a01", "two_commits", is_proof=True, evidence=("x y",)),)),
    "another question": lambda: changed(
        opening=replace(OPENING, proposal=replace(OPENING.proposal, question="Stop it?"))
    ),
    "another threshold": lambda: changed(
        opening=replace(
            OPENING, parameters=replace(OPENING.parameters, threshold=BYZANTINE.threshold(None), min_participants=2)
        )
    ),
    "too few seats": lambda: changed(
        opening=replace(OPENING, electorate=replace(OPENING.electorate, electors=OPENING.electorate.electors[:3]))
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_whatever_is_changed_afterwards_is_found(tampering: str):
    verified = verify_decision(TAMPERINGS[tampering](), BYZANTINE)

    assert not verified.is_sound
    assert "NOT PROVEN" in list(verified.lines())


def test_a_decision_that_was_not_agreed_on_has_only_its_proofs():
    choices: dict[str, str | None] = {**dict.fromkeys(names(7)[:3], "x"), **dict.fromkeys(names(7)[3:], "x")}
    twice = dict.fromkeys(names(7)[:3], "y")
    verified = verify_decision(decided(OPENING, collected(OPENING, choices, twice=twice)), BYZANTINE)

    assert verified.is_sound
    assert len(verified.proofs) == 3
    assert next(verified.lines()).endswith("the replicas did not agree")


def test_what_nobody_signed_cannot_be_verified():
    unsigned = tuple(replace(ballot, signature="") for ballot in DECISION.ballots)

    with pytest.raises(NotFoundError, match="not signed"):
        verify_decision(replace(DECISION, ballots=unsigned), SimpleMajority())


@pytest.mark.parametrize(
    "fault",
    [
        Fault("a", "disputed", is_proof=True, evidence=("ballot x",)),
        Fault("a", "equivocation", is_proof=True, evidence=("hearsay x",)),
    ],
)
def test_what_is_no_evidence_is_not_read_as_such(fault: Fault):
    assert evidence_of(fault) is None

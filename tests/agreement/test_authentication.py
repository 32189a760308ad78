"""Where ballots must be signed, none counts without its agent's signature, whatever the algorithm and its way in."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from maos_flows.agreement.binding import claims_of, detail_of
from maos_flows.agreement.verification import verify_decision
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError
from maos_flows.flows.agreeing import bound, decide_box_by, decide_recorded
from maos_flows.flows.collecting import keep_answer
from maos_flows.model import (
    Absence,
    Agent,
    AuthClass,
    Ballot,
    BallotBox,
    Opening,
    Outcome,
    Parameters,
    RejectedBallot,
    RejectionReason,
)
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.signing import SigningKey
from maos_flows.voters.base import utc_now

REMOTE = SigningKey.generate()
AGENTS = (Agent("ada"), Agent("bob"), Agent("rem", voter="command", public_key=REMOTE.public))
MAJORITY = built_in_policies()["simple_majority"]
ALGORITHMS = ("simple_majority", "weighted_voting", "raft")


@pytest.fixture
def store(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditStore]:
    monkeypatch.setenv("MAOS_DATABASE_URL", store_url)
    monkeypatch.setenv("MAOS_HOME", str(tmp_path / "home"))
    with AuditStore.open(store_url) as opened:
        yield opened


def opened(
    store: AuditStore,
    algorithm: str = "simple_majority",
    agents: tuple[Agent, ...] = AGENTS,
    *,
    signed_ballots: bool = True,
) -> Opening:
    parameters = Parameters(signed_ballots=signed_ballots)
    request = DecisionRequest("Ship it?", ("x", "y"), agents, algorithm=algorithm, parameters=parameters)
    policy = built_in_policies()[algorithm]
    asked = open_decision(request, policy, decision_id="d-1", now=utc_now())
    return store.open_decision(bound(asked, policy), request)


def cast(agent: str, choice: str = "x", **said: str) -> Ballot:
    return Ballot("d-1", agent, choice, received_at=utc_now(), **said)  # type: ignore[arg-type]


def signed_there(opening: Opening, choice: str, key: SigningKey = REMOTE) -> Ballot:
    ballot = cast("rem", choice)
    claims = {**claims_of(opening.proposal), "agent_id": "rem", "choice": choice, "detail": detail_of(ballot)}
    return replace(ballot, signature=key.sign("ballot", claims))


def box_of(store: AuditStore, opening: Opening, *more: Ballot) -> BallotBox:
    answers = store.answers("d-1", 1)
    ballots = tuple(answer for answer in answers if isinstance(answer, Ballot))
    absences = tuple(answer for answer in answers if isinstance(answer, Absence))
    return BallotBox(opening.proposal, AGENTS, (*ballots, *more), absences)


def reasons(rejected: tuple[RejectedBallot, ...]) -> list[RejectionReason]:
    return [entry.reason for entry in rejected]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_ballots_of_every_algorithm_are_signed_and_verified_from_the_record(store: AuditStore, algorithm: str):
    opening = opened(store, algorithm)
    policy = built_in_policies()[algorithm]
    for ballot in (cast("ada"), cast("bob", " x "), signed_there(opening, "x")):
        keep_answer(ballot, opening=opening, store=store)

    ruled = await decide_recorded(policy, opening, box_of(store, opening))
    decision = store.close_decision(ruled.decision, at=utc_now())

    assert (decision.outcome, decision.choice, len(decision.ballots)) == (Outcome.REACHED, "x", 3)
    classes = {ballot.agent_id: ballot.auth_class for ballot in decision.ballots}
    assert classes == {"ada": AuthClass.IN_PROCESS, "bob": AuthClass.IN_PROCESS, "rem": AuthClass.REMOTE}
    assert verify_decision(decision, policy).is_sound
    assert "3 signed and counted: ada, bob, rem" in "\n".join(verify_decision(decision, policy).lines())
    forged = replace(decision, ballots=(replace(decision.ballots[0], choice="y"), *decision.ballots[1:]))
    assert "ada signed something else" in "\n".join(verify_decision(forged, policy).lines())


def test_an_unsigned_ballot_is_recorded_with_its_reason_and_its_agent_has_none(store: AuditStore):
    opening = opened(store)

    kept = keep_answer(cast("rem"), opening=opening, store=store)

    assert isinstance(kept, Absence)
    assert "is not signed, and here it must be" in kept.explanation
    assert reasons(store.rejected("d-1", 1)) == [RejectionReason.UNSIGNED]


def test_b03_a_ballot_under_another_key_or_for_other_words_is_recorded_with_its_reason(store: AuditStore):
    """B03: a valid signature of somebody else, and one of the agent's own for another choice."""
    opening = opened(store)

    store.record_answer(signed_there(opening, "x", SigningKey.generate()))
    store.record_answer(replace(signed_there(opening, "x"), choice="y"))
    store.record_answer(cast("ada"))

    assert reasons(store.rejected("d-1", 1)) == [
        RejectionReason.BAD_SIGNATURE,
        RejectionReason.BAD_SIGNATURE,
        RejectionReason.UNSIGNED,
    ]
    assert store.answers("d-1", 1) == ()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_unsigned_ballots_make_no_decision_whichever_way_they_come(store: AuditStore, algorithm: str):
    opening = opened(store, algorithm)
    policy = built_in_policies()[algorithm]
    box = box_of(store, opening, cast("ada"), cast("bob"), cast("rem"))

    recorded = (await decide_recorded(policy, opening, box)).decision

    assert recorded.outcome is Outcome.NOT_REACHED
    assert {entry.reason for entry in recorded.rejected} == {RejectionReason.UNSIGNED}
    assert recorded.ballots == ()


def test_a_box_that_is_decided_without_a_record_is_scrutinised_alike(store: AuditStore):
    opening = opened(store)

    decision = decide_box_by(MAJORITY, opening, box_of(store, opening, cast("ada"), signed_there(opening, "x")))

    assert [ballot.agent_id for ballot in decision.ballots] == ["rem"]
    assert reasons(decision.rejected) == [RejectionReason.UNSIGNED]


def test_a_voter_that_cannot_sign_for_a_key_kept_elsewhere_is_refused_when_the_decision_opens(store: AuditStore):
    with pytest.raises(ConfigurationError, match="rem has a key that is not kept here, and its voter cannot sign"):
        opened(store, agents=(Agent("ada"), Agent("rem", voter="simulated", public_key=REMOTE.public)))


def test_signatures_that_nobody_asked_for_are_checked_all_the_same_and_unsigned_ballots_named(store: AuditStore):
    opening = opened(store, signed_ballots=False)
    good, forged = signed_there(opening, "x"), signed_there(opening, "x", key=SigningKey.generate())
    made, other = (decide(MAJORITY, opening, [cast("ada"), ballot]) for ballot in (good, forged))

    proven, wrong = verify_decision(made, MAJORITY), verify_decision(other, MAJORITY)

    assert (proven.is_sound, proven.ballots, proven.unsigned) == (True, ("rem",), ("ada",))
    assert "unsigned    1 counted, and nothing proves whose: ada" in list(proven.lines())
    assert not wrong.is_sound
    assert any("the ballot of rem counted: it is not signed by the key of rem" in line for line in wrong.lines())

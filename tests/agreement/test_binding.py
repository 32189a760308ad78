"""What is signed holds for one agent, one round, one decision, one installation, and for exactly what it says."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.agreement.binding import Binding, bind, claims_of, detail_of
from maos_flows.errors import ConfigurationError
from maos_flows.keys import KeyFolder
from maos_flows.model import AbsenceKind, Agent, Ballot, Opening, Outcome, RejectionReason
from maos_flows.protocols.byzantine import Kind
from maos_flows.signing import SigningKey
from tests.agreement.council import RAFT, Collected, ballot, collected, decided, keys, names, opening_of

OPENING = opening_of(4)
REMOTE = SigningKey.generate()


def problem_of(cast: Ballot, opening: Opening = OPENING) -> RejectionReason | None:
    found = Binding(opening).ballot_problem(cast)
    return None if found is None else found[0]


def signed_elsewhere(opening: Opening, agent: str, choice: str, key: SigningKey) -> Ballot:
    """Sign as an agent does whose key is elsewhere: from the claims it is given, by nothing of ours but the form."""
    cast = Ballot("d-1", agent, choice, round=opening.proposal.round)
    claims = {**claims_of(opening.proposal), "agent_id": agent, "choice": choice, "detail": detail_of(cast)}
    return replace(cast, signature=key.sign("ballot", claims))


def test_a_ballot_signed_by_its_agent_is_one():
    assert problem_of(ballot(OPENING, "a00", "x", reasoning="because")) is None


def test_b03_a_ballot_signed_by_another_valid_key_is_refused():
    """B03: the key is looked up in the electorate, never taken from the ballot."""
    mallory = signed_elsewhere(OPENING, "a00", "x", SigningKey.generate())

    assert problem_of(mallory) is RejectionReason.BAD_SIGNATURE


def test_b04_the_signature_of_one_agent_under_anothers_name_is_refused():
    """B04: A's signature with B's id."""
    stolen = ballot(OPENING, "a00", "x")
    own = keys().key_of("a01")

    assert problem_of(replace(stolen, agent_id="a01")) is RejectionReason.BAD_SIGNATURE
    claims = {**claims_of(OPENING.proposal), "agent_id": "a00", "choice": "x", "detail": detail_of(stolen)}
    assert problem_of(replace(stolen, agent_id="a01", signature=own.sign("ballot", claims))) is (
        RejectionReason.BAD_SIGNATURE
    )


@pytest.mark.parametrize("way", ["accepted", "conflicting"])
def test_b05_every_way_in_makes_the_same_check(way: str):
    """B05: a forged ballot is refused wherever it comes in."""
    forged = signed_elsewhere(OPENING, "a00", "y", SigningKey.generate())
    good = [ballot(OPENING, name, "x") for name in names(4)]
    if way == "accepted":
        decision = decided(OPENING, Collected((forged, *good[1:])))
    else:
        decision = decided(OPENING, Collected(tuple(good), (), (forged,)))

    assert "y" not in {one.choice for one in decision.ballots}
    assert decision.faults == ()
    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "x")


@pytest.mark.parametrize(
    "elsewhere",
    [
        opening_of(4, nonce="1" * 32),
        opening_of(4, round_number=2),
        replace(OPENING, proposal=replace(OPENING.proposal, decision_id="d-2")),
        replace(OPENING, proposal=replace(OPENING.proposal, deployment="another")),
        replace(OPENING, proposal=replace(OPENING.proposal, question="Stop it?")),
        replace(OPENING, proposal=replace(OPENING.proposal, choices=("y", "x"))),
    ],
    ids=["nonce", "round", "decision", "deployment", "question", "choices"],
)
def test_b06_a_signed_ballot_is_void_anywhere_else(elsewhere: Opening):
    """B06: a ballot binds deployment, decision, nonce, round and proposal."""
    replayed = replace(ballot(OPENING, "a00", "x"), round=elsewhere.proposal.round)

    assert problem_of(replayed) is None or elsewhere.proposal.round != 1
    assert problem_of(replayed, elsewhere) is RejectionReason.BAD_SIGNATURE


@pytest.mark.parametrize("signature", ["", " ", "a.b.c", "0" * 64])
def test_b07_without_a_signature_or_with_an_invented_one_a_ballot_is_refused(signature: str):
    """B07: unsigned, or signed without a key."""
    found = problem_of(replace(Ballot("d-1", "a00", "x"), signature=signature))

    assert found is (RejectionReason.BAD_SIGNATURE if signature else RejectionReason.UNSIGNED)


@given(st.data())
def test_whatever_a_ballot_says_otherwise_than_it_was_signed_voids_it(data: st.DataObject):
    cast = ballot(OPENING, "a00", "x", reasoning="r", evidence=("e",), confidence=Fraction(1, 2))
    changes = {
        "choice": "y",
        "reasoning": "another",
        "evidence": ("e", "f"),
        "confidence": Fraction(1),
        "veto": True,
        "attributes": {"a": 1},
    }
    name = data.draw(st.sampled_from(sorted(changes)))

    assert problem_of(replace(cast, **{name: changes[name]})) is RejectionReason.BAD_SIGNATURE


def test_what_json_cannot_carry_cannot_be_signed():
    cast = Ballot("d-1", "a00", "x", attributes={"n": 2**60})

    assert Binding(OPENING).sign_ballot(cast, keys()) == cast
    good = ballot(OPENING, "a00", "x")
    assert problem_of(replace(cast, signature=good.signature)) is RejectionReason.BAD_SIGNATURE


def test_nobody_signs_for_a_stranger():
    stranger = ballot(OPENING, "nobody", "x")

    assert stranger.signature == ""
    assert Binding(OPENING).verify("nobody", Kind.BALLOT, "a.b.c") is None


# --- keys elsewhere -------------------------------------------------------------------------------------------------


def remote_opening(voter: str = "python") -> Opening:
    agents = [Agent("a00", public_key=REMOTE.public, voter=voter), *(Agent(name) for name in names(4)[1:])]
    return opening_of(agents)


def test_an_agent_with_a_key_elsewhere_signs_its_ballot_itself():
    opening = remote_opening()
    own = signed_elsewhere(opening, "a00", "x", REMOTE)
    others = collected(opening, dict.fromkeys(names(4)[1:], "x")).ballots

    decision = decided(opening, Collected((own, *others)))

    elector = opening.electorate.elector("a00")
    assert elector is not None
    assert elector.public_key == REMOTE.public
    assert elector.replica_key not in {None, REMOTE.public}
    assert [one.agent_id for one in decision.ballots] == list(names(4))


def test_a_ballot_it_did_not_sign_is_kept_and_not_counted():
    opening = remote_opening()
    unsigned = Ballot("d-1", "a00", "y")
    others = collected(opening, dict.fromkeys(names(4)[1:], "x")).ballots

    decision = decided(opening, Collected((unsigned, *others)))

    assert [(one.ballot.agent_id, one.reason) for one in decision.rejected] == [("a00", RejectionReason.UNSIGNED)]
    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "x")


def test_a_voter_that_cannot_sign_for_a_key_elsewhere_is_refused_when_the_decision_opens():
    with pytest.raises(ConfigurationError, match="a00 has a key that is not kept here, and its voter cannot sign"):
        remote_opening("simulated")


def test_an_installation_without_an_agents_key_does_not_vote_for_it(tmp_path: Path):
    elsewhere = KeyFolder(tmp_path)

    bare = Ballot("d-1", "a00", "x")

    assert Binding(OPENING).sign_ballot(bare, elsewhere) == bare
    assert bind(opening_of(4, RAFT), elsewhere).proposal.deployment == elsewhere.deployment
    assert elsewhere.deployment != OPENING.proposal.deployment


def test_an_absent_agent_takes_no_part():
    decision = decided(OPENING, collected(OPENING, {"a00": None, "a01": "x", "a02": "x", "a03": "x"}))

    assert [one.kind for one in decision.absences] == [AbsenceKind.TIMED_OUT]
    assert decision.details["agreement"]["silent"] == ["a00"]

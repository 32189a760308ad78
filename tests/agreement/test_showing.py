"""What people are shown: who agreed on what, who misbehaved, how it shows; all as text that renders nothing."""

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.agreement.showing import agreement_rows, fault_text, log_rows
from maos_flows.flows.artifacts import decision_markdown
from maos_flows.model import Fault
from maos_flows.policies.deciding import decide
from maos_flows.policies.majority import SimpleMajority
from tests.agreement.council import RAFT, collected, decided, names, opening_of

OPENING = opening_of(7)


def test_an_artifact_shows_certificate_and_evidence():
    choices = {**dict.fromkeys(names(7)[:6], "x"), "a06": None}
    decision = decided(OPENING, collected(OPENING, choices, twice={"a00": "y"}))

    text = decision_markdown(decision, ())

    facts = dict(agreement_rows(decision))
    assert facts["Certificate"].startswith("5 signatures, 5 needed, in view ")
    assert (facts["Silent"], facts["Proven faulty"]) == ("a06", "a00")
    assert "a00: equivocation (proof)" in text
    assert "signed ballot: choice x\n" in text
    assert "signed ballot: choice y\n" in text
    assert len(facts["Signed by"].split(", ")) == 5
    assert f"maos consensus verify {decision.decision_id}" in text


def test_an_artifact_says_that_there_is_no_certificate():
    decision = decided(OPENING, collected(OPENING, {**dict.fromkeys(names(7)[:3], "x"), **dict.fromkeys(names(7)[3:])}))

    assert dict(agreement_rows(decision))["Certificate"] == "none: the replicas did not agree"


def test_an_artifact_shows_leader_and_log():
    opening = opening_of(3, RAFT)
    decision = decided(opening, collected(opening, {"a00": "x", "a01": "x", "a02": None}), policy=RAFT)

    text = decision_markdown(decision, ())

    assert dict(agreement_rows(decision))["Down"] == "a02"
    assert [entry for _, _, entry in log_rows(decision)][1] == "OPEN"
    assert "### The log" in text
    assert "`CLOSE, deadline passed`" in text


def test_without_agreement_nothing_is_shown_of_it():
    opening = opening_of(3, SimpleMajority())
    decision = decide(SimpleMajority(), opening, collected(opening, dict.fromkeys(names(3), "x")).ballots)

    assert (agreement_rows(decision), log_rows(decision)) == ([], [])
    assert "## Agreement" not in decision_markdown(decision, ())


def test_b21_nothing_claims_more_tolerance_than_a_run_has():
    """B21: how many may lie is said as a number of this run, with where its replicas ran."""
    decision = decided(OPENING, collected(OPENING, dict.fromkeys(names(7), "x")))

    assert dict(agreement_rows(decision))["Replicas"] == "7, of which 2 may be silent or lie; in one process"
    assert "n/3" not in decision_markdown(decision, ())


@given(st.text(max_size=80) | st.from_regex(r"ballot [A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_=-]{0,40}\.x", fullmatch=True))
def test_evidence_that_says_nothing_is_shown_as_it_is(item):
    text = fault_text(Fault("a", "disputed", is_proof=False, evidence=(item,)))

    assert text.removeprefix("a: disputed (suspicion)\n") in {item, f"{item[:60]}..."}


def test_hostile_evidence_stays_text():
    text = fault_text(Fault("a", "disputed", is_proof=False, evidence=("b", "![x](http://evil)" * 9)))

    assert text.splitlines()[0] == "a: disputed (suspicion)"
    assert len(text) < 100

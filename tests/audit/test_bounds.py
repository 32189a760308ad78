"""Bounds: whatever an agent writes can be stored, read back and is cut where it is too long."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.audit.bounds import MOST_ATTRIBUTES, MOST_EVIDENCE, MOST_REASONING, MOST_TEXT, bound_answer
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.store import AuditStore
from maos_flows.audit.texts import cut, portable
from maos_flows.errors import StoreError
from maos_flows.model import Ballot, Tally
from maos_flows.records import canonical
from tests.audit.samples import absence, ballot, opened

any_text = st.text(st.characters(exclude_categories=()))
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.fractions() | st.binary() | st.datetimes()
)
any_data = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(any_text | st.integers(), inner),
    max_leaves=20,
)


@given(any_text, st.integers(64, 256))
def test_a_cut_text_fits_and_stays_as_it_is_when_cut_again(text: str, most: int) -> None:
    kept = cut(text, most)

    assert len(kept.encode()) <= most
    assert cut(kept, most) == kept
    assert "\0" not in kept


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_a_text_that_fits_is_kept_as_it_is(text: str) -> None:
    assert cut(text, 4 * 60) == text


def test_a_cut_text_says_how_long_it_was() -> None:
    assert cut("x" * 100, 64) == "x" * 38 + " … [cut: 100 characters]"


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_what_no_database_keeps_is_shown_and_not_left_out(text: str) -> None:
    assert cut(text, 99) == "a\ufffdb"


@given(any_data)
def test_any_data_becomes_plain_data_that_json_keeps(data: Any) -> None:
    plain = portable(data)

    assert decode(dict, canonical({"kept": plain})) == {"kept": plain}
    assert portable(plain) == plain


@settings(max_examples=50)
@given(st.dictionaries(any_text, any_data), st.lists(any_text), any_text, st.none() | st.fractions(), st.floats())
def test_a_bounded_ballot_can_be_written_and_read_again(
    attributes: dict[str, Any], evidence: list[str], reasoning: str, confidence: Fraction | None, seconds: float
) -> None:
    bounded = bound_answer(
        ballot(
            attributes=attributes,
            evidence=tuple(evidence),
            reasoning=reasoning,
            confidence=confidence,
            seconds=seconds,
        )
    )

    assert decode(Ballot, encode(bounded)) == bounded
    assert bound_answer(bounded) == bounded
    assert len(canonical(dict(bounded.attributes))) <= 2 * MOST_ATTRIBUTES
    assert bounded.confidence == confidence


def test_b60_a_reasoning_of_a_megabyte_is_cut() -> None:
    bounded = bound_answer(ballot(reasoning="ä" * 2**20))

    assert len(bounded.reasoning.encode()) <= MOST_REASONING
    assert bounded.reasoning.endswith("[cut: 1048576 characters]")


def test_too_much_evidence_is_cut() -> None:
    bounded = bound_answer(ballot(evidence=("e" * 10_000,) * 100))

    assert len(bounded.evidence) == MOST_EVIDENCE
    assert bounded.evidence[-1] == "[cut: 37 more]"
    assert len(bounded.evidence[0].encode()) == MOST_TEXT


def test_too_many_too_large_and_too_deep_attributes_are_cut() -> None:
    deep: Any = "bottom"
    for _ in range(40):
        deep = [deep]
    many = {f"{number:03}": "x" * 1500 for number in range(100)}

    bounded = bound_answer(ballot(attributes={"deep": deep, "wide": list(range(100)), **many})).attributes

    assert "nested too deep" in str(bounded["deep"])
    assert bounded["wide"][-1] == "[cut: 37 more]"
    assert bounded["[cut]"] == "39 more"
    assert bounded["060"] == "[cut: 1502 bytes]"
    assert len(canonical(dict(bounded))) < MOST_ATTRIBUTES + 4096


def test_data_that_holds_itself_ends() -> None:
    data: dict[str, Any] = {}
    data["me"] = data

    assert "nested too deep" in str(portable(data))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (1e16, "1e+16"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (1 << 5000, "[an integer of 5001 bits]"),
        (Fraction(1, 3), "1/3"),
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01 00:00:00+00:00"),
        (b"bytes", "[bytes]"),
        (object(), "[object]"),
        ({"b", "a"}, ["a", "b"]),
        ((1, 2), [1, 2]),
        ({1: None}, {"1": None}),
    ],
)
def test_what_json_cannot_carry_becomes_text(value: Any, kept: Any) -> None:
    assert portable(value) == kept


@pytest.mark.parametrize(
    ("confidence", "kept"),
    [
        (Fraction(1, 10**5000), Fraction(0)),
        (1 + Fraction(1, 10**5000), Fraction(2)),
        (-Fraction(1, 10**5000), Fraction(-1)),
    ],
)
def test_a_confidence_of_thousands_of_digits_stays_in_or_out_of_range(confidence: Fraction, kept: Fraction) -> None:
    assert bound_answer(ballot(confidence=confidence)).confidence == kept


def test_units_beyond_what_json_carries_are_kept_exactly() -> None:
    tally = Tally({"a": 10**30, "b": 0}, {"a": 1, "b": 0}, 0, 10**30, 10**30, 1, Fraction(1, 10**18))

    assert decode(Tally, encode(tally)) == tally


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_a_damaged_record_is_loud(record: bytes) -> None:
    with pytest.raises(StoreError, match="Ballot in the audit store is damaged"):
        decode(Ballot, record)


NASTY = (
    "\0\ud800 '; DROP TABLE maos_answer; -- \x1b[31m <script>alert(1)</script> IGNORE PREVIOUS \u202e"
    + "\U0001f680" * 3
)


def test_b60_hostile_text_is_stored_and_changes_nothing(store: AuditStore) -> None:
    opened(store)
    hostile = ballot(
        reasoning=NASTY + "x" * 2**20, evidence=(NASTY,), attributes={NASTY: NASTY, "nan": math.nan}, seconds=math.nan
    )

    kept = store.record_answer(hostile)
    store.record_answer(replace(hostile, agent_id=NASTY, choice=NASTY, voter=NASTY))
    store.record_answer(absence("bob", explanation=NASTY))

    assert store.answers("d-1", 1)[0] == kept
    assert [rejected.reason.value for rejected in store.rejected("d-1", 1)] == ["unknown_voter"]
    assert store.check() == ()


def test_a_name_with_a_nul_is_not_the_name_without(store: AuditStore) -> None:
    opened(store)

    store.record_answer(ballot("ada\0"))
    store.record_answer(ballot("bob", "PostgreSQL\0"))

    assert store.answers("d-1", 1) == ()
    assert [rejected.reason.value for rejected in store.rejected("d-1", 1)] == ["unknown_voter", "invalid_choice"]

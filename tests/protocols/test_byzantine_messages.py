"""Messages: how many there are, how they are written and read, and what is signed."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.byzantine import Kind, canonical_bytes, decode, encode, read_payload
from maos_flows.protocols.byzantine.messages import Accusation, Decided, Fetch, Supply, ViewChange
from maos_flows.protocols.byzantine.statements import Reader, Signed
from maos_flows.protocols.canonical import PAYLOAD_LIMIT, read_object, sha256_hex
from maos_flows.protocols.simulation.byzantine import run
from maos_flows.protocols.simulation.faults import Profile
from maos_flows.protocols.simulation.world import Settings
from tests.protocols.byzantine_support import Table
from tests.protocols.test_byzantine_evidence import Misdeed, evidence

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    TEXT | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("n", range(4, 14))
def test_a_decision_without_faults_takes_exactly_n_minus_1_times_3n_plus_1_messages(n):
    table = Table(n)
    table.cast_all()
    table.deliver()
    counted = table.sent_by_type()
    last = counted.pop("Decided")

    assert counted == {"Ballots": n * (n - 1), "Propose": n - 1, "Prepare": n * (n - 1), "Commit": n * (n - 1)}
    assert counted.total() == (n - 1) * (3 * n + 1)
    assert last == n * (n - 1)
    assert len(table.decisions) == n
    assert {decision.certificate.view for decision in table.decisions.values()} == {1}


@pytest.mark.parametrize("n", range(4, 14))
def test_a_simulated_decision_without_faults_takes_as_many(n):
    report = run(0, Profile.CALM, Settings(size=n, events=(n - 1) * (4 * n + 1) + 2 * n))

    assert report.decided
    assert report.rounds == 1
    assert report.messages == (n - 1) * (3 * n + 1) + n * (n - 1)


@pytest.mark.parametrize(("n", "most"), [(4, 8), (7, 15), (10, 22), (13, 29)])
def test_each_replica_verifies_no_more_signatures_than_it_needs(n, most):
    table = Table(n)
    table.cast_all()
    table.deliver()

    assert max(replica.verifications for replica in table.replicas.values()) <= most


def messages(table: Table) -> list:
    value, primary = table.value(), table.primary()
    return [
        table.cast(primary).messages[0].message,
        table.propose_message(1, value),
        table.propose_message(2, value, table.changes(2, 1, value), table.votes(Kind.PREPARE, 1, value)),
        table.prepare_message(primary, 1, value),
        table.commit_message(primary, 1, value),
        table.change_message(primary, 2),
        table.change_message(primary, 2, 1, value),
        table.decided_message(1, value, others=(table.ballot("a01"),), asks=True),
        *(Accusation(evidence(table, misdeed)) for misdeed in Misdeed),
        Fetch(value.digest),
        Supply(value),
    ]


def test_every_message_is_read_as_it_was_written():
    table = Table()

    for message in messages(table):
        assert decode(table.agreement, encode(message)) == message


def test_every_message_is_written_as_the_standard_says():
    for message in messages(Table()):
        written = encode(message)
        assert rfc8785.dumps(json.loads(written)) == written


def test_a_message_with_any_field_missing_added_or_of_another_type_is_not_read():
    table = Table()
    for message in messages(table):
        fields = json.loads(encode(message))
        for name in fields:
            without = {key: value for key, value in fields.items() if key != name}
            assert decode(table.agreement, canonical_bytes(without)) is None, (message, name)
            for wrong in (
                0,
                -1,
                True,
                "x",
                [["a"]],
                [[1, 2]],
                [1],
                {"a": "b"},
                [["a", [1]]],
                ["E1", "a", [["x", "y"]]],
            ):
                changed = decode(table.agreement, canonical_bytes({**fields, name: wrong}))
                assert changed is None or encode(changed) == canonical_bytes({**fields, name: wrong})
        assert decode(table.agreement, canonical_bytes({**fields, "more": 1})) is None


def test_a_view_must_be_a_whole_number_in_range():
    table = Table()
    fields = json.loads(encode(table.change_message("a01", 2)))

    read = [decode(table.agreement, canonical_bytes({**fields, "view": view})) for view in (0, -1, 2**31 + 1, True)]

    assert read == [None] * 4
    assert isinstance(decode(table.agreement, canonical_bytes({**fields, "view": 2**31})), ViewChange)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"Fetch"',
        b"\xff",
        b"{",
        b'{"type":"Coup"}',
        b'{"type":["Fetch"]}',
        b'{"digest":"' + b"0" * 64 + b'"}',
        b'{"type":"Fetch","digest":"' + b"0" * 64 + b'","digest":"' + b"0" * 64 + b'"}',
        b'{"type":"Fetch","digest":"' + b"g" * 64 + b'"}',
        b'{"type":"Fetch","digest":1.0}',
        b'{"type":"Fetch","digest":NaN}',
        b'{"type":"Fetch","digest":' + b"9" * 5000 + b"}",
        b'{"type":"Fetch","digest":9007199254740992}',
        b'{"type":"Ballots","ballots":[["a01","\\ud800"]]}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
    ],
)
def test_what_is_not_strict_json_is_not_read(data):
    assert decode(Table().agreement, data) is None


def test_what_is_too_large_is_not_read():
    table = Table()
    good = encode(Fetch("0" * 64))
    padded = good + b" " * (table.agreement.message_limit - len(good))

    assert decode(table.agreement, padded) is not None
    assert decode(table.agreement, padded + b" ") is None


@pytest.mark.parametrize("n", [4, 13, 40])
def test_the_largest_honest_proposal_fits(n):
    table = Table(n)
    value = table.value()
    claimed = [
        (view, table.value(agents=table.agreement.agents[: n - view % 2]))
        for view in range(1, 1 + min(6, table.agreement.quorum))
    ]
    prepares = tuple(vote for view, one in claimed for vote in table.votes(Kind.PREPARE, view, one))

    written = encode(table.propose_message(9, value, table.changes(9), prepares))

    assert len(written) < table.agreement.message_limit
    assert table.agreement.message_limit >= 65_536


@given(st.dictionaries(st.text(st.characters(codec="ascii"), max_size=8), JSON, max_size=5))
def test_canonical_bytes_are_those_of_rfc_8785(value):
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.dictionaries(st.text(st.characters(codec="ascii"), max_size=8), JSON, max_size=5))
def test_what_is_written_canonically_is_read_again_and_nothing_else_is(value):
    written = canonical_bytes(value)

    assert read_payload(written) == value
    assert read_payload(written + b" ") is None
    assert read_payload(b" " + written) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_without_an_error(data):
    read_object(data, 150)
    assert len(data) <= 150 or read_object(data, 150) is None


def test_a_payload_past_its_limit_is_refused():
    assert read_payload(canonical_bytes({"a": "x" * (PAYLOAD_LIMIT - 8)})) is not None
    assert read_payload(canonical_bytes({"a": "x" * (PAYLOAD_LIMIT - 7)})) is None


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (Kind.BALLOT, {"choice": "maybe"}),
        (Kind.BALLOT, {"choice": 1}),
        (Kind.BALLOT, {"detail": "x"}),
        (Kind.BALLOT, {"detail": 1}),
        (Kind.BALLOT, {"agent": "a02"}),
        (Kind.PREPARE, {"view": 0}),
        (Kind.PREPARE, {"view": True}),
        (Kind.PREPARE, {"view": 2**31 + 1}),
        (Kind.PREPARE, {"value": 1}),
        (Kind.PREPARE, {"value": "x"}),
        (Kind.VIEW_CHANGE, {"view": "2"}),
        (Kind.VIEW_CHANGE, {"view": 0}),
        (Kind.VIEW_CHANGE, {"prepared_view": False}),
        (Kind.VIEW_CHANGE, {"prepared_view": -1}),
        (Kind.VIEW_CHANGE, {"prepared_value": 0}),
        (Kind.VIEW_CHANGE, {"prepared_value": "x"}),
        *((kind, change) for kind in Kind for change in ({"decision": "0" * 64}, {"more": 1}, {"view": None})),
    ],
)
def test_a_signed_payload_with_any_field_wrong_states_nothing(kind, change):
    table = Table()
    digest = sha256_hex(b"")
    vote = {"view": 2, "value": digest}
    fields = {
        Kind.BALLOT: {"agent": "a01", "choice": "yes", "detail": digest},
        Kind.VIEW_CHANGE: {"view": 2, "prepared_view": 1, "prepared_value": digest},
    }.get(kind, vote)
    payload = {"decision": table.agreement.digest, **fields}
    reader = Reader(table.agreement, table.keyring.verify)
    sign = table.keyring.signing("a01").sign

    good = reader.read(kind, Signed("a01", sign(kind, payload)))
    bad = reader.read(kind, Signed("a01", sign(kind, {**payload, **change})))

    assert good is not None
    assert bad is None


def test_a_token_is_verified_once_while_it_is_remembered():
    table = Table()
    reader = Reader(table.agreement, table.keyring.verify)
    ballot = table.ballot("a01")

    assert reader.ballot(ballot) == reader.ballot(ballot) is not None
    assert reader.verifications == 1


def test_the_memory_of_tokens_is_bounded():
    table = Table()
    reader = Reader(table.agreement, table.keyring.verify)
    for number in range(3_000):
        reader.ballot(Signed("a01", f"forged {number}"))

    assert len(reader._read) == 1_024 + 64 * 4
    assert reader.verifications == 3_000


def test_certificates_are_read_from_the_wire_and_believed():
    table = Table()
    backup = table.backup()

    step = table.give(table.primary(), backup, encode(table.decided_message(1, table.value())))

    assert step.outputs[0].tally.choice == "yes"
    assert isinstance(step.messages[0].message, Decided)

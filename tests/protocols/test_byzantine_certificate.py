"""Valid values and certificates: what anyone can check offline, and every way to tamper with it."""

from dataclasses import replace

import pytest

from maos_flows.protocols.byzantine import Certificate, Entry, Kind, Signed, Value, verify_certificate
from maos_flows.protocols.byzantine.statements import Reader
from maos_flows.protocols.byzantine.value import value_problem
from tests.protocols.byzantine_support import DETAIL, Table, agreement_of

OTHER = "1" * 64


def pair(table: Table, agent: str) -> Entry:
    tokens = sorted([table.ballot(agent, "yes").token, table.ballot(agent, "no").token])
    return Entry(agent, tuple(tokens))


def problem(table: Table, *entries: Entry) -> str | None:
    return value_problem(Reader(table.agreement, table.keyring.verify), Value(entries))


def test_a_value_of_n_minus_f_ballots_or_pairs_is_valid():
    table = Table()
    entries = table.value(agents=["a01", "a02", "a04"]).entries

    assert problem(table, *entries) is None
    assert problem(table, *entries[:2], pair(table, "a03")) is None


def test_fewer_than_n_minus_f_entries_are_invalid():
    table = Table(7)

    assert problem(table, *table.value(agents=table.agreement.agents[:5]).entries) is None
    assert problem(table, *table.value(agents=table.agreement.agents[:4]).entries) is not None


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 1, 2)])
def test_entries_out_of_order_or_doubled_are_invalid(order):
    table = Table()
    entries = table.value().entries

    assert problem(table, *(entries[place] for place in order)) is not None


def test_ballots_that_do_not_verify_are_invalid():
    table, other = Table(), Table(agreement=agreement_of(4, choices=("yes", "no", "later")))
    rest = table.value(agents=["a02", "a03", "a04"]).entries
    wrong = {
        "of another agent": table.ballot("a02").token,
        "of another decision": other.ballot("a01").token,
        "for an unknown choice": table.ballot("a01", "later").token,
        "with no digest": table.ballot("a01", "yes", "short").token,
        "of another kind": table.vote("a01", Kind.PREPARE, 1, OTHER).token,
        "altered": table.ballot("a01").token.replace("yes", "no"),
        "oversized": table.ballot("a01").token + " " * table.agreement.token_limit,
        "empty": "",
    }

    found = {name: problem(table, Entry("a01", (token,)), *rest) for name, token in wrong.items()}

    assert [name for name, result in found.items() if result is None] == []
    assert problem(table, Entry("a00", (table.ballot("a01").token,)), *rest) is not None


def test_a_pair_must_be_two_different_ballots_in_order():
    table = Table()
    rest = table.value(agents=["a02", "a03", "a04"]).entries
    good = pair(table, "a01")
    same = replace(good, ballots=(good.ballots[0],) * 2)
    turned = replace(good, ballots=good.ballots[::-1])
    three = replace(good, ballots=(*good.ballots, table.ballot("a01", "no", OTHER).token))
    none = replace(good, ballots=())

    assert problem(table, good, *rest) is None
    assert [problem(table, entry, *rest) is None for entry in (same, turned, three, none)] == [False] * 4


def test_an_abstention_is_a_valid_ballot():
    table = Table()

    assert problem(table, *table.value("abstain").entries) is None


def certificate(table: Table, value: Value, view: int = 1) -> Certificate:
    return Certificate(view, value, table.votes(Kind.COMMIT, view, value))


def test_a_certificate_verifies_and_is_counted_anew():
    table = Table()

    found = verify_certificate(table.agreement, certificate(table, table.value()), table.keyring.verify)

    assert found.is_sound
    assert found.tally is not None
    assert (found.tally.choice, found.tally.reason) == ("yes", "threshold_met")


def test_a_certificate_of_a_real_decision_verifies_with_real_keys():
    from tests.protocols.ed25519_signing import Keys

    table = Table()
    table.keyring = Keys(table.agreement.agents)
    table.replicas = {agent: table.boot(agent) for agent in table.agreement.agents}
    table.cast_all()
    table.deliver()

    decided = table.decisions["a01"].certificate
    first, second, *rest = decided.commits
    forged = replace(decided, commits=(replace(first, token=second.token), second, *rest))

    assert verify_certificate(table.agreement, decided, table.keyring.verify).is_sound
    assert not verify_certificate(table.agreement, forged, table.keyring.verify).is_sound


def test_tampering_with_a_certificate_is_found():
    table = Table()
    value = table.value()
    good = certificate(table, value)
    first, *rest = good.commits
    wrong = {
        "too few": replace(good, commits=tuple(rest)),
        "one twice": replace(good, commits=(first, first, rest[0])),
        "another view": replace(good, view=2),
        "another value": replace(good, value=table.value("no")),
        "another agent's name": replace(good, commits=(replace(first, agent="a04"), *rest)),
        "a stranger": replace(good, commits=(Signed("stranger", first.token), *rest)),
        "a prepare": replace(good, commits=(table.vote("a01", Kind.PREPARE, 1, value.digest), *rest)),
        "an invalid value": certificate(table, table.value(agents=["a01", "a02"])),
    }

    found = {name: verify_certificate(table.agreement, one, table.keyring.verify) for name, one in wrong.items()}

    assert [name for name, one in found.items() if one.is_sound or one.tally is not None] == []


def test_a_certificate_of_another_decision_does_not_verify():
    table = Table()
    other = replace(table.agreement, decision_id="d2")

    assert not verify_certificate(other, certificate(table, table.value()), table.keyring.verify).is_sound


def test_the_digest_of_a_value_is_that_of_its_entries():
    table = Table()

    assert table.value().digest == Value(table.value().entries).digest
    assert table.value().digest != table.value("no").digest
    assert Entry("a01", (table.ballot("a01", "yes", DETAIL).token,)).is_equivocation is False

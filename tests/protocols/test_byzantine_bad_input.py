"""Bad input: ignored or returned as a fault, never an exception, never unbounded memory."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.protocols.byzantine import Entry, Kind, Signed, Value, encode
from maos_flows.protocols.byzantine.messages import (
    Ballots,
    Commit,
    Decided,
    Prepare,
    Propose,
    Supply,
    ViewChange,
)
from maos_flows.protocols.step import Envelope
from tests.protocols.byzantine_support import Table, reasons, said
from tests.protocols.test_byzantine_messages import messages


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_malformed(data):
    table = Table()

    assert reasons(table.give("a01", "a02", data)) == ["malformed"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 15), st.randoms(use_true_random=False))
def test_a_message_altered_on_the_wire_never_raises(which, chance):
    table = Table()
    data = bytearray(encode(messages(Table())[which]))
    for _ in range(chance.randint(1, 3)):
        data[chance.randrange(len(data))] = chance.randrange(256)

    step = table.give(table.primary(), table.backup(), bytes(data))

    assert step.outputs == ()


@pytest.mark.parametrize("message", [None, "a text", 7, object(), Signed("a01", "x"), Value(())])
def test_what_is_no_message_is_malformed(message):
    table = Table()

    assert reasons(table.give("a01", "a02", message)) == ["malformed"]


def test_strangers_misaddressed_and_foreign_messages_are_faults():
    table = Table()
    backup, value = table.backup(), table.value()
    one, other = table.others(backup)[:2]
    vote = table.prepare_message(one, 1, value)

    given = [
        table.replicas[backup].handle(Envelope("stranger", backup, vote)),
        table.replicas[backup].handle(Envelope(backup, backup, vote)),
        table.replicas[backup].handle(Envelope(one, other, vote)),
        table.replicas[backup].handle(Envelope(other, backup, vote)),
    ]

    assert [reasons(step) for step in given] == [
        ["unknown_sender"],
        ["unknown_sender"],
        ["misaddressed"],
        ["foreign_sender"],
    ]


def test_messages_with_too_much_in_them_are_oversized():
    table = Table()
    value, long = table.value(), (table.ballot("a01"),) * 50
    wide = Value(value.entries * 2)
    primary, backup = table.primary(), table.backup()

    given = [
        Ballots(()),
        Ballots(long),
        replace(table.propose_message(1, value), changes=long),
        replace(table.propose_message(1, value), prepares=long),
        replace(table.propose_message(1, value), value=wide),
        replace(table.change_message(primary, 2, 1, value), prepares=long),
        replace(table.change_message(primary, 2, 1, value), value=wide),
        Decided(1, value, long),
        Decided(1, value, (), long),
        Decided(1, wide, ()),
        Supply(wide),
    ]

    assert [reasons(table.give(primary, backup, one)) for one in given] == [["oversized"]] * len(given)


def test_an_oversized_token_is_not_even_verified():
    table = Table()
    huge = Signed("a01", table.ballot("a01").token + " " * table.agreement.token_limit)

    step = table.give("a01", "a02", Ballots((huge,)))

    assert reasons(step) == ["invalid_ballot"]
    assert table.replicas["a02"].verifications == 0


@pytest.mark.parametrize("which", [Propose, Prepare, Commit, ViewChange])
def test_wrongly_signed_messages_are_faults(which):
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    agent = table.primary()
    good = {
        Propose: table.propose_message(1, value),
        Prepare: table.prepare_message(agent, 1, value),
        Commit: table.commit_message(agent, 1, value),
        ViewChange: table.change_message(agent, 2),
    }[which]
    kinds = {Propose: Kind.PREPARE, Prepare: Kind.COMMIT, Commit: Kind.PREPARE, ViewChange: Kind.PREPARE}
    other = table.others(agent)[0]
    tokens = ["", "rubbish", "\x00", good.token + "0", table.vote(agent, kinds[which], 1, value.digest).token]
    tokens.append(table.vote(other, Kind.PREPARE, 1, value.digest).token)

    steps = [table.give(agent, backup, replace(good, token=token)) for token in tokens]

    assert [reasons(step) for step in steps] == [["bad_signature"]] * len(tokens)
    assert all(step.messages == () for step in steps)


@pytest.mark.parametrize("view", [1, 99])
def test_a_forged_proposal_of_any_view_is_a_fault(view):
    table = Table()
    primary = table.primary(view)
    message = replace(table.propose_message(view, table.value()), token="forged")

    assert reasons(table.give(primary, table.backup(view), message)) == ["bad_signature"]


def test_an_invented_ballot_is_a_fault_of_who_sent_it():
    table = Table()

    step = table.give("a01", "a02", Ballots((Signed("a03", table.ballot("a01").token), table.ballot("a01"))))

    assert [(fault.peer, fault.reason) for fault in step.faults] == [("a01", "invalid_ballot")]
    assert len(table.replicas["a02"].ballots) == 1


def test_messages_of_another_decision_are_not_believed():
    table = Table()
    other = Table(agreement=replace(table.agreement, decision_id="d2"))
    backup = table.backup()
    agent = table.others(backup)[0]

    given = [
        table.give(agent, backup, other.prepare_message(agent, 1, other.value())),
        table.give(agent, backup, other.decided_message(1, other.value())),
        table.give(agent, backup, Ballots((other.ballot(agent),))),
    ]

    assert [reasons(step) for step in given] == [["bad_signature"], ["invalid_certificate"], ["invalid_ballot"]]


def test_duplicated_and_reordered_messages_lead_to_the_same_decision():
    for seed in range(20):
        chance = random.Random(seed)
        table = Table()
        table.cast_all()
        while table.on_the_way:
            table.on_the_way.rotate(chance.randrange(len(table.on_the_way)))
            envelope = table.on_the_way.popleft()
            for _ in range(chance.randint(1, 3)):
                table.give(envelope.sender, envelope.recipient, envelope.message)

        assert len({one.certificate.value.digest for one in table.decisions.values()}) == 1
        assert len(table.decisions) == 4
        assert table.faults == []


def test_everything_ever_sent_may_be_sent_again_without_effect():
    table = Table()
    table.cast_all()
    table.deliver()
    states = {agent: replica.durable for agent, replica in table.replicas.items()}
    old = list(table.sent)

    steps = [table.give(one.sender, one.recipient, one.message) for one in old]

    assert {agent: replica.durable for agent, replica in table.replicas.items()} == states
    assert all(step.faults == step.outputs == () for step in steps)


def test_what_is_kept_is_bounded_whatever_one_peer_sends():
    table = Table()
    backup = table.backup(*range(1, 4))
    liar = table.others(backup)[0]
    for view in range(1, 400):
        value = table.value("yes" if view % 2 else "no")
        for far in (view, 10 * view, 2**31 - view):
            table.give(liar, backup, table.prepare_message(liar, far, value))
            table.give(liar, backup, table.commit_message(liar, far, value))
            table.give(liar, backup, table.change_message(liar, far))
        table.give(liar, backup, Ballots((table.ballot(liar, "no", f"{view:064x}"),)))
        table.give(liar, backup, Supply(value))

    assert table.replicas[backup].buffered <= 60


def test_of_far_views_only_the_highest_is_kept():
    table = Table()
    backup = table.backup()
    liar, other = table.others(backup)[:2]
    for view in (30, 20, 40, 35, 50):
        table.give(liar, backup, table.change_message(liar, view))

    table.give(other, backup, table.change_message(other, 60))

    assert table.replicas[backup].view == 50


def test_values_kept_are_bounded():
    table = Table()
    backup = table.backup(1, 2)
    agent = table.others(backup)[0]
    values = [
        Value(
            (
                *table.value(agents=["a01", "a02"]).entries,
                Entry("a03", (table.ballot("a03", "yes", f"{number:064x}").token,)),
            )
        )
        for number in range(50)
    ]
    for view, value in enumerate(values, start=2):
        replica = table.replicas[backup]
        replica.handle(Envelope(agent, backup, table.change_message(agent, view, view - 1, value)))
        if view % 6 == 0:
            table.tick(100_000, [backup])

    assert len(table.replicas[backup]._memory.values) <= 32


def test_the_value_last_prepared_is_never_forgotten():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))
    for agent in table.others(backup)[:2]:
        table.give(agent, backup, table.prepare_message(agent, 1, value))
    table.replicas[backup]._memory.values.clear()

    for agent in table.others(backup)[:2]:
        step = table.give(agent, backup, table.commit_message(agent, 1, value))

    assert step.outputs[0].certificate.value == value


def test_a_view_change_for_a_view_that_was_left_is_ignored():
    table = Table()
    backup = table.backup(2, 3)
    table.tick(12, [backup])
    agent = table.others(backup)[0]

    step = table.give(agent, backup, table.change_message(agent, 1))

    assert step.messages == step.faults == ()


def test_votes_far_ahead_or_behind_are_dropped():
    table = Table()
    backup, value = table.backup(), table.value()
    agent = table.others(backup)[0]

    table.give(agent, backup, table.prepare_message(agent, 10, value))
    table.give(agent, backup, table.commit_message(agent, 10, value))
    table.give(agent, backup, table.prepare_message(agent, 9, value))

    assert table.replicas[backup].buffered == 1


def test_after_the_decision_bad_input_is_still_only_a_fault():
    table = Table()
    table.cast_all()
    table.deliver()
    table.tick(10)
    agent, sender = table.agreement.agents[:2]

    steps = [table.give(sender, agent, message) for message in messages(Table())]

    assert all(step.outputs == () for step in steps)
    assert sum(len(said(step, Decided)) for step in steps) <= 2

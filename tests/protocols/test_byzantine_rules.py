"""The rules R1 to R3 of docs/byzantine-agreement.md, a test each sentence: propose, prepare, decide."""

import pytest

from maos_flows.protocols.byzantine import Kind
from maos_flows.protocols.byzantine.messages import (
    Commit,
    Decided,
    Fetch,
    Prepare,
    Propose,
    Supply,
)
from tests.protocols.byzantine_support import Table, reasons, said, sent_to


def test_r1_a_proposal_of_the_primary_is_prepared():
    table = Table()
    backup, value = table.backup(), table.value()

    step = table.give(table.primary(), backup, table.propose_message(1, value))

    assert said(step, Prepare)[0].digest == value.digest
    assert step.durable is not None
    assert step.durable.prepare == said(step, Prepare)[0]


def test_r1_only_the_first_proposal_of_a_view_is_prepared():
    table = Table()
    backup = table.backup()
    table.give(table.primary(), backup, table.propose_message(1, table.value("yes")))

    step = table.give(table.primary(), backup, table.propose_message(1, table.value("no")))

    assert said(step, Prepare) == []


def test_r1_the_first_proposal_counts_even_if_it_was_refused():
    table = Table()
    backup, few = table.backup(), table.value(agents=table.agreement.agents[:2])
    table.give(table.primary(), backup, table.propose_message(1, few))

    step = table.give(table.primary(), backup, table.propose_message(1, table.value()))

    assert said(step, Prepare) == []


def test_r1_a_proposal_by_somebody_else_is_refused():
    table = Table()
    backup = table.backup()
    wrong = next(agent for agent in table.others(backup) if agent != table.primary())
    value = table.value()
    message = Propose(wrong, 1, table.vote(wrong, Kind.PROPOSE, 1, value.digest).token, value)

    step = table.give(wrong, backup, message)

    assert said(step, Prepare) == []
    assert "contradiction" in reasons(step)


def test_r1_a_proposal_of_an_earlier_view_is_ignored():
    table = Table()
    backup = table.backup(1, 2)
    table.tick(12, [backup])

    step = table.give(table.primary(), backup, table.propose_message(1, table.value()))

    assert table.replicas[backup].view == 2
    assert step.messages == ()


def test_r1_an_invalid_value_is_refused():
    table = Table()

    step = table.give(table.primary(), table.backup(), table.propose_message(1, table.value(agents=["a01", "a02"])))

    assert said(step, Prepare) == []
    assert reasons(step) == ["invalid_value"]


def test_r1_a_justified_proposal_of_a_later_view_moves_the_replica_there():
    table = Table()
    backup = table.backup(5)

    step = table.give(table.primary(5), backup, table.propose_message(5, table.value(), table.changes(5)))

    assert table.replicas[backup].view == 5
    assert said(step, Prepare)[0].view == 5


def test_r1_a_justified_proposal_of_a_view_beyond_the_window_is_accepted():
    table = Table()
    backup = table.backup(50)

    step = table.give(table.primary(50), backup, table.propose_message(50, table.value(), table.changes(50)))

    assert said(step, Prepare)[0].view == 50


def test_r1_a_later_proposal_needs_a_quorum_of_view_changes():
    table = Table()
    backup = table.backup(2)

    none = table.give(table.primary(2), backup, table.propose_message(2, table.value()))
    few = table.give(table.primary(2), backup, table.propose_message(2, table.value(), table.changes(2)[:-1]))

    assert said(none, Prepare) == said(few, Prepare) == []
    assert reasons(none) == reasons(few) == ["unjustified_proposal"]


def test_r1_view_changes_for_another_view_justify_nothing():
    table = Table()

    step = table.give(table.primary(2), table.backup(2), table.propose_message(2, table.value(), table.changes(3)))

    assert reasons(step) == ["unjustified_proposal"]


def test_r1_the_highest_prepared_value_must_be_proposed_whatever_lower_claims_say():
    table = Table()
    backup, low, high = table.backup(4), table.value("no"), table.value("yes")
    prepares = (*table.votes(Kind.PREPARE, 1, low), *table.votes(Kind.PREPARE, 3, high))
    changes = (
        table.change("a01", 4, 1, low.digest),
        table.change("a02", 4, 3, high.digest),
        table.change("a03", 4),
    )

    refused = table.give(table.primary(4), backup, table.propose_message(4, low, changes, prepares))
    fresh = Table()
    accepted = fresh.give(table.primary(4), backup, table.propose_message(4, high, changes, prepares))

    assert reasons(refused) == ["unjustified_proposal"]
    assert said(accepted, Prepare)[0].digest == high.digest


def test_r2_a_quorum_of_prepares_for_a_value_held_is_committed():
    table = Table()
    backup, value = table.backup(), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))
    one, two = table.others(backup)[:2]

    before = table.give(one, backup, table.prepare_message(one, 1, value))
    step = table.give(two, backup, table.prepare_message(two, 1, value))

    assert said(before, Commit) == []
    assert said(step, Commit)[0].digest == value.digest
    assert step.durable is not None
    assert step.durable.prepared is not None
    assert step.durable.prepared.value == value
    assert len(step.durable.prepared.prepares) == table.agreement.quorum


def test_r2_prepares_that_came_before_the_proposal_count():
    table = Table()
    backup, value = table.backup(), table.value()
    for agent in table.others(backup)[:2]:
        table.give(agent, backup, table.prepare_message(agent, 1, value))

    step = table.give(table.primary(), backup, table.propose_message(1, value))

    assert said(step, Commit)[0].digest == value.digest


def test_r2_a_value_prepared_by_others_but_not_held_is_fetched():
    table = Table()
    backup, value = table.backup(), table.value()
    others = table.others(backup)
    for agent in others[:2]:
        table.give(agent, backup, table.prepare_message(agent, 1, value))

    step = table.give(others[2], backup, table.prepare_message(others[2], 1, value))
    supplied = table.give(others[2], backup, Supply(value))

    assert said(step, Fetch) == [Fetch(value.digest)]
    assert said(supplied, Commit)[0].digest == value.digest


def test_r2_only_one_value_is_committed_in_a_view():
    table = Table()
    backup, one, other = table.backup(), table.value("yes"), table.value("no")
    table.give(table.primary(), backup, table.propose_message(1, one))
    for agent in table.others(backup)[:2]:
        table.give(agent, backup, table.prepare_message(agent, 1, one))

    steps = [table.give(agent, backup, table.prepare_message(agent, 1, other)) for agent in table.others(backup)]

    assert all(said(step, Commit) == [] for step in steps)


def test_r3_a_quorum_of_commits_decides_and_is_told_to_all():
    table = Table()
    table.cast_all()
    table.deliver(lambda envelope: not isinstance(envelope.message, Decided))

    assert set(table.decisions) == set(table.agreement.agents)
    assert len({one.certificate.value.digest for one in table.decisions.values()}) == 1
    assert table.sent_by_type()["Decided"] == 4 * 3
    assert all(table.disks[agent].decided is not None for agent in table.agreement.agents)


@pytest.mark.parametrize("view", [1, 2, 9])
def test_r3_commits_of_any_view_decide(view):
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))
    table.tick(12, [backup])
    assert table.replicas[backup].view == 2

    for agent in table.others(backup):
        table.give(agent, backup, table.commit_message(agent, view, value))

    assert table.decisions[backup].certificate.view == view


def test_r3_a_value_committed_by_others_but_not_held_is_fetched_and_decided():
    table = Table()
    backup, value = table.backup(), table.value()
    others = table.others(backup)
    steps = [table.give(agent, backup, table.commit_message(agent, 3, value)) for agent in others]
    again = table.replicas[backup].tick(4)

    table.give(others[0], backup, Supply(value))

    assert [said(step, Fetch) for step in steps] == [[], [], [Fetch(value.digest)]]
    assert sent_to(again, Fetch) == list(others)
    assert table.decisions[backup].certificate.value == value


def test_a_value_is_fetched_from_others_only():
    table = Table()
    backup, value = table.backup(), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))
    table.replicas[backup]._memory.values.clear()
    one, two = table.others(backup)[:2]

    table.give(one, backup, table.prepare_message(one, 1, value))
    step = table.give(two, backup, table.prepare_message(two, 1, value))

    assert sent_to(step, Fetch) == [one, two]


def test_r3_of_two_committed_values_the_one_held_decides():
    table = Table(7)
    backup, unknown, known = table.backup(), table.value("no"), table.value()
    for agent in table.agreement.agents:
        if agent != backup:
            table.give(agent, backup, table.commit_message(agent, 2, unknown))
    for agent in table.agreement.agents:
        if agent != backup:
            table.give(agent, backup, table.commit_message(agent, 3, known))

    table.give(table.primary(), backup, Supply(known))

    assert table.decisions[backup].certificate.value == known


def test_r3_a_value_that_nobody_asked_for_or_that_is_invalid_is_not_taken():
    table = Table()
    backup, value, few = table.backup(), table.value(), table.value(agents=["a01"])
    unasked = table.give(table.primary(), backup, Supply(value))
    for agent in table.others(backup):
        table.give(agent, backup, table.commit_message(agent, 1, few))

    step = table.give(table.primary(), backup, Supply(few))

    assert unasked.faults == ()
    assert reasons(step) == ["invalid_value"]
    assert table.decisions == {}


def test_r3_a_value_held_is_supplied_to_who_asks():
    table = Table()
    backup, value = table.backup(), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))

    known = table.give(table.primary(), backup, Fetch(value.digest))
    unknown = table.give(table.primary(), backup, Fetch("f" * 64))

    assert said(known, Supply) == [Supply(value)]
    assert unknown.messages == ()


def test_r3_a_valid_certificate_decides_at_once():
    table = Table()
    backup, value = table.backup(), table.value()

    step = table.give(table.primary(), backup, table.decided_message(7, value))

    assert table.decisions[backup].tally.choice == "yes"
    assert sent_to(step, Decided) == list(table.others(backup))

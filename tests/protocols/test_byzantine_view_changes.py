"""The rules R4 to R6 of docs/byzantine-agreement.md, a test each sentence: leave a view, follow, propose again."""

from maos_flows.protocols.byzantine import Timing
from maos_flows.protocols.byzantine.messages import (
    Ballots,
    Commit,
    Prepare,
    Propose,
    ViewChange,
)
from tests.protocols.byzantine_support import Table, said


def test_r4_a_view_ends_with_its_timer_and_says_so():
    table = Table()
    backup = table.backup(2)
    timing = table.timing

    before = table.take(backup, table.replicas[backup].tick(timing.ballot_window + timing.base_timeout - 1))
    step = table.take(backup, table.replicas[backup].tick())

    assert said(before, ViewChange) == []
    assert said(step, ViewChange)[0].view == 2
    assert step.durable is not None
    assert (step.durable.view, step.durable.change) == (2, said(step, ViewChange)[0])


def test_r4_every_view_lasts_twice_as_long_up_to_a_limit():
    timing = Timing(base_timeout=3)

    assert [timing.timeout(view) for view in (1, 2, 3, 17, 18, 40)] == [3, 6, 12, 3 << 16, 3 << 16, 3 << 16]


def test_r4_the_timer_of_a_later_view_runs_as_long_as_that_view():
    table = Table()
    backup = table.backup(2)
    table.tick(12, [backup])

    table.tick(19, [backup])
    assert table.replicas[backup].view == 2
    table.tick(1, [backup])

    assert table.replicas[backup].view == 3


def test_r4_nothing_of_an_earlier_view_is_prepared_or_committed_any_more():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))
    table.tick(12, [backup])

    steps = [table.give(agent, backup, table.prepare_message(agent, 1, value)) for agent in table.others(backup)]

    assert all(said(step, Commit) == [] for step in steps)
    assert table.replicas[backup].prepared is None


def test_r4_a_view_change_tells_what_was_prepared_last():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))
    for agent in table.others(backup)[:2]:
        table.give(agent, backup, table.prepare_message(agent, 1, value))

    step = table.replicas[backup].tick(12)

    change = said(step, ViewChange)[0]
    assert change.value == value
    assert len({one.agent for one in change.prepares}) == table.agreement.quorum
    assert change.token == table.change(backup, 2, 1, value.digest).token


def test_r5_f_plus_1_view_changes_ahead_pull_a_replica_to_the_lowest_of_them():
    table = Table()
    backup = table.backup(3, 6)
    one, two = table.others(backup)[:2]

    alone = table.give(one, backup, table.change_message(one, 6))
    step = table.give(two, backup, table.change_message(two, 3))

    assert alone.messages == ()
    assert table.replicas[backup].view == 3
    assert said(step, ViewChange)[0].view == 3


def test_r5_the_lowest_view_of_each_agent_counts():
    table = Table()
    backup = table.backup(4)
    one, two = table.others(backup)[:2]
    for view in (6, 5, 3):
        table.give(one, backup, table.change_message(one, view))
    alone = table.replicas[backup].view

    table.give(two, backup, table.change_message(two, 4))

    assert alone == 1
    assert table.replicas[backup].view == 4


def test_r6_the_primary_proposes_the_highest_prepared_value_with_what_justifies_it():
    table = Table()
    view = 3
    primary = table.primary(view)
    others, low, high = table.others(primary), table.value("no"), table.value("yes")
    table.give(others[0], primary, table.change_message(others[0], view, 1, low))
    table.give(others[1], primary, table.change_message(others[1], view, 2, high))

    step = table.give(others[2], primary, table.change_message(others[2], view))

    proposal = next(one for envelope in table.sent if isinstance(one := envelope.message, Propose))
    assert proposal.value == high
    assert len({one.agent for one in proposal.changes}) == table.agreement.quorum
    assert len(proposal.prepares) == 2 * table.agreement.quorum
    backup = next(agent for agent in others)
    assert said(table.give(primary, backup, proposal), Prepare)[0].digest == high.digest
    assert step.faults == ()


def test_r6_the_primary_proposes_its_own_ballots_if_nothing_was_prepared():
    table = Table()
    primary = table.primary(2)
    table.give(table.backup(2), primary, Ballots(tuple(map(table.ballot, table.agreement.agents[:3]))))
    for agent in table.others(primary):
        table.give(agent, primary, table.change_message(agent, 2))

    proposal = table.messages(Propose, primary)[0]
    assert proposal.value == table.value(agents=table.agreement.agents[:3])
    assert proposal.view == 2


def test_r6_without_enough_ballots_the_primary_waits_for_them():
    table = Table()
    primary = table.primary(2)
    for agent in table.others(primary):
        table.give(agent, primary, table.change_message(agent, 2))
    before = table.messages(Propose, primary)

    table.give(table.backup(2), primary, Ballots(tuple(map(table.ballot, table.agreement.agents[:3]))))

    assert before == []
    assert len(table.messages(Propose, primary)) == 1


def test_r6_the_primary_proposes_once_even_after_a_restart():
    table = Table()
    primary = table.primary(2)
    table.give(table.backup(2), primary, Ballots(tuple(map(table.ballot, table.agreement.agents[:3]))))
    for agent in table.others(primary):
        table.give(agent, primary, table.change_message(agent, 2))
    table.restart(primary)
    table.give(table.backup(2), primary, Ballots(tuple(map(table.ballot, table.agreement.agents))))
    for agent in table.others(primary):
        table.give(agent, primary, table.change_message(agent, 2))
    table.tick(4, [primary])

    assert len(table.messages(Propose, primary)) == 1

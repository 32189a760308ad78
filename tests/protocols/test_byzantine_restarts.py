"""What is said again after a loss, what outlives a crash, and what a step tells its driver of both."""

from dataclasses import replace

from maos_flows.protocols.byzantine import Timing
from maos_flows.protocols.byzantine.messages import (
    Ballots,
    Commit,
    Decided,
    Prepare,
    Propose,
    ViewChange,
)
from tests.protocols.byzantine_support import Table, reasons, said


def test_unanswered_messages_are_sent_again():
    table = Table()
    primary = table.primary()
    table.cast_all()
    table.deliver(lambda envelope: isinstance(envelope.message, Ballots))

    step = table.replicas[primary].tick(4)

    assert {type(one.message) for one in step.messages} == {Ballots, Propose, Prepare}
    assert len(said(step, Ballots)[-1].ballots) == 4


def test_a_view_change_is_sent_again_in_its_view_and_later():
    table = Table()
    backup = table.backup(2)
    table.tick(12, [backup])
    table.lose()

    step = table.replicas[backup].tick(4)

    assert [one.view for one in said(step, ViewChange)] == [2]


def test_a_restarted_replica_keeps_its_promises():
    table = Table()
    backup, value = table.backup(), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))
    table.restart(backup)

    other = table.give(table.primary(), backup, table.propose_message(1, table.value("no")))
    for agent in table.others(backup)[:2]:
        last = table.give(agent, backup, table.prepare_message(agent, 1, value))

    assert said(other, Prepare) == []
    assert said(last, Commit)[0].digest == value.digest
    assert table.replicas[backup].durable.prepared is not None


def test_a_restarted_replica_counts_its_own_view_change():
    table = Table()
    primary = table.primary(2)
    table.tick(12, [primary])
    table.restart(primary)
    table.give(table.backup(2), primary, Ballots(tuple(map(table.ballot, table.agreement.agents))))

    for agent in table.others(primary)[:2]:
        table.give(agent, primary, table.change_message(agent, 2))

    assert table.messages(Propose, primary)[0].view == 2


def test_a_restarted_replica_with_a_decision_answers_with_it():
    table = Table()
    table.cast_all()
    table.deliver()
    agent, asker = table.agreement.agents[:2]
    table.restart(agent)

    step = table.give(asker, agent, table.prepare_message(asker, 1, table.value()))

    assert said(step, Decided)[0].commits == table.decisions[agent].certificate.commits
    assert step.outputs == ()


def test_what_must_survive_is_in_the_step_that_first_depends_on_it():
    table = Table()
    backup, value = table.backup(), table.value()
    given = [
        table.give(table.primary(), backup, table.propose_message(1, value)),
        *(table.give(agent, backup, table.prepare_message(agent, 1, value)) for agent in table.others(backup)[:2]),
        *(table.give(agent, backup, table.commit_message(agent, 1, value)) for agent in table.others(backup)[:2]),
    ]

    assert [step.durable is not None for step in given] == [True, False, True, False, True]
    assert [bool(step.messages) for step in given] == [True, False, True, False, True]


def test_a_step_says_when_time_matters_next():
    table = Table(timing=Timing(ballot_window=2, base_timeout=10, resend_every=4, inclusion_delay=3))
    agent, source = table.agreement.agents[:2]
    replica = table.replicas[agent]

    window = table.cast(agent).deadline
    passing_on = table.give(source, agent, Ballots((table.ballot(source),))).deadline
    resending = replica.tick(2).deadline
    expiring = [replica.tick(2).deadline, replica.tick(4).deadline, replica.tick(3).deadline]

    assert (window, passing_on, resending) == (2, 1, 2)
    assert expiring == [4, 4, 1]


def test_the_deadline_is_none_once_all_is_settled():
    table = Table()
    table.cast_all()
    table.deliver()

    assert table.replicas["a01"].tick().deadline is None


def test_the_archive_of_accepted_proposals_is_bounded():
    table = Table()
    backup, value = table.backup(), table.value()
    for view in range(1, 60):
        if table.primary(view) != backup:
            changes = () if view == 1 else table.changes(view)
            table.give(table.primary(view), backup, table.propose_message(view, value, changes))

    archive = table.replicas[backup].durable.archive

    assert len(archive) == 32
    assert archive[-1].view > 57


def test_a_replica_whose_signature_promises_differ_from_the_message_is_not_believed():
    table = Table()
    backup, value = table.backup(), table.value()
    message = replace(table.prepare_message(table.primary(), 1, value), view=2)

    step = table.give(table.primary(), backup, message)

    assert reasons(step) == ["bad_signature"]

"""The rules R1 to R6 of docs/byzantine-agreement.md, a test each sentence."""

from dataclasses import replace

import pytest

from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError
from maos_flows.protocols.byzantine import Kind, Timing
from maos_flows.protocols.byzantine.messages import (
    Ballots,
    Commit,
    Decided,
    Fetch,
    Prepare,
    Propose,
    Supply,
    ViewChange,
)
from tests.protocols.byzantine_support import DETAIL, Table, reasons, said, sent_to


def test_a_ballot_is_signed_once_and_sent_to_all():
    table = Table()
    agent = table.agreement.agents[0]

    first, again = table.cast(agent), table.cast(agent)

    assert sent_to(first, Ballots) == list(table.others(agent))
    assert first.durable is not None
    assert again.messages == ()
    assert again.durable is None


def test_another_ballot_of_the_same_agent_is_refused_even_after_a_restart():
    table = Table()
    agent = table.agreement.agents[0]
    table.cast(agent, "yes")
    table.restart(agent)

    with pytest.raises(ConflictError, match="another ballot"):
        table.cast(agent, "no")


@pytest.mark.parametrize(("choice", "detail"), [("maybe", DETAIL), ("yes", "short"), ("yes", "Z" * 64)])
def test_a_ballot_that_is_not_allowed_is_refused(choice, detail):
    table = Table()

    with pytest.raises(ConfigurationError):
        table.replicas[table.agreement.agents[0]].propose(choice, detail)


def test_an_agent_without_a_seat_has_no_replica():
    with pytest.raises(NotFoundError, match="no seat"):
        Table().boot("stranger")


def test_the_first_primary_proposes_when_it_has_every_ballot():
    table = Table()
    primary = table.primary()
    table.cast_all(table.others(primary))
    table.deliver()
    before = table.sent_by_type()["Propose"]

    step = table.cast(primary)

    assert before == 0
    assert said(step, Propose)[0].value.agents == frozenset(table.agreement.agents)


def test_the_first_primary_proposes_with_n_minus_f_ballots_when_the_window_has_passed():
    table = Table()
    primary, late = table.primary(), table.backup()
    table.cast_all(table.others(late))
    table.deliver()

    one, two = table.replicas[primary].tick(), table.replicas[primary].tick()

    assert said(one, Propose) == []
    assert said(two, Propose)[0].value.agents == frozenset(table.others(late))


def test_the_first_primary_never_proposes_fewer_than_n_minus_f_ballots():
    table = Table()
    table.cast_all(table.agreement.agents[:2])
    table.deliver()
    table.tick(5)

    assert table.sent_by_type()["Propose"] == 0


def test_ballots_are_passed_on_at_the_next_tick():
    table = Table()
    source, target, third = table.agreement.agents[:3]
    ballot = table.ballot(source)
    table.give(source, target, Ballots((ballot,)))

    step = table.replicas[target].tick()
    again = table.replicas[target].tick()

    assert said(step, Ballots) == [Ballots((ballot,))]
    assert third in sent_to(step, Ballots)
    assert said(again, Ballots) == []


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

"""The inclusion rule: a primary cannot leave out a ballot that others have long held."""

import pytest

from maos_flows.protocols.byzantine import Kind, Timing
from maos_flows.protocols.byzantine.messages import Ballots, Commit, Prepare
from tests.protocols.byzantine_support import Table, reasons, said

TIMING = Timing(ballot_window=2, base_timeout=50, resend_every=100, inclusion_delay=3)


def holding(ticks: int) -> tuple[Table, str, str]:
    """A backup that has held a ballot for some ticks, which the value will leave out."""
    table = Table(timing=TIMING)
    backup = table.backup(1, 2, 3)
    left_out = next(agent for agent in table.others(backup) if agent != table.primary())
    table.give(left_out, backup, Ballots((table.ballot(left_out),)))
    table.tick(ticks, [backup])
    return table, backup, left_out


@pytest.mark.parametrize(("ticks", "is_prepared"), [(0, True), (3, True), (4, False), (40, False)])
def test_a_fresh_value_without_a_ballot_held_longer_than_the_delay_is_refused(ticks, is_prepared):
    table, backup, left_out = holding(ticks)
    value = table.value(agents=table.others(left_out))

    step = table.give(table.primary(), backup, table.propose_message(1, value))

    assert bool(said(step, Prepare)) is is_prepared
    assert reasons(step) == ([] if is_prepared else ["ballot_left_out"])


def test_a_fresh_value_with_all_ballots_held_is_prepared():
    table, backup, _ = holding(40)

    step = table.give(table.primary(), backup, table.propose_message(1, table.value()))

    assert len(said(step, Prepare)) == 1


@pytest.mark.parametrize(("view", "ticks", "is_prepared"), [(2, 6, True), (2, 7, False), (3, 12, True), (3, 13, False)])
def test_the_delay_doubles_with_every_view(view, ticks, is_prepared):
    table, backup, left_out = holding(ticks)
    value = table.value(agents=table.others(left_out))

    step = table.give(table.primary(view), backup, table.propose_message(view, value, table.changes(view)))

    assert bool(said(step, Prepare)) is is_prepared


def test_a_value_prepared_before_needs_no_new_ballots():
    table, backup, left_out = holding(40)
    value = table.value(agents=table.others(left_out))
    proposal = table.propose_message(2, value, table.changes(2, 1, value), table.votes(Kind.PREPARE, 1, value))

    step = table.give(table.primary(2), backup, proposal)

    assert len(said(step, Prepare)) == 1


def test_a_replica_that_refused_still_commits_what_a_quorum_prepared():
    table, backup, left_out = holding(40)
    value = table.value(agents=table.others(left_out))
    table.give(table.primary(), backup, table.propose_message(1, value))

    steps = [table.give(agent, backup, table.prepare_message(agent, 1, value)) for agent in table.others(backup)]

    assert said(steps[-1], Commit)[0].digest == value.digest


def test_a_ballot_held_by_one_honest_replica_is_counted_although_passing_it_on_fails_at_first():
    table = Table(timing=Timing(ballot_window=1, base_timeout=12, resend_every=2, inclusion_delay=3))
    primary = table.primary()
    silent, witness = table.others(primary)[:2]
    table.give(silent, witness, Ballots((table.ballot(silent, "no"),)))
    table.tick(9, [witness])
    table.lose()
    table.cast_all(table.others(silent))
    for turn in range(60):
        table.deliver(lambda one, turn=turn: silent not in (one.sender, one.recipient) and _is_passed_on(one, turn))
        table.tick(agents=table.others(silent))

    assert "ballot_left_out" in table.reasons(witness)
    assert silent in table.decisions[witness].certificate.value.agents
    assert table.decisions[witness].certificate.view > 1


def _is_passed_on(envelope, turn: int) -> bool:
    """For some time no ballots but their casters' own get through."""
    ballots = envelope.message.ballots if isinstance(envelope.message, Ballots) else ()
    return turn > 4 or all(ballot.agent == envelope.sender for ballot in ballots)

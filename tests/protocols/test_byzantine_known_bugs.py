"""Errors that published protocols and their implementations had; none of them here.

arXiv 1901.07160 found two in IBFT; the others are from ssv-spec, sigp/anchor and mutants of a reference simulator.
"""

from dataclasses import replace

import pytest

from maos_flows.protocols.byzantine import Certificate, Kind, Signed, Timing, verify_certificate
from maos_flows.protocols.byzantine.messages import Ballots, Commit, Decided, Prepare, Propose, ViewChange
from tests.protocols.byzantine_support import Table, reasons, said


def locked(view: int = 1) -> tuple[Table, str]:
    """A replica that has prepared and committed `table.value()` in a view."""
    table = Table()
    backup = table.backup(1, 2, 3)
    changes = () if view == 1 else table.changes(view)
    table.give(table.primary(view), backup, table.propose_message(view, table.value(), changes))
    for agent in table.others(backup)[:2]:
        table.give(agent, backup, table.prepare_message(agent, view, table.value()))
    assert table.replicas[backup].prepared is not None
    return table, backup


def test_first_ibft_a_value_that_may_be_decided_is_not_given_up_in_a_later_view():
    table, _ = locked()
    backup = table.backup(2)
    changes = (*table.changes(2)[:2], table.change("a03", 2, 1, table.value().digest))
    fresh = table.propose_message(2, table.value("no"), changes)

    step = table.give(table.primary(2), backup, fresh)

    assert reasons(step) == ["unjustified_proposal"]


def test_revised_ibft_two_prepared_values_do_not_block_for_ever():
    table = Table()
    primary = table.primary(3)
    one, two, three = table.others(primary)
    table.give(one, primary, table.change_message(one, 3, 1, table.value("no")))
    table.give(two, primary, table.change_message(two, 3, 2, table.value("yes")))
    table.give(three, primary, table.change_message(three, 3))
    table.deliver(lambda envelope: isinstance(envelope.message, Propose | Prepare | Commit))

    assert table.decisions[primary].certificate.value == table.value("yes")


@pytest.mark.parametrize("n", [5, 6, 8, 9])
def test_2f_plus_1_votes_are_not_enough(n):
    table = Table(n)
    backup, value = table.backup(), table.value()
    voters = table.others(backup)[: 2 * table.agreement.faults + 1]

    for agent in voters:
        table.give(agent, backup, table.commit_message(agent, 1, value))
    table.give(table.primary(), backup, table.propose_message(1, value))

    assert table.decisions == {}


def test_a_signer_is_counted_once_however_often_it_signs():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    one = table.others(backup)[0]
    vote = table.vote(one, Kind.PREPARE, 1, value.digest)
    change = ViewChange(one, 2, table.change(one, 2, 1, value.digest).token, (vote,) * 3, value)
    table.give(table.primary(), backup, table.propose_message(1, value))

    for _ in range(5):
        committed = table.give(one, backup, table.prepare_message(one, 1, value))
    changed = table.give(one, backup, change)
    decided = table.give(one, backup, Decided(1, value, (table.vote(one, Kind.COMMIT, 1, value.digest),) * 3))
    proposed = table.give(table.primary(2), backup, table.propose_message(2, value, (table.change(one, 2),) * 3))

    assert said(committed, Commit) == []
    assert reasons(changed) == ["unbacked_claim"]
    assert reasons(decided) == ["invalid_certificate"]
    assert reasons(proposed) == ["unjustified_proposal"]


def test_votes_for_different_values_make_no_quorum():
    table = Table()
    backup, yes, no = table.backup(), table.value("yes"), table.value("no")
    table.give(table.primary(), backup, table.propose_message(1, yes))
    one, two, three = table.others(backup)

    steps = [
        table.give(one, backup, table.prepare_message(one, 1, no)),
        table.give(two, backup, table.prepare_message(two, 1, no)),
        table.give(one, backup, table.commit_message(one, 1, no)),
        table.give(two, backup, table.commit_message(two, 1, yes)),
        table.give(three, backup, table.commit_message(three, 1, yes)),
    ]
    mixed = Certificate(1, yes, (*table.votes(Kind.COMMIT, 1, yes)[:2], table.vote("a03", Kind.COMMIT, 1, no.digest)))

    assert all(said(step, Commit) == [] and step.outputs == () for step in steps)
    assert not verify_certificate(table.agreement, mixed, table.keyring.verify).is_sound


def test_nothing_is_prepared_in_a_view_that_was_left():
    table = Table()
    backup = table.backup(1, 2)
    table.tick(12, [backup])

    step = table.give(table.primary(), backup, table.propose_message(1, table.value()))

    assert said(step, Prepare) == []


def test_what_was_prepared_survives_a_crash_and_later_views():
    table, backup = locked()
    table.restart(backup)
    for _ in range(2):
        table.tick(100, [backup])

    changes = table.messages(ViewChange, backup)

    assert [(change.view, change.value) for change in changes] == [(2, table.value()), (3, table.value())]


def test_followers_check_that_the_primary_took_the_highest_prepared_value():
    table = Table()
    low, high = table.value("no"), table.value("yes")
    changes = (
        table.change("a01", 3, 1, low.digest),
        table.change("a02", 3, 2, high.digest),
        table.change("a03", 3),
    )
    prepares = (*table.votes(Kind.PREPARE, 1, low), *table.votes(Kind.PREPARE, 2, high))

    answers = [
        reasons(Table().give(table.primary(3), table.backup(3), table.propose_message(3, value, changes, prepares)))
        for value in (low, table.value("abstain"), high)
    ]

    assert answers == [["unjustified_proposal"], ["unjustified_proposal"], []]


@pytest.mark.parametrize("view", [1, 2])
def test_what_was_prepared_in_the_first_view_counts_as_well(view):
    table = Table()
    value = table.value()
    changes = (*table.changes(3)[:2], table.change("a03", 3, view, value.digest))

    step = table.give(table.primary(3), table.backup(3), table.propose_message(3, table.value("no"), changes))

    assert reasons(step) == ["unjustified_proposal"]


def test_a_claim_needs_its_prepares_in_a_view_change_and_in_a_proposal():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    agent = table.others(backup)[0]
    full = table.change_message(agent, 2, 1, value)
    short = replace(full, prepares=full.prepares[:-1])
    changes = (*table.changes(2)[:2], table.change("a03", 2, 1, value.digest))
    votes = table.votes(Kind.PREPARE, 1, value)

    refused = table.give(agent, backup, short)
    unjustified = table.give(table.primary(2), backup, table.propose_message(2, value, changes, votes[:-1]))
    fine = Table().give(table.primary(2), backup, table.propose_message(2, value, changes, votes))

    assert reasons(refused) == ["unbacked_claim"]
    assert reasons(unjustified) == ["unjustified_proposal"]
    assert len(said(fine, Prepare)) == 1


def test_every_claim_in_a_proposal_needs_its_prepares_not_only_the_highest():
    table = Table()
    low, high = table.value("no"), table.value("yes")
    changes = (table.change("a01", 3, 1, low.digest), table.change("a02", 3, 2, high.digest), table.change("a03", 3))

    step = table.give(
        table.primary(3),
        table.backup(3),
        table.propose_message(3, high, changes, table.votes(Kind.PREPARE, 2, high)),
    )

    assert reasons(step) == ["unjustified_proposal"]


def test_nested_signatures_are_always_checked():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    agent = table.others(backup)[0]
    full = table.change_message(agent, 2, 1, value)
    stolen = tuple(Signed(one.agent, full.prepares[0].token) for one in full.prepares)
    changes = table.changes(2)
    forged_changes = (*changes[:-1], Signed(changes[-1].agent, changes[0].token))
    commits = table.votes(Kind.COMMIT, 1, value)
    forged_commits = (*commits[:-1], Signed(commits[-1].agent, commits[0].token))

    answers = [
        reasons(table.give(agent, backup, replace(full, prepares=stolen))),
        reasons(table.give(table.primary(2), backup, table.propose_message(2, value, forged_changes))),
        reasons(table.give(agent, backup, Decided(1, value, forged_commits))),
        reasons(table.give(agent, backup, Ballots((Signed("a01", table.ballot("a02").token),)))),
    ]

    assert answers == [["unbacked_claim"], ["unjustified_proposal"], ["invalid_certificate"], ["invalid_ballot"]]


def test_prepares_are_no_commits_and_commits_no_prepares():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    agent = table.others(backup)[0]
    change = replace(table.change_message(agent, 2, 1, value), prepares=table.votes(Kind.COMMIT, 1, value))

    answers = [
        reasons(table.give(agent, backup, change)),
        reasons(table.give(agent, backup, Decided(1, value, table.votes(Kind.PREPARE, 1, value)))),
    ]

    assert answers == [["unbacked_claim"], ["invalid_certificate"]]


def test_commits_count_in_views_that_were_left():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    table.give(table.primary(), backup, table.propose_message(1, value))
    table.tick(12, [backup])

    for agent in table.others(backup):
        table.give(agent, backup, table.commit_message(agent, 1, value))

    assert table.decisions[backup].certificate.view == 1


def test_a_laggard_is_answered_with_the_certificate():
    table = Table()
    laggard = table.backup()
    table.cast_all()
    table.deliver(lambda envelope: laggard not in (envelope.sender, envelope.recipient))
    assert laggard not in table.decisions
    table.tick(4)

    table.deliver()

    assert table.decisions[laggard].certificate.value == table.decisions[table.primary()].certificate.value


def test_a_flood_is_not_answered_with_a_flood():
    table = Table()
    table.cast_all()
    table.deliver()
    table.tick(4)
    table.lose()
    agent, asker = table.agreement.agents[:2]

    steps = [table.give(asker, agent, table.change_message(asker, 2)) for _ in range(10)]

    assert [len(said(step, Decided)) for step in steps] == [1] + [0] * 9


def test_timers_grow():
    timing = Timing(base_timeout=5)

    assert all(timing.timeout(view + 1) == 2 * timing.timeout(view) for view in range(1, 16))


def test_two_highest_claims_for_different_values_justify_nothing():
    table = Table(7)
    yes, no = table.value("yes"), table.value("no")
    changes = (
        table.change("a01", 3, 2, yes.digest),
        table.change("a02", 3, 2, no.digest),
        *(table.change(agent, 3) for agent in table.agreement.agents[2:5]),
    )
    prepares = (*table.votes(Kind.PREPARE, 2, yes), *table.votes(Kind.PREPARE, 2, no))

    answers = [
        reasons(Table(7).give(table.primary(3), table.backup(3), table.propose_message(3, value, changes, prepares)))
        for value in (yes, no)
    ]

    assert answers == [["unjustified_proposal"]] * 2


@pytest.mark.parametrize(
    "broken",
    [
        {"value": None},
        {"prepares": (), "value": None},
        {"value": "other"},
        {"value": "invalid"},
    ],
)
def test_a_view_change_whose_parts_do_not_fit_is_refused(broken):
    table = Table()
    backup = table.backup(1, 2)
    agent = table.others(backup)[0]
    few = table.value(agents=["a01"])
    good = table.change_message(agent, 2, 1, few if broken.get("value") == "invalid" else table.value())
    values = {"other": table.value("no"), "invalid": few, None: None}
    parts = {name: values[part] if name == "value" else part for name, part in broken.items()}

    step = table.give(agent, backup, replace(good, **parts))

    assert reasons(step)[0] in {"malformed", "invalid_value"}


def test_a_view_change_that_claims_nothing_carries_nothing():
    table = Table()
    backup = table.backup(1, 2)
    agent = table.others(backup)[0]

    step = table.give(agent, backup, replace(table.change_message(agent, 2), value=table.value()))

    assert reasons(step) == ["malformed"]

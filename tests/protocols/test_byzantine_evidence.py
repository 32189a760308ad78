"""Evidence E1 to E6: found, told to all, verified by anyone, and never against an honest agent."""

import random
from dataclasses import replace

import pytest

from maos_flows.protocols.byzantine import Evidence, Kind, Misdeed, Signed, Utterance, name_culprits, verify_evidence
from maos_flows.protocols.byzantine.messages import Accusation, Ballots, Decided, Propose, ViewChange
from maos_flows.protocols.byzantine.statements import VoteStatement
from tests.protocols.byzantine_support import Table, reasons, said

OTHER = "1" * 64


def evidence(table: Table, misdeed: Misdeed) -> Evidence:
    """Make evidence of a misdeed against the first primary."""
    agent = table.primary()
    twice = {
        Misdeed.TWO_PROPOSALS: Kind.PROPOSE,
        Misdeed.TWO_PREPARES: Kind.PREPARE,
        Misdeed.TWO_COMMITS: Kind.COMMIT,
    }
    match misdeed:
        case Misdeed.TWO_BALLOTS:
            pairs = [(Kind.BALLOT, table.ballot(agent)), (Kind.BALLOT, table.ballot(agent, "no"))]
        case Misdeed.FORGOTTEN_COMMIT:
            commit = table.vote(agent, Kind.COMMIT, 2, OTHER)
            pairs = [(Kind.COMMIT, commit), (Kind.VIEW_CHANGE, table.change(agent, 3, 1, OTHER))]
        case Misdeed.CONTRADICTION:
            pairs = [(Kind.VIEW_CHANGE, table.change(agent, 3, 3, OTHER))]
        case _:
            kind = twice[misdeed]
            pairs = [(kind, table.vote(agent, kind, 1, digest)) for digest in ("0" * 64, OTHER)]
    return Evidence(misdeed, agent, tuple((kind, signed.token) for kind, signed in pairs))


@pytest.mark.parametrize("misdeed", Misdeed)
def test_evidence_of_every_misdeed_verifies_offline(misdeed):
    table = Table()

    assert verify_evidence(table.agreement, evidence(table, misdeed), table.keyring.verify)


@pytest.mark.parametrize("misdeed", Misdeed)
def test_evidence_does_not_verify_against_anyone_else_or_as_anything_else(misdeed):
    table = Table()
    good = evidence(table, misdeed)
    others = [replace(good, agent=agent) for agent in table.others(good.agent)]
    others += [replace(good, misdeed=other) for other in Misdeed if other is not misdeed]
    others += [replace(good, statements=()), replace(good, statements=good.statements * 3)]
    others += [replace(good, statements=tuple((kind, token + "0") for kind, token in good.statements))]
    if len(good.statements) == 2:
        others += [replace(good, statements=(statement, statement)) for statement in good.statements]
        others += [replace(good, statements=(statement,)) for statement in good.statements]

    assert not any(verify_evidence(table.agreement, other, table.keyring.verify) for other in others)


def test_evidence_of_another_decision_does_not_verify():
    table = Table()
    other = replace(table.agreement, decision_id="d2")

    assert not verify_evidence(other, evidence(table, Misdeed.TWO_BALLOTS), table.keyring.verify)


@pytest.mark.parametrize("misdeed", Misdeed)
def test_evidence_is_taken_from_others_once(misdeed):
    table = Table()
    backup, message = table.backup(), Accusation(evidence(table, misdeed))

    first = table.give(table.others(backup)[0], backup, message)
    again = table.give(table.others(backup)[1], backup, message)

    assert reasons(first) == [misdeed.name.lower()]
    assert first.faults[0].evidence == (message.evidence,)
    assert again.faults == first.messages == ()


def test_false_evidence_falls_back_on_who_sent_it():
    table = Table()
    backup, honest = table.backup(), table.agreement.agents[0]
    sender = next(agent for agent in table.others(backup) if agent != honest)
    token = table.ballot(honest).token

    step = table.give(
        sender, backup, Accusation(Evidence(Misdeed.TWO_BALLOTS, honest, ((Kind.BALLOT, token), (Kind.BALLOT, token))))
    )

    assert [(fault.peer, fault.reason, fault.evidence) for fault in step.faults] == [(sender, "false_accusation", ())]


def test_e1_two_ballots_convict_and_void_each_other():
    table = Table()
    primary, liar = table.primary(), table.backup()
    table.give(liar, primary, Ballots((table.ballot(liar, "yes"),)))
    step = table.give(liar, primary, Ballots((table.ballot(liar, "no"),)))
    third = table.give(liar, primary, Ballots((table.ballot(liar, "no", OTHER),)))
    table.cast_all(table.others(liar))
    table.deliver()

    assert reasons(step) == ["two_ballots"]
    assert len(said(step, Accusation)) == 1
    assert third.faults == ()
    assert table.decisions[primary].tally.excluded == (liar,)


def test_e1_what_one_replica_found_out_is_in_the_value_of_another():
    table = Table()
    primary = table.primary()
    liar, witness = table.others(primary)[:2]
    table.give(
        witness,
        primary,
        Accusation(
            Evidence(
                Misdeed.TWO_BALLOTS,
                liar,
                tuple((Kind.BALLOT, table.ballot(liar, choice).token) for choice in ("yes", "no")),
            )
        ),
    )
    table.cast_all(table.others(liar))
    table.deliver()

    assert table.decisions[primary].tally.excluded == (liar,)


def test_e2_two_proposals_convict():
    table = Table()
    backup = table.backup()
    table.give(table.primary(), backup, table.propose_message(1, table.value("yes")))

    step = table.give(table.primary(), backup, table.propose_message(1, table.value("no")))

    assert reasons(step) == ["two_proposals"]


@pytest.mark.parametrize("kind", [Kind.PREPARE, Kind.COMMIT])
def test_e3_e4_two_votes_in_a_view_convict(kind):
    table = Table()
    backup = table.backup()
    liar = table.others(backup)[0]
    make = table.prepare_message if kind is Kind.PREPARE else table.commit_message
    table.give(liar, backup, make(liar, 1, table.value("yes")))

    step = table.give(liar, backup, make(liar, 1, table.value("no")))

    assert reasons(step) == ["two_prepares" if kind is Kind.PREPARE else "two_commits"]
    assert verify_evidence(table.agreement, step.faults[0].evidence[0], table.keyring.verify)


def test_e4_a_vote_not_needed_for_the_quorum_still_convicts():
    table = Table(7)
    backup, value = table.backup(), table.value()
    *voters, liar = table.others(backup)
    table.give(table.primary(), backup, table.propose_message(1, value))
    for agent in voters:
        table.give(agent, backup, table.commit_message(agent, 1, value))
    spare = table.give(liar, backup, table.commit_message(liar, 1, value))

    step = table.give(liar, backup, table.commit_message(liar, 1, table.value("no")))

    assert spare.faults == ()
    assert reasons(step) == ["two_commits"]


def test_a_forged_vote_that_was_not_needed_does_not_shield_the_true_one():
    table = Table(7)
    backup, value = table.backup(), table.value()
    *voters, liar = table.others(backup)
    table.give(table.primary(), backup, table.propose_message(1, value))
    for agent in voters[:5]:
        table.give(agent, backup, table.prepare_message(agent, 1, value))
    forged = replace(table.prepare_message(liar, 1, value), token="forged")
    table.give(liar, backup, forged)

    one = table.give(liar, backup, table.prepare_message(liar, 1, table.value("no")))
    two = table.give(liar, backup, table.prepare_message(liar, 1, value))

    assert one.faults == ()
    assert reasons(two) == ["two_prepares"]


@pytest.mark.parametrize("is_commit_first", [True, False])
def test_e5_a_view_change_that_forgets_a_commit_convicts(is_commit_first):
    table = Table()
    backup = table.backup(1, 2)
    liar = table.others(backup)[0]
    messages = [table.commit_message(liar, 1, table.value()), table.change_message(liar, 2)]

    steps = [table.give(liar, backup, one) for one in (messages if is_commit_first else messages[::-1])]

    assert [reasons(step) for step in steps] == [[], ["forgotten_commit"]]


def test_e5_a_forged_commit_that_was_never_verified_convicts_nobody():
    table = Table()
    backup, value = table.backup(1, 2), table.value()
    *voters, agent = table.others(backup)
    for voter in voters:
        table.give(voter, backup, table.commit_message(voter, 1, value))
    table.give(table.primary(2), backup, table.change_message(table.primary(2), 2))
    memory = table.replicas[backup]._memory
    memory.votes.add(VoteStatement(backup, Kind.COMMIT, 1, value.digest), table.commit_message(backup, 1, value).token)
    table.give(agent, backup, replace(table.commit_message(agent, 1, value), token="forged"))

    step = table.give(agent, backup, table.change_message(agent, 2))

    assert [fault.reason for fault in step.faults if fault.evidence] == []


def test_the_same_ballot_in_another_token_is_the_same_ballot():
    table = Table()
    book = table.replicas["a01"].ballots
    table.give("a02", "a01", Ballots((table.ballot("a02"),)))

    assert book.add(table.ballot("a02"), 5) == (True, None)
    assert len(book.of("a02")) == 1


def test_e5_a_view_change_that_remembers_another_value_of_that_view_convicts():
    table = Table()
    backup = table.backup(1, 2)
    liar = table.others(backup)[0]
    table.give(liar, backup, table.commit_message(liar, 1, table.value("yes")))

    step = table.give(liar, backup, table.change_message(liar, 2, 1, table.value("no")))

    assert reasons(step) == ["forgotten_commit"]


def test_e5_a_forgetful_view_change_inside_a_proposal_convicts():
    table = Table()
    backup = table.backup(1, 2)
    liar = next(agent for agent in table.agreement.agents[:3] if agent != backup)
    table.give(liar, backup, table.commit_message(liar, 1, table.value()))

    step = table.give(table.primary(2), backup, table.propose_message(2, table.value("no"), table.changes(2)))

    assert "forgotten_commit" in reasons(step)


@pytest.mark.parametrize(
    ("commit_view", "change_view", "prepared_view"), [(1, 2, 1), (1, 3, 2), (2, 2, 0), (3, 2, 0), (3, 2, 1)]
)
def test_e5_honest_orders_of_commit_and_view_change_convict_nobody(commit_view, change_view, prepared_view):
    table = Table()
    backup = table.backup(1, 2, 3)
    agent, value = table.others(backup)[0], table.value()
    change = table.change_message(agent, change_view, prepared_view, value if prepared_view else None)

    steps = [
        table.give(agent, backup, table.commit_message(agent, commit_view, value)),
        table.give(agent, backup, change),
    ]

    assert [reasons(step) for step in steps] == [[], []]


@pytest.mark.parametrize(("prepared_view", "prepared_value"), [(2, OTHER), (9, OTHER), (0, OTHER), (1, "")])
def test_e6_a_view_change_that_contradicts_itself_convicts(prepared_view, prepared_value):
    table = Table()
    backup = table.backup(1, 2)
    liar = table.others(backup)[0]
    message = ViewChange(liar, 2, table.change(liar, 2, prepared_view, prepared_value).token)

    step = table.give(liar, backup, message)

    assert reasons(step) == ["contradiction"]
    assert verify_evidence(table.agreement, step.faults[0].evidence[0], table.keyring.verify)


def test_e6_a_proposal_by_somebody_else_than_the_primary_convicts():
    table = Table()
    backup, value = table.backup(), table.value()
    liar = next(agent for agent in table.others(backup) if agent != table.primary())
    message = Propose(liar, 1, table.vote(liar, Kind.PROPOSE, 1, value.digest).token, value)

    step = table.give(liar, backup, message)

    assert reasons(step) == ["contradiction"]


def test_e6_a_contradiction_inside_a_proposal_makes_it_unjustified():
    table = Table()
    value = table.value()
    changes = (*table.changes(2)[:2], table.change("a03", 2, 2, value.digest))

    step = table.give(
        table.primary(2), table.backup(2), table.propose_message(2, value, changes, table.votes(Kind.PREPARE, 2, value))
    )

    assert reasons(step) == ["unjustified_proposal"]


def test_silence_delay_and_wrong_claims_are_suspicions_without_evidence():
    table = Table()
    backup = table.backup(1, 2)
    agent = table.others(backup)[0]
    unbacked = replace(table.change_message(agent, 2, 1, table.value()), prepares=())

    step = table.give(agent, backup, unbacked)
    table.tick(100)

    assert [(fault.reason, fault.evidence) for fault in step.faults] == [("unbacked_claim", ())]
    assert all(fault.evidence == () for _, fault in table.faults)


def test_double_ballots_found_only_after_the_decision_still_convict():
    table = Table()
    primary = table.primary()
    liar, one, other = table.others(primary)
    table.cast_all(table.others(liar))
    table.tick(2, [primary])
    table.give(liar, one, Ballots((table.ballot(liar, "yes"),)))
    table.give(liar, other, Ballots((table.ballot(liar, "no"),)))
    table.deliver(lambda envelope: liar not in (envelope.sender, envelope.recipient))
    decided = set(table.decisions)
    for _ in range(8):
        table.tick(agents=table.others(liar))
        table.deliver(lambda envelope: liar not in (envelope.sender, envelope.recipient))

    assert decided == {primary, one, other}
    assert liar not in table.decisions[primary].certificate.value.agents
    assert any((found.agent, found.misdeed) == (liar, Misdeed.TWO_BALLOTS) for found in table.replicas[one].evidence)


def test_two_certificates_of_one_view_name_at_least_f_plus_1_by_their_commits():
    table = Table(7)
    yes, no = table.value("yes"), table.value("no")
    commits = [
        *table.votes(Kind.COMMIT, 1, yes, table.agreement.agents[:5]),
        *table.votes(Kind.COMMIT, 1, no, table.agreement.agents[2:]),
    ]

    found = name_culprits(table.agreement, [Utterance(Kind.COMMIT, one) for one in commits], table.keyring.verify)

    assert list(found) == ["a03", "a04", "a05"]
    assert {one.misdeed for one in found.values()} == {Misdeed.TWO_COMMITS}
    assert all(verify_evidence(table.agreement, one, table.keyring.verify) for one in found.values())


def test_two_certificates_of_different_views_name_at_least_f_plus_1_by_their_view_changes():
    table = Table(7)
    commits = table.votes(Kind.COMMIT, 1, table.value("yes"), table.agreement.agents[:5])
    changes = [table.change(agent, 3) for agent in table.agreement.agents[2:]]
    utterances = [Utterance(Kind.COMMIT, one) for one in commits] + [
        Utterance(Kind.VIEW_CHANGE, one) for one in changes
    ]
    random.Random(7).shuffle(utterances)

    found = name_culprits(table.agreement, utterances, table.keyring.verify)

    assert list(found) == ["a03", "a04", "a05"]
    assert {one.misdeed for one in found.values()} == {Misdeed.FORGOTTEN_COMMIT}


def test_a_contradiction_names_its_author_and_forgeries_name_nobody():
    table = Table()
    utterances = [
        Utterance(Kind.VIEW_CHANGE, table.change("a02", 2, 5, OTHER)),
        Utterance(Kind.COMMIT, replace(table.vote("a02", Kind.COMMIT, 1, OTHER), agent="a03")),
        Utterance(Kind.COMMIT, Signed("stranger", "x")),
    ]

    assert list(name_culprits(table.agreement, utterances, table.keyring.verify)) == ["a02"]


def test_a_second_certificate_is_reported():
    table = Table()
    backup = table.backup()
    table.give(table.primary(), backup, table.decided_message(1, table.value("yes")))

    step = table.give(table.primary(), backup, table.decided_message(1, table.value("no")))
    false = table.give(table.primary(), backup, Decided(1, table.value("no"), ()))

    assert reasons(step) == ["second_certificate"]
    assert reasons(false) == []


def test_a_ballot_that_contradicts_the_decision_convicts_also_after_a_restart():
    table = Table()
    table.cast_all()
    table.deliver()
    agent, liar = table.agreement.agents[:2]
    table.restart(agent)

    step = table.give(table.agreement.agents[2], agent, Ballots((table.ballot(liar, "no"),)))

    assert reasons(step) == ["two_ballots"]

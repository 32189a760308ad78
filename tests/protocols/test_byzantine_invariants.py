"""The invariants B1 to B9 see what they are there to see: each is broken by hand, once."""

import pytest

from maos_flows.protocols.byzantine import Certificate, Durable, Evidence, Kind, Misdeed, Replica
from maos_flows.protocols.byzantine.messages import Ballots, Commit, Prepare
from maos_flows.protocols.byzantine.state import Prepared
from maos_flows.protocols.simulation.byzantine_invariants import ByzantineInvariants
from maos_flows.protocols.step import Envelope, Step
from tests.protocols.byzantine_support import DETAIL, Table


class Watch:
    """A table whose replicas are watched; the test makes them misbehave."""

    def __init__(self, n: int = 4, honest: int | None = None) -> None:
        self.table = Table(n)
        agents = self.table.agreement.agents[:honest]
        self.invariants = ByzantineInvariants(self.table.agreement, self.table.keyring.verify, frozenset(agents))
        for agent in agents:
            self.invariants.cast(agent, "yes")

    def state(self, agent: str, **fields) -> Replica:
        replica = self.table.boot(agent, Durable(**fields))
        self.invariants.changed(replica)
        return replica

    def decided(self, agent: str, choice: str = "yes", view: int = 1, agents=None) -> Replica:
        value = self.table.value(choice, agents)
        return self.state(agent, decided=Certificate(view, value, self.table.votes(Kind.COMMIT, view, value)))

    def sent(self, *messages) -> None:
        for message in messages:
            agent = message.agent
            self.invariants.sent(
                agent, Step(messages=(Envelope(agent, "a04", message), Envelope(agent, "a03", message)))
            )

    def found(self) -> list[str]:
        return [violation.invariant for violation in self.invariants.take()]


def test_an_ordinary_run_breaks_nothing():
    watch = Watch()
    watch.decided("a01")
    watch.decided("a02")
    watch.sent(watch.table.prepare_message("a01", 1, watch.table.value()))

    assert watch.found() == []
    assert len(watch.invariants.certificates) == 2


def test_b1_two_decisions_are_seen():
    watch = Watch(honest=3)
    watch.decided("a01")
    watch.invariants.take()

    watch.decided("a02", "no")

    assert "agreement" in watch.found()


def test_b2_a_certificate_that_does_not_verify_is_seen():
    watch = Watch()
    value = watch.table.value()

    watch.state("a01", decided=Certificate(1, value, watch.table.votes(Kind.COMMIT, 1, value)[:2]))

    assert watch.found() == ["certificate"]


def test_b3_two_votes_in_a_view_are_seen():
    watch = Watch()

    watch.sent(*(watch.table.prepare_message("a01", 1, watch.table.value(choice)) for choice in ("yes", "yes", "no")))

    assert watch.found() == ["contradiction"]


def test_b3_a_forgotten_commit_is_seen():
    watch = Watch()

    watch.sent(watch.table.commit_message("a01", 1, watch.table.value()), watch.table.change_message("a01", 2))

    assert watch.found() == ["contradiction"]


def test_b3_a_message_that_does_not_verify_is_seen():
    watch = Watch()

    watch.sent(Prepare("a01", 1, DETAIL, "forged"))

    assert watch.found() == ["contradiction"]


def test_b3_two_ballots_are_seen_and_others_ballots_may_be_passed_on():
    watch = Watch()
    ballots = [watch.table.ballot("a02", "no"), watch.table.ballot("a02"), watch.table.ballot("a01")]

    for ballot in ballots:
        watch.invariants.sent("a01", Step(messages=(Envelope("a01", "a03", Ballots((ballot,))),)))
    before = watch.found()
    watch.invariants.sent("a01", Step(messages=(Envelope("a01", "a03", Ballots((watch.table.ballot("a01", "no"),))),)))

    assert before == []
    assert watch.found() == ["contradiction"]


def test_b4_two_prepared_values_in_a_view_are_seen():
    watch = Watch()
    for agent, choice in (("a01", "yes"), ("a02", "no")):
        value = watch.table.value(choice)
        watch.state(agent, prepared=Prepared(3, value, watch.table.votes(Kind.PREPARE, 3, value)))

    assert watch.found() == ["prepared"]


@pytest.mark.parametrize("is_lock_first", [True, False])
@pytest.mark.parametrize(("view", "is_broken"), [(1, False), (2, False), (3, True)])
def test_b5_another_value_after_enough_commits_is_seen(is_lock_first, view, is_broken):
    watch = Watch()
    commits = [watch.table.commit_message(agent, 2, watch.table.value()) for agent in ("a01", "a02")]
    prepare = watch.table.prepare_message("a03", view, watch.table.value("no"))

    watch.sent(*([*commits, prepare, prepare] if is_lock_first else [prepare, *commits]))

    assert watch.found() == (["locked"] if is_broken else [])


def test_b5_in_six_f_plus_1_commits_lock_nothing_yet():
    watch = Watch(6)
    other = watch.table.prepare_message("a06", 3, watch.table.value("no"))
    watch.sent(*(watch.table.commit_message(agent, 2, watch.table.value()) for agent in ("a01", "a02")), other)
    before = watch.found()

    watch.sent(watch.table.commit_message("a03", 2, watch.table.value()))

    assert before == []
    assert watch.found() == ["locked"]


def test_a_proposal_that_nobody_honest_stands_behind_is_seen():
    watch = Watch()
    table, value = watch.table, watch.table.value()
    proposal = table.propose_message(2, value, table.changes(2, 1, value), table.votes(Kind.PREPARE, 1, value))

    watch.state("a01", view=2, archive=(proposal,))

    assert watch.found() == ["justified"] * 4


def test_a_proposal_that_honest_replicas_stand_behind_is_fine():
    watch = Watch()
    table, value = watch.table, watch.table.value()
    watch.sent(*(table.prepare_message(agent, 1, value) for agent in ("a01", "a02", "a03")))
    watch.sent(*(table.change_message(agent, 2, 1, value) for agent in ("a01", "a02", "a03")))
    proposal = table.propose_message(2, value, table.changes(2, 1, value), table.votes(Kind.PREPARE, 1, value))

    watch.state("a04", view=2, archive=(proposal,))
    watch.state("a04", view=2, archive=(table.propose_message(3, value, table.changes(2)),))

    assert watch.found() == ["justified"]


def test_b6_evidence_that_is_false_or_names_an_honest_agent_is_seen():
    watch = Watch()
    replica = watch.table.boot("a01")
    token = watch.table.ballot("a02").token
    false = Evidence(Misdeed.TWO_BALLOTS, "a02", ((Kind.BALLOT, token), (Kind.BALLOT, token)))
    replica._memory.evidence["a02", Misdeed.TWO_BALLOTS] = false

    watch.invariants.changed(replica)
    watch.invariants.changed(replica)

    assert watch.found() == ["accused", "accused"]


@pytest.mark.parametrize("kind", [Kind.PROPOSE, Kind.PREPARE, Kind.COMMIT])
def test_b7_a_contradiction_that_is_heard_and_not_noticed_is_seen(kind):
    watch = Watch(honest=3)
    table = watch.table
    replica, liar = table.replicas[table.backup()], table.primary()
    make = {
        Kind.PROPOSE: lambda value: table.propose_message(1, value),
        Kind.PREPARE: lambda value: table.prepare_message(liar, 1, value),
        Kind.COMMIT: lambda value: table.commit_message(liar, 1, value),
    }[kind]
    for choice in ("yes", "no"):
        envelope = Envelope(liar, replica.agent, make(table.value(choice)))
        half = watch.invariants.hears(replica, 1, envelope)
        assert half is not None
        watch.invariants.heard(replica, half)

    assert watch.found() == ["unnoticed"]


def test_b7_asks_for_nothing_where_a_replica_cannot_hear():
    watch = Watch()
    table = watch.table
    replica = table.replicas[table.backup()]
    agent = next(one for one in table.others(replica.agent) if one != table.primary())
    vote, wide = table.prepare_message(agent, 1, table.value()), table.propose_message(1, table.value())
    cases = [
        Envelope(table.primary(), replica.agent, vote),
        Envelope(agent, replica.agent, Prepare(agent, 1, DETAIL, "forged")),
        Envelope(agent, replica.agent, table.prepare_message(agent, 99, table.value())),
        Envelope(agent, replica.agent, Commit(agent, 1, DETAIL, vote.token)),
        Envelope(agent, replica.agent, b"rubbish"),
        Envelope(table.primary(2), replica.agent, table.propose_message(99, table.value())),
        Envelope(
            table.primary(),
            replica.agent,
            table.propose_message(1, wide.value, changes=(table.change("a01", 1),) * 9),
        ),
    ]

    assert [watch.invariants.hears(replica, 1, case) for case in cases] == [None] * len(cases)


def test_b8_missing_and_invented_ballots_are_seen():
    watch = Watch()
    watch.decided("a01", agents=["a01", "a02"])
    missing = watch.found()
    other = Watch()
    other.decided("a01", "no")

    assert missing == ["count", "certificate"]
    assert other.found() == ["count", "count"]


def test_b9_more_than_is_needed_is_seen():
    watch = Watch()
    replica = watch.table.boot("a01")
    value = watch.table.value()
    replica._memory.values.update((str(number), value) for number in range(600))

    watch.invariants.changed(replica)

    assert watch.found() == ["buffers"]


def test_beyond_tolerance_only_what_always_holds_is_demanded():
    watch = Watch(honest=2)
    watch.decided("a01")
    watch.decided("a02", "no", agents=["a01", "a02", "a03"])

    assert watch.found() == []

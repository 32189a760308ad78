"""Casting: a ballot is signed once, passed on by all, and proposed by the first primary with all others."""

import pytest

from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError
from maos_flows.protocols.byzantine.messages import (
    Ballots,
    Propose,
)
from tests.protocols.byzantine_support import DETAIL, Table, said, sent_to


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

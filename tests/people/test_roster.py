"""People in rosters and stages: deputies that can be, overseers that are there."""

from pathlib import Path
from typing import Any

import pytest

from maos_flows.config import resolve
from maos_flows.errors import ConfigurationError
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest
from maos_flows.roster import LoadedRoster, roster_from
from maos_flows.workflow import question_request

OLGA = {"id": "olga", "role": "overseer", "voter": "human"}
ADA = {"id": "ada", "voter": "simulated"}


def people(**deputies: str) -> LoadedRoster:
    agents = [{"id": name, "voter": {"kind": "human", "deputy": deputy}} for name, deputy in deputies.items()]
    return roster_from({"agents": [*agents, {"id": "eve", "voter": "human"}, ADA]}, base=Path())


def asked(*agents: dict[str, Any], environ: dict[str, str] | None = None, **stage: Any) -> DecisionRequest:
    return question_request(
        {"question": "Shall we?", **stage},
        base=Path(),
        policies=built_in_policies(),
        roster=roster_from({"agents": list(agents)}, base=Path()),
        configuration=resolve({"MAOS_HOME": "/nowhere", **(environ or {})}),
    )


def test_a_deputy_is_a_setting():
    agent = people(bob="eve").roster.agents[0]

    assert (agent.voter, agent.settings) == ("human", {"deputy": "eve"})


@pytest.mark.parametrize(
    ("deputies", "told"),
    [
        ({"bob": "bob"}, r"deputies go round in a circle: bob -> bob"),
        ({"bob": "cyd", "cyd": "bob"}, r"deputies go round in a circle: bob -> cyd -> bob"),
        ({"bob": "cyd", "cyd": "dan", "dan": "bob"}, r"circle: cyd -> dan -> bob -> cyd"),
        ({"bob": "nobody"}, r"agents\[0\]\.voter\.deputy: 'nobody' is not an enabled person of this roster"),
        ({"bob": "ada"}, r"'ada' is not an enabled person of this roster"),
    ],
)
def test_b42_deputies_that_cannot_be_are_refused(deputies, told):
    """B42: a cycle, an unknown and an ineligible delegate are refused."""
    with pytest.raises(ConfigurationError, match=told):
        people(**deputies)


def test_b42_who_leads_into_a_circle_is_not_blamed_for_it():
    """B42: only those in it."""
    with pytest.raises(ConfigurationError) as caught:
        people(ann="bob", bob="cyd", cyd="bob")

    assert [problem.path for problem in caught.value.problems] == [
        "agents[1].voter.deputy",
        "agents[2].voter.deputy",
    ]


def test_overseers_are_those_of_the_role_and_do_not_vote():
    request = asked(ADA, OLGA)

    assert [agent.id for agent in request.agents] == ["ada"]
    assert [agent.id for agent in request.overseers.agents] == ["olga"]
    assert request.overseers.timeout_seconds == request.timeout_seconds


def test_overseers_vote_where_their_role_is_named():
    assert [agent.id for agent in asked(ADA, OLGA, roles=["overseer"]).agents] == ["olga"]


def test_overseers_can_be_named_by_id_or_role():
    otto = {"id": "otto", "role": "owner", "voter": "human"}
    request = asked(ADA, OLGA, otto, escalate_to=["owner"], escalation_timeout="2h")

    assert ([agent.id for agent in request.overseers.agents], request.overseers.timeout_seconds) == (["otto"], 7200)
    assert asked(ADA, OLGA, otto, escalate_to=["olga"]).overseers.agents[0].id == "olga"


def test_nobody_unknown_and_no_program_oversees():
    with pytest.raises(ConfigurationError, match=r"escalate_to\[1\]: no enabled person is 'ada' or has that role"):
        asked(ADA, OLGA, escalate_to=["olga", "ada"])


def test_in_production_overseers_have_a_key():
    python = {"id": "ada", "voter": {"kind": "python", "function": "a:b"}}

    with pytest.raises(ConfigurationError, match="who oversees needs a public_key; olga has none"):
        asked(python, OLGA, environ={"MAOS_CONSENSUS__PRODUCTION_MODE": "true"})

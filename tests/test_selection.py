"""Which agents of a roster are asked."""

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.model import Agent, Roster
from maos_flows.selection import mentioned, select_agents

ROSTER = Roster(
    (
        Agent("ann", "developer", ("databases",)),
        Agent("bob", "security_expert", ("cryptography",)),
        Agent("cid", "developer", ("front end",)),
        Agent("dee", "risk-analyst", ("finance",), enabled=False),
        Agent("eve", "risk-analyst", ("Data Protection",)),
    )
)


def ids(*, most: int | None = None, **wanted) -> list[str]:
    return [agent.id for agent in select_agents(ROSTER, most=most, **wanted)]


def test_all_enabled_agents_are_asked_unless_told_otherwise():
    assert ids() == ["ann", "bob", "cid", "eve"]
    assert ids(most=9) == ["ann", "bob", "cid", "eve"]


def test_roles_limit_who_is_asked():
    assert ids(roles=["developer"]) == ["ann", "cid"]
    assert ids(roles=["nobody"]) == []


def test_domains_named_come_before_those_mentioned_and_those_before_place():
    assert ids(most=1) == ["ann"]
    assert ids(most=2, domains=["data  PROTECTION"], question="What about cryptography?") == ["bob", "eve"]
    assert ids(most=1, question="Ask the Security Expert.") == ["bob"]
    assert ids(most=1, question="Is the front-end done?") == ["cid"]
    assert ids(most=1, question="Ask a risk analyst!") == ["eve"]
    assert ids(most=1, domains=["risk-analyst"]) == ["eve"]
    assert ids(most=0) == []


def test_agents_on_call_are_asked_only_where_they_are_named():
    """Whatever the most is, and whether it is the role or a domain that is named."""
    roster = Roster(
        (Agent("gil", "developer"), Agent("hal", "doctor", ("medicine",), on_call=True), Agent("ivy", "tester"))
    )

    def asked(**wanted) -> list[str]:
        return [agent.id for agent in select_agents(roster, **wanted)]

    assert asked() == asked(most=3) == asked(question="Is the medicinal plant well?") == ["gil", "ivy"]
    assert asked(question="A medicine?") == asked(domains=["Doctor"]) == ["gil", "hal", "ivy"]
    assert asked(question="Ask a doctor.", most=1) == asked(roles=["doctor"]) == ["hal"]
    assert asked(roles=["developer"], question="A medicine?") == ["gil"]


def test_part_of_a_word_is_no_mention():
    assert ids(most=1, question="The refinanced cryptographyish thing") == ["ann"]


def test_a_name_without_words_is_never_mentioned():
    roster = Roster((Agent("a", "***"), Agent("b", "tester")))

    assert select_agents(roster, question="*** tester", most=1)[0].id == "b"
    assert select_agents(roster, question="", most=1)[0].id == "a"


names = st.sampled_from(["law", "risk", "front_end", "data"])


@given(
    st.lists(st.tuples(names, st.lists(names, max_size=2), st.booleans()), max_size=6),
    st.integers(0, 6),
    st.lists(names, max_size=2),
    st.sampled_from(["", "the risk of law", "front end data"]),
)
def test_selection_keeps_the_order_of_the_roster_and_fills_every_place_it_can(members, most, domains, question):
    agents = tuple(
        Agent(f"a{place}", role, tuple(known), enabled=enabled) for place, (role, known, enabled) in enumerate(members)
    )

    chosen = select_agents(Roster(agents), domains=domains, question=question, most=most)

    enabled = [agent for agent in agents if agent.enabled]
    assert len(chosen) == min(most, len(enabled))
    assert [agent for agent in enabled if agent in chosen] == list(chosen)


def test_names_a_text_mentions_are_given_once_and_in_their_order():
    names = ("security", "front_end", "law", "security", "--")

    assert mentioned(names, "Front-end and SECURITY, by lawyers") == ("security", "front_end")

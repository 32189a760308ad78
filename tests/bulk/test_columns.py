"""Deciding by columns gives what deciding each question by itself gives."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.bulk.asking import Asker, Rule, as_recorded, voters_of
from maos_flows.bulk.columns import decide_recorded
from maos_flows.bulk.lines import BadLines
from maos_flows.bulk.questions import Question
from maos_flows.bulk.votes import Votes, _in_columns
from maos_flows.model import Agent, Ballot, Basis, Decision, Parameters, RejectionReason, TieBreak
from maos_flows.policies.base import ConsensusPolicy, Expertise, Weighing
from maos_flows.policies.deciding import decide
from maos_flows.policies.majority import SimpleMajority
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, open_decision
from tests.strategies import NOON

WORKERS = ("ada", "bob", "cyd", "dan", "stranger")
LABELS = ("x", "y", "\u00e9", "e\u0301", "abstain", "X")
POLICIES = ("simple_majority", "supermajority", "weighted_voting")


def votes_of(*cast: tuple[str, str, str]) -> Votes:
    """Votes as a file of them is read; the labels as they are, so that odd ones come through."""
    votes = _in_columns(((place, row) for place, row in enumerate(cast, 1)), BadLines("votes"), "sha256:0")
    assert not votes.bad.count
    return votes


def question(name: str, choices: str = "xy\u00e9", domains: tuple[str, ...] = ()) -> Question:
    return Question(name, f"Which one, {name}?", tuple(choices), domains, (), 1)


def rule_of(policy: ConsensusPolicy, agents: tuple[Agent, ...], votes: Votes, **fields) -> Rule:
    share = fields.pop("share", None)
    weighing = Weighing(expertise={"expert": Expertise(("law",))}, roles={"senior": Fraction(3, 2)})
    base = DecisionRequest(
        "?", ("x", "y"), agents, policy.name, Parameters(policy.threshold(share), **fields), weighing=weighing
    )
    return Rule(base, policy, votes=votes)


def alone(rule: Rule, asked: Question, cast: list[tuple[str, str, str]]) -> Decision:
    """The same question decided by itself: its ballots in the order of the file."""
    request = replace(rule.base, question=asked.text, choices=asked.choices, domains=asked.domains, run_id="b-1")
    opening = open_decision(request, rule.policy, decision_id=f"b-1-{asked.id}", now=NOON)
    ballots = [
        Ballot(f"b-1-{asked.id}", worker, label, received_at=NOON + timedelta(microseconds=place))
        for place, (task, worker, label) in enumerate(cast)
        if task == asked.id
    ]
    return decide(rule.policy, opening, ballots)


def said(decision: Decision) -> tuple:
    """All that a ruling says, without ids and times."""
    return (
        *(decision.outcome, decision.reason, decision.choice, decision.strength, decision.explanation),
        *(decision.tally, dict(decision.tally.units), dict(decision.tally.heads)),
        *(decision.dissent, decision.decisive, decision.margin),
        [(ballot.agent_id, ballot.choice) for ballot in decision.ballots],
        [(entry.ballot.agent_id, entry.ballot.choice, entry.reason, entry.explanation) for entry in decision.rejected],
    )


rows = st.lists(
    st.tuples(st.sampled_from(["q1", "q2", "q3"]), st.sampled_from(WORKERS), st.sampled_from(LABELS)), max_size=18
)


@st.composite
def rules(draw: st.DrawFn, votes: Votes) -> Rule:
    """Every policy that counts, over agents whose roles and weights differ."""
    weights = draw(st.lists(st.sampled_from([0, 1, 2, Fraction(1, 3)]), min_size=4, max_size=4).filter(any))
    roles = ("expert", "senior", "agent", "agent")
    agents = tuple(
        Agent(worker, role, weight=Fraction(weight), voter="recorded")
        for worker, role, weight in zip(WORKERS, roles, weights, strict=False)
    )
    with_weight = [agent.id for agent in agents if agent.weight]
    tie_break = draw(st.sampled_from(TieBreak))
    return rule_of(
        built_in_policies()[draw(st.sampled_from(POLICIES))],
        agents,
        votes,
        share=draw(st.sampled_from([None, Fraction(2, 3), Fraction(67, 100), Fraction(1)])),
        basis=draw(st.sampled_from(Basis)),
        min_participants=draw(st.integers(1, len(with_weight))),
        tie_break=tie_break,
        chair=with_weight[0] if tie_break is TieBreak.CHAIR else None,
    )


@given(st.data(), rows, st.sampled_from([(), ("law",)]))
def test_columns_decide_as_each_question_by_itself(data, cast, domains):
    """B02, B22, B25, B27, B29, B31, B33: duplicates, no ballots, ties, abstentions, odd labels, exact shares."""
    rule = data.draw(rules(votes_of(*cast)))
    questions = [question("q1"), question("q2"), question("q3", "xy", domains)]

    closed = decide_recorded(Asker(rule, "b-1"), questions, at=NOON)

    for asked, entry in zip(questions, closed, strict=True):
        assert said(entry.like) == said(alone(rule, asked, cast))
        assert entry.opening == alone(rule, asked, cast).opening
        assert entry.opening.electorate == entry.like.opening.electorate
        assert entry.opening.proposal.choices == entry.like.opening.proposal.choices


@given(cast=rows)
def test_the_electorate_is_those_who_voted_where_no_roster_says_otherwise(cast):
    votes = votes_of(*cast)
    rule = replace(rule_of(SimpleMajority(), voters_of(votes), votes), voters_alone=True)
    questions = [question(name) for name in ("q1", "q2", "q3") if name in votes.places]

    closed = decide_recorded(Asker(rule, "b-1"), questions, at=NOON)

    for asked, entry in zip(questions, closed, strict=True):
        voted = sorted({worker for task, worker, _ in cast if task == asked.id})
        assert [elector.agent_id for elector in entry.opening.electorate.electors] == voted


def test_questions_answered_alike_are_decided_once():
    votes = votes_of(*((task, worker, "x") for task in ("q1", "q2") for worker in ("ada", "bob")))
    rule = rule_of(SimpleMajority(), voters_of(votes), votes)

    one, other = decide_recorded(Asker(rule, "b-1"), [question("q1"), question("q2")], at=NOON)

    assert one.like is other.like
    assert other.opening.proposal.decision_id == "b-1-q2"
    assert other.request.question == "Which one, q2?"


class ByQuestion(ConsensusPolicy):
    """Decides by what is asked."""

    name = "by_question"

    def evaluate(self, opening, tally, ballots):
        return super().evaluate(opening, tally, ballots)

    def evaluate_proposal(self, proposal, votes):
        return {"consensus": "q2" in proposal["question"], "decision": "x", "strength": 1}


def test_another_policy_is_asked_about_each_question():
    votes = votes_of(*((task, worker, "x") for task in ("q1", "q2") for worker in ("ada", "bob")))
    rule = rule_of(ByQuestion(), voters_of(votes), votes)

    one, other = decide_recorded(Asker(rule, "b-1"), [question("q1"), question("q2")], at=NOON)

    assert (one.like.choice, other.like.choice) == (None, "x")
    assert other.like.opening == other.opening


def test_an_elector_without_a_ballot_that_counts_is_absent():
    """B33: a label that is no choice is kept, not counted, and nobody's vote."""
    votes = votes_of(("q1", "ada", "x"), ("q1", "bob", "w"), ("q1", "ada", "y"))
    agents = as_recorded((Agent("ada"), Agent("bob"), Agent("cyd")))
    rule = rule_of(SimpleMajority(), agents, votes)

    (closed,) = decide_recorded(Asker(rule, "b-1"), [question("q1")], at=NOON)

    assert [(absence.agent_id, absence.explanation[:24]) for absence in closed.like.absences] == [
        ("bob", "its ballot was rejected:"),
        ("cyd", "no ballot recorded"),
    ]
    assert [entry.reason for entry in closed.like.rejected] == [
        RejectionReason.CONFLICTING,
        RejectionReason.INVALID_CHOICE,
    ]
    assert {elector.voter for elector in closed.opening.electorate.electors} == {"recorded"}


def test_a_question_that_could_never_be_decided_is_named():
    votes = votes_of(("q1", "ada", "x"))
    rule = replace(rule_of(SimpleMajority(), voters_of(votes), votes, min_participants=2), voters_alone=True)

    found = list(Asker(rule, "b-1").problems((question("q1"), question("q2"), question("q3", "x"))))

    assert [(asked.id, words.split(":")[0]) for asked, words in found] == [
        ("q1", "min_participants"),
        ("q2", "agents"),
        ("q3", "choices"),
    ]


def test_agents_that_fit_a_question_best_are_asked():
    agents = (Agent("ada", "lawyer"), Agent("bob", domains=("law",)), Agent("cyd"))
    rule = replace(rule_of(SimpleMajority(), agents, votes_of()), votes=None, max_agents=1)

    request = Asker(rule, "b-1").request(question("q1", domains=("law",)))

    assert [agent.id for agent in request.agents] == ["bob"]

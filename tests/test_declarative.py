"""Policies as rules: what each rule asks, exactly, and how the document they stand in is read."""

import json
from fractions import Fraction

import jsonschema
import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.model import ABSTAIN, Agent, Ballot, Basis, Outcome, Parameters, Proposal, Reason
from maos_flows.plugins.declared import SHIPPED, declared_policy, schema_text
from maos_flows.policies.base import Weighing
from maos_flows.policies.deciding import decide, freeze
from maos_flows.policies.declarative import DeclaredPolicy, Rules
from maos_flows.quorum import MAJORITY, Threshold
from maos_flows.testing import check_policy
from tests.strategies import NOON

ROLES = {"a": "security", "b": "tester", "c": "tester", "d": "coder", "e": "coder"}


def ruled(rules: Rules, votes: str, *, basis: Basis = Basis.ELIGIBLE, weights=(1, 1, 1, 1, 1), **stated):
    """Decide `votes` of a..e by rules; what is stated is stated by everybody, a mapping by those it names."""
    agents = [Agent(name, ROLES[name], weight=Fraction(weight)) for name, weight in zip("abcde", weights, strict=True)]
    policy = DeclaredPolicy("board", rules)
    proposal = Proposal("d-1", "Which?", ("x", "y"))
    opening = freeze(policy, proposal, agents, Parameters(policy.threshold(None), basis), opened_at=NOON)
    ballots = [
        Ballot(
            "d-1",
            name,
            ABSTAIN if vote == "-" else vote,
            reasoning=stated.get("reasoning", ""),
            evidence=stated.get("evidence", {}).get(name, ()),
            confidence=stated.get("confidence", {}).get(name),
            attributes=stated.get("attributes", {}).get(name, {}),
        )
        for name, vote in zip("abcde", votes, strict=False)
        if vote != "."
    ]
    return decide(policy, opening, ballots)


def test_without_rules_it_is_a_majority():
    decision = ruled(Rules(), "xxxyy")

    assert (decision.choice, decision.reason) == ("x", Reason.THRESHOLD_MET)
    assert decision.explanation == "x has 3 of 5 eligible; more than half needed"
    assert decision.strength == Fraction(3, 5)


@pytest.mark.parametrize(("votes", "reason"), [("xxyy-", Reason.TIE), ("xx---", Reason.BELOW_THRESHOLD)])
def test_what_is_not_enough_is_not_reached(votes, reason):
    decision = ruled(Rules(Threshold(Fraction(1, 2))), votes)

    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, reason)


def test_the_threshold_is_the_stages_if_it_gives_one():
    policy = DeclaredPolicy("board", Rules(Threshold(Fraction(2, 3))))

    assert policy.threshold(None) == Threshold(Fraction(2, 3))
    assert policy.threshold(Fraction(9, 10)) == Threshold(Fraction(9, 10))


def test_weights_are_the_rosters():
    weighing = Weighing(roles={"coder": Fraction(3)})

    weight, _ = DeclaredPolicy("board", Rules()).weigh(Agent("d", "coder"), Proposal("d", "?", ("x", "y")), weighing)

    assert weight == 3


@pytest.mark.parametrize(
    ("votes", "missing"),
    [
        ("xx.xx", "tester (1 of 2)"),
        ("-xxxx", ""),
        (".xxxx", "security (0 of 1)"),
        ("...xx", "tester (0 of 2), security (0 of 1)"),
    ],
)
def test_a_quorum_counts_who_cast_a_ballot_by_role(votes, missing):
    decision = ruled(Rules(quorum={"tester": 2, "security": 1}), votes)

    assert (decision.outcome is Outcome.REACHED) == (missing == "")
    if missing:
        assert (decision.reason, decision.explanation) == (
            Reason.TOO_FEW_PARTICIPANTS,
            f"the quorum lacks {missing}",
        )


@pytest.mark.parametrize("name", ["a", "security"])
def test_advisers_are_in_no_quorum_and_have_no_veto(name):
    advised = (0, 1, 1, 1, 1)

    assert ruled(Rules(quorum={name: 1}), "xxxxx", weights=advised).reason is Reason.TOO_FEW_PARTICIPANTS
    assert ruled(Rules(veto=(name,)), "yxxxx", weights=advised).choice == "x"


@pytest.mark.parametrize("name", ["a", "security"])
def test_support_is_asked_of_roles_and_of_agents(name):
    assert ruled(Rules(support={name: 1}), "xxxyy").choice == "x"
    declined = ruled(Rules(support={name: 1}), "-xxxy")
    assert (declined.reason, declined.choice) == (Reason.POLICY_DECLINED, None)
    assert f"its support lacks {name} (0 of 1)" in declined.explanation


@pytest.mark.parametrize(("votes", "reached"), [("xxxxx", True), ("-xxxx", True), (".xxxx", True), ("yxxxx", False)])
def test_a_veto_is_a_ballot_against_it(votes, reached):
    decision = ruled(Rules(veto=("security",)), votes, reasoning="too early")

    assert (decision.outcome is Outcome.REACHED) == reached
    if not reached:
        assert decision.reason is Reason.VETOED
        assert decision.explanation.endswith("but a is against it: too early")
        assert ruled(Rules(veto=("a",)), votes).explanation.endswith("but a is against it")


def test_a_ballot_without_the_evidence_is_set_aside():
    evidence = {"a": ("one", "two"), "b": ("one", " "), "c": ("one", "two")}
    decision = ruled(Rules(Threshold(Fraction(2, 5)), evidence=2), "xxx-.", evidence=evidence)

    assert decision.choice == "x"
    assert decision.strength == Fraction(2, 5)
    assert decision.explanation.endswith("1 ballots set aside: b cites 1 of 2 pieces of evidence")
    assert decision.details == {"set_aside": ["b"]}


@pytest.mark.parametrize("basis", [Basis.CAST, Basis.DECISIVE])
def test_what_is_set_aside_is_in_no_whole_of_those_who_voted(basis):
    decision = ruled(Rules(evidence=1), "xy...", basis=basis, evidence={"a": ("one",)})

    assert (decision.choice, decision.strength) == ("x", 1)


def test_nothing_left_to_count_reaches_nothing():
    decision = ruled(Rules(evidence=1), "xx...", basis=Basis.CAST)

    assert (decision.outcome, decision.strength) == (Outcome.NOT_REACHED, 0)
    assert decision.explanation.startswith("no choice has 0 of 0 cast; more than half needed; 2 ballots set aside")


@pytest.mark.parametrize(
    ("wanted", "stated", "counts"),
    [
        ("true", True, True),
        ("true", False, False),
        ("false", False, True),
        ("true", 1, False),
        ("3", 3, True),
        ("0.5", 0.5, True),
        ("done", "done", True),
        ("done", ["done"], False),
        ("None", None, False),
    ],
)
def test_an_attribute_must_be_stated_as_the_rule_writes_it(wanted, stated, counts):
    everybody = {name: {"tested": stated} for name in "abcde"}

    decision = ruled(Rules(attributes={"tested": wanted}), "xxxxx", attributes=everybody)

    assert (decision.choice == "x") == counts
    if not counts:
        assert f"a does not state tested: {wanted}" in decision.explanation


@pytest.mark.parametrize(("confidence", "counts"), [(None, False), ("0.59", False), ("0.6", True), ("1", True)])
def test_a_confidence_must_be_stated_and_high_enough(confidence, counts):
    stated = {name: None if confidence is None else Fraction(confidence) for name in "abcde"}

    decision = ruled(Rules(confidence=Fraction(3, 5)), "xxxxx", confidence=stated)

    assert (decision.choice == "x") == counts
    if not counts:
        assert f"a states a confidence of {confidence or 'none'}, below 0.6" in decision.explanation


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(quorum={"coder": 1}, support={"analyst": 1}),
        Rules(Threshold(Fraction(1, 3)), veto=("tester", "doctor")),
        Rules(evidence=1, attributes={"peer_reviewed": "true"}),
        Rules(Threshold(Fraction(2, 5)), confidence=Fraction(1, 4)),
    ],
)
def test_rules_keep_what_every_policy_promises(rules):
    assert check_policy(DeclaredPolicy("board", rules), number=60).reached > 0


WHOLE = """
policy: release_board
description: Who may release.
threshold: 2/3
quorum: {security: 1, tester: 2}
support: {release_manager: 1}
veto: [security]
required_evidence: 1
required_attributes: {tests_passed: true}
minimum_confidence: 0.6
"""


def test_a_document_is_read_to_its_rules():
    policy, description = declared_policy(WHOLE, source="board.yaml", digest="sha256:0")

    assert (policy.name, policy.digest, description) == ("release_board", "sha256:0", "Who may release.")
    assert policy.rules == Rules(
        Threshold(Fraction(2, 3)),
        {"security": 1, "tester": 2},
        {"release_manager": 1},
        ("security",),
        1,
        {"tests_passed": "true"},
        Fraction(3, 5),
    )
    assert declared_policy("policy: bare", source="")[0].rules == Rules(MAJORITY)


def test_a7_everything_wrong_with_a_document_is_told_at_once_with_its_line():
    text = "policy: A\nthreshold: 1.5\nqorum: {x: 1}\nveto: security\nsupport: {x: 0}\nminimum_confidence: 60%\n"

    with pytest.raises(ConfigurationError) as refused:
        declared_policy(text, source="board.yaml")

    assert {problem.path for problem in refused.value.problems} == {
        "policy (line 1)",
        "threshold (line 2)",
        "qorum (line 3)",
        "veto (line 4)",
        "support.x (line 5)",
        "minimum_confidence (line 6)",
    }
    assert "did you mean 'quorum'" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "policy: a\npolicy: b\n",
        "policy: !!python/object/apply:os.system [true]\n",
        "policy: &a b\nveto: [*a]\n",
        "policy: " + "[" * 3000,
        "- a\n",
        "",
    ],
)
def test_a5_a_document_with_tricks_is_refused(text):
    with pytest.raises(ConfigurationError):
        declared_policy(text, source="board.yaml")


def test_the_schema_shipped_is_that_of_the_code_and_accepts_what_it_reads():
    how = "from maos_flows.plugins.declared import SHIPPED, schema_text; SHIPPED.write_text(schema_text())"
    assert SHIPPED.read_text() == schema_text(), how

    schema = json.loads(schema_text())
    document = {"policy": "b", "threshold": "2/3", "quorum": {"a": 1}, "required_attributes": {"tested": True}}
    jsonschema.Draft202012Validator(schema).validate(document)
    assert not jsonschema.Draft202012Validator(schema).is_valid({"policy": "b", "quorums": {}})

"""What is asked in the sandbox: how a file is loaded, what it is refused for, and what comes back."""

import asyncio
from fractions import Fraction

import pytest

from maos_flows.model import Agent, Outcome, Parameters, Proposal
from maos_flows.plugins.sandbox import Code, Limits, SandboxError, _reply, ask
from maos_flows.plugins.sandboxed import ruling_of
from maos_flows.policies.base import Weighing
from maos_flows.tally import count
from maos_flows.voters.process import Finished
from tests.plugins.samples import AGREES, CLINICAL, PORTFOLIO, body, decided, sandboxed
from tests.strategies import ballots_of, opening_of

ABOUT = b'"policy": {"name": "", "tolerates": "", "description": "", "parameters": {}}'
ANSWERS_ONE = b'{"fences": [], "answers": [1], ' + ABOUT + b"}"


def refusal_of(source: str) -> str:
    reply = ask(Code(source=source, file="mine.py"), [], parameters={})
    return reply["refused"]


def test_b77_a_file_that_registers_through_a_name_it_never_imports_runs():
    decision = decided(sandboxed(CLINICAL, name="clinical"), "xxx", grade="strong")

    assert (decision.outcome, decision.choice, decision.strength) == (Outcome.REACHED, "x", 1)
    assert decision.details == {"quality": "low"}


def test_b77_a_file_that_uses_numpy_answers_in_plain_numbers():
    decision = decided(sandboxed(PORTFOLIO, name="portfolio"), "xxy", risk_assessment={"score": 0.25})

    assert decision.outcome is Outcome.NOT_REACHED
    assert decision.details == {"risk": 0.25, "needed": 0.8}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def broken(:\n", "line 1: invalid syntax"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        (
            "from maos.consensus import ConsensusPolicy\nassert maos.consensus.ConsensusPolicy is ConsensusPolicy",
            "no subclass",
        ),
    ],
)
def test_b77_a_file_that_is_no_policy_is_refused(source, message):
    assert message in refusal_of(source)


def test_b77_without_numpy_the_extra_is_named():
    source = "import sys\nsys.modules['numpy'] = None\nimport numpy"

    assert refusal_of(source) == "it imports numpy, which is not installed: pip install 'maos-flows[numpy]'"


def test_a_policy_says_what_it_is_and_which_parameters_it_has():
    reply = ask(Code(source=CLINICAL), [], parameters={})

    assert reply["policy"] == {
        "name": "clinical",
        "tolerates": "as written",
        "description": "",
        "parameters": {"grades": ["strong", "weak"], "min_reviewers": 2, "strict": True},
        "is_monotone": True,
    }


def test_parameters_are_set_before_it_is_asked():
    policy = sandboxed(CLINICAL, name="clinical")

    strict = decided(policy, "xxx", parameters=Parameters(settings={"min_reviewers": "4"}))

    assert (strict.outcome, strict.explanation) == (Outcome.NOT_REACHED, "Too few reviewers")


def test_b60_what_a_policy_says_is_shown_without_what_cannot_be_seen():
    hidden = "\\x1b[31mred\\u202e"

    decision = decided(sandboxed(body(f"return {{'consensus': False, 'reason': '{hidden}', '{hidden}': '{hidden}'}}")))

    assert decision.explanation == "red"
    assert decision.details == {"red": "red"}
    assert refusal_of(f"raise ValueError('{hidden}')") == "ValueError: red (line 1)"


def test_an_exact_strength_stays_exact():
    decision = decided(sandboxed(body("from fractions import Fraction as F", AGREES.replace("1.0", "F(2, 3)"))))

    assert decision.strength == Fraction(2, 3)


def test_agents_weigh_by_the_roster_and_never_by_what_a_ballot_says():
    policy = sandboxed(body("return {'consensus': False, 'seen': [v['agent_weight'] for v in votes]}"))
    weighing = Weighing(roles={"doctor": Fraction(3)})

    assert policy.weigh(Agent("a", "doctor"), Proposal("d", "?", ("x", "y")), weighing)[0] == 3
    assert decided(policy, "xx", agent_weight=1e6).details == {"seen": [1.0, 1.0]}


async def test_it_can_be_asked_within_a_running_loop():
    decision = decided(sandboxed(body(AGREES)), "xx")
    beside = await asyncio.to_thread(decided, sandboxed(body(AGREES)), "xx")

    assert decision == beside
    assert decision.choice == "x"


def test_dicts_are_answered_too():
    policy = sandboxed(body(AGREES))
    failing = sandboxed(body("return 7"))

    assert policy.evaluate_proposal({"choices": ["x"]}, [])["decision"] == "x"
    with pytest.raises(SandboxError, match="a int, not a dict"):
        failing.evaluate_proposal({"choices": ["x"]}, [])


def test_ballots_that_json_cannot_carry_are_an_error():
    decision = decided(sandboxed(body(AGREES)), "xx", odd=object())

    assert "JSON cannot carry" in decision.explanation


def test_an_interpreter_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr("sys.executable", "nowhere/python")
    monkeypatch.setattr("maos_flows.plugins.sandbox.bubblewrap", lambda: None)

    with pytest.raises(SandboxError, match="could not be started"):
        ask(Code(source=""), [], parameters={})


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (b"", "status 0, without an answer: last words"),
        (b"[]", "not of the form"),
        (b"{}", "not of the form"),
        (b'{"refused": "no", "fences": 1}', "not of the form"),
        (b'{"policy": {"name": 1}, "answers": [], "fences": []}', "not of the form"),
        (ANSWERS_ONE, "not of the"),
        (b'{"a": 1, "a": 2}', "no JSON: the key 'a' stands twice"),
        (b'{"a": 1e999}', "no JSON: a number out of bounds"),
        (b"\xff", "no JSON"),
    ],
)
def test_a_reply_that_is_none_is_an_error(output, message):
    with pytest.raises(SandboxError, match=message):
        _reply(Finished(0, output, "first\nlast words\n", flooded=False), [{}])


@pytest.mark.parametrize("said", ["1/0", "nan", "seven"])
def test_an_exact_strength_that_is_none_is_an_error(said):
    opening = opening_of((1, 1))
    tally = count(ballots_of("xx"), opening.proposal, opening.electorate)

    ruling = ruling_of({"answer": {"consensus": True, "decision": "x"}, "exact_strength": said}, tally)

    assert ruling.outcome is Outcome.ERROR


def test_no_more_files_are_opened_than_are_allowed():
    source = body("held = [open(os.__file__) for _ in range(60)]", AGREES)

    assert decided(sandboxed(source, limits=Limits(open_files=70))).choice == "x"
    assert "Too many open files" in decided(sandboxed(source, limits=Limits(open_files=20))).explanation

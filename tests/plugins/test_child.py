"""How the sandbox's process loads a policy and answers, looked at from within and without its fences."""

import json
import os
import re
import sys

import pytest

from maos_flows import consensus
from maos_flows.plugins import child
from maos_flows.plugins.child import RefusedError, respond
from tests.plugins.samples import AGREES, CLINICAL, body

CLASS = """
from maos.consensus import ConsensusPolicy
class {name}(ConsensusPolicy):
    name = "{name}"
    def evaluate_proposal(self, proposal, votes):
        return {{}}
"""


CASE = {"proposal": {"choices": ["x"]}, "votes": []}


@pytest.fixture(autouse=True)
def process_of_its_own(monkeypatch):
    """Let what loading leaves in a process be gone after the test."""
    monkeypatch.setattr(consensus, "_registered", [])
    for name in ("maos", "maos.consensus", child._MODULE):
        monkeypatch.setitem(sys.modules, name, None)


def answered(source: str = "", *, entry: str = "", cases=(), parameters=None):
    consensus._registered.clear()
    request = {"source": source, "file": "mine.py", "entry": entry, "cases": list(cases)}
    return respond({**request, "parameters": parameters or {}})


def refusal_of(source: str = "", **asked) -> str:
    with pytest.raises(RefusedError) as refused:
        answered(source, **asked)
    return str(refused.value)


@pytest.mark.parametrize(
    "statement",
    ["import maos.consensus as c", "from maos import consensus as c", "from maos_flows import consensus as c"],
)
def test_every_way_to_name_the_module_leads_to_the_same_one(statement):
    policy = "class P(c.ConsensusPolicy):\n    name = 'p'\n    evaluate_proposal = print"

    reply = answered(f"{statement}\nassert c is maos.consensus\n{policy}")

    assert reply["policy"]["name"] == "p"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def broken(:\n", "line 1: invalid syntax"),
        ("", "it has no subclass of ConsensusPolicy"),
        ("x = 1\n\nx / 0\n", r"ZeroDivisionError: division by zero \(line 3\)"),
        (CLASS.format(name="One") + CLASS.format(name="Two"), "several subclasses of ConsensusPolicy, One and Two"),
        (
            CLASS.format(name="One") + "maos.consensus.register_policy(One())\nmaos.consensus.register_policy(One())",
            "it registers 2 policies, One and One; one file holds one",
        ),
        (CLASS.format(name="One") + "maos.consensus.register_policy(One)", "not the class One; make one of it"),
        ("maos.consensus.register_policy(7)", "it takes a ConsensusPolicy, not a int"),
        ("import nowhere.to_be_found", "it imports nowhere, which is not installed$"),
        (
            "from maos.consensus import ConsensusPolicy\nclass P(ConsensusPolicy): pass",
            "P must write evaluate or evaluate_proposal",
        ),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("raise MemoryError", "MemoryError"),
        (
            "class Bad(Exception):\n    def __str__(self): raise self\nraise Bad",
            "^Bad",
        ),
    ],
)
def test_b77_a_file_that_is_no_policy_is_refused_in_a_line(source, message):
    refusal = refusal_of(source)

    assert re.search(message, refusal), refusal
    assert "\n" not in refusal


def test_one_of_several_classes_is_taken_if_it_is_registered():
    source = CLASS.format(name="One") + CLASS.format(name="Two") + "maos.consensus.register_policy(Two())"

    assert answered(source)["policy"]["name"] == "Two"


def test_numpy_that_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)

    assert refusal_of("import numpy") == "it imports numpy, which is not installed: pip install 'maos-flows[numpy]'"


def test_a_policy_of_a_package_is_loaded_by_its_entry(tmp_path, monkeypatch):
    (tmp_path / "theirs.py").write_text(CLASS.replace("maos.", "maos_flows.").format(name="One") + "one = One()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "theirs", raising=False)

    assert answered(entry="theirs:One")["policy"]["name"] == "One"
    assert answered(entry="theirs:one")["policy"]["name"] == "One"
    assert "is a str, not a ConsensusPolicy" in refusal_of(entry="theirs:__name__")
    assert "has no attribute" in refusal_of(entry="theirs:Two")


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        ([AGREES], {"answer": {"consensus": True, "decision": "x", "strength": 1.0}}),
        (
            ["from fractions import Fraction", "return {'strength': Fraction(2, 3)}"],
            {"answer": {"strength": 2 / 3}, "exact_strength": "2/3"},
        ),
        (["return 7"], {"error": "it answered a int, not a dict"}),
        (["raise SystemExit('no')"], {"error": "SystemExit: no"}),
        (["return {'consensus': {1, 2}}"], {"error": "its answer holds {1, 2}, which JSON cannot carry"}),
    ],
)
def test_a_case_is_answered_or_its_error_told(lines, answer):
    assert answered(body(*lines), cases=[CASE, CASE])["answers"] == [answer, answer]


def test_parameters_are_set_or_refused_by_name():
    assert answered(CLINICAL, parameters={"min_reviewers": "5"})["policy"]["parameters"]["min_reviewers"] == 2
    with pytest.raises(RefusedError) as refused:
        answered(CLINICAL, parameters={"min_reviewers": "many"})
    assert refused.value.parameters == {"min_reviewers": "'many' is not a whole number"}


def test_what_a_policy_says_of_itself_is_text():
    source = body(AGREES).replace('name = "mine"', 'name = 7; tolerates = None; is_monotone = "no"; colour = "red"')

    assert answered(source)["policy"] == {
        "name": "",
        "tolerates": "",
        "description": "",
        "parameters": {"colour": "red"},
        "is_monotone": False,
    }


@pytest.mark.parametrize("source", [body(AGREES), "x ="])
def test_the_answer_is_written_whole_and_the_process_ended(source, monkeypatch, capfd):
    read, write = os.pipe()
    request = {"source": source, "file": "", "entry": "", "parameters": {}, "cases": [], "limits": {}}

    class Input:
        buffer = os.fdopen(read, "rb")

    with os.fdopen(write, "wb") as given:
        given.write(json.dumps(request).encode())
    monkeypatch.setattr(sys, "stdin", Input)
    monkeypatch.setattr(child, "fence_in", lambda: ["none"])
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)

    child.main()

    reply = json.loads(capfd.readouterr().out)
    assert reply["fences"] == ["none"]
    assert ("refused" in reply) == (source == "x =")
    assert ended == [0]

"""A policy's own parameters: found among its attributes, and read from text as what they hold."""

import re
from fractions import Fraction

import pytest

from maos_flows.plugins.parameters import ParameterError, configure, parameters_of
from maos_flows.policies.base import ConsensusPolicy


class Adjustable(ConsensusPolicy):
    name = "adjustable"
    ceiling = 3

    def __init__(self):
        self.share = Fraction(3, 4)
        self.risk = 0.15
        self.count = 2
        self.strict = True
        self.label = "a"
        self.roles = ["doctor"]
        self.pair = (1, 2)
        self.kinds = {"a"}
        self.weights = {"rct": 4}
        self.endless = float("inf")
        self._hidden = 1
        self.helper = object()
        self.nested = [[1]]
        self.mixed = {1: 2}

    def evaluate_proposal(self, proposal, votes):
        return {}


def test_plain_public_attributes_are_parameters():
    assert parameters_of(Adjustable()) == {
        "ceiling": 3,
        "count": 2,
        "endless": "inf",
        "kinds": ["a"],
        "label": "a",
        "pair": [1, 2],
        "risk": 0.15,
        "roles": ["doctor"],
        "share": "3/4",
        "strict": True,
        "weights": {"rct": 4},
    }


@pytest.mark.parametrize(
    ("name", "given", "held"),
    [
        ("share", "2/3", Fraction(2, 3)),
        ("share", "0.8", Fraction(4, 5)),
        ("share", 0.1, Fraction(1, 10)),
        ("risk", "0.2", 0.2),
        ("risk", 1, 1.0),
        ("count", "7", 7),
        ("count", 7, 7),
        ("ceiling", "9", 9),
        ("strict", "false", False),
        ("strict", True, True),
        ("label", "b", "b"),
        ("roles", ["nurse", "doctor"], ["nurse", "doctor"]),
        ("pair", ["3", 4], (3, 4)),
        ("kinds", ["b"], {"b"}),
        ("weights", {"rct": "5"}, {"rct": 5}),
    ],
)
def test_a_parameter_is_read_as_what_it_holds(name, given, held):
    policy = Adjustable()

    configure(policy, {name: given})

    assert getattr(policy, name) == held
    assert type(getattr(policy, name)) is type(held)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("shere", "1", "shere: the policy has no such parameter; did you mean 'share'?"),
        ("zzz", "1", "zzz: the policy has no such parameter"),
        ("evaluate", "1", "no such parameter"),
        ("_hidden", "1", "no such parameter"),
        ("digest", "1", "no such parameter"),
        ("share", "1/0", "share: '1/0' is not a number"),
        ("share", "much", "is not a number"),
        ("share", True, "is not a number"),
        ("risk", "nan", "is not a number"),
        ("risk", "1e999", "is not a number"),
        ("count", "1.5", "is not a whole number"),
        ("count", 1.5, "is not a whole number"),
        ("count", True, "is not a whole number"),
        ("strict", "yes", "is not true or false"),
        ("strict", 1, "is not true or false"),
        ("label", ["b"], "is not a text"),
        ("roles", "nurse", "is not a list, each a text"),
        ("roles", [["nurse"]], "is not a list"),
        ("weights", ["5"], "is not a mapping to a whole number"),
    ],
)
def test_a_parameter_that_cannot_be_that_is_refused(name, given, message):
    with pytest.raises(ParameterError, match=re.escape(message)):
        configure(Adjustable(), {name: given})


def test_everything_wrong_is_told_at_once_and_nothing_is_set():
    policy = Adjustable()

    with pytest.raises(ParameterError, match=r"shere: .*; count: ") as refused:
        configure(policy, {"shere": "1", "count": "x", "risk": "0.3"})

    assert list(refused.value.problems) == ["shere", "count"]
    assert policy.risk == 0.15

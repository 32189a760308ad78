"""What is written is read again as the same value, through JSON text."""

import json
from dataclasses import replace
from datetime import timedelta, timezone
from fractions import Fraction

import pytest
import rfc8785
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import (
    Absence,
    AbsenceKind,
    Agent,
    AuthClass,
    Ballot,
    BallotBox,
    Context,
    Decision,
    Event,
    EventKind,
    Fault,
    Opening,
    Parameters,
    Risk,
    Roster,
)
from maos_flows.policies.base import Expertise, Weighing
from maos_flows.policies.deciding import decide
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.quorum import Threshold
from maos_flows.records import canonical, digest, from_plain, opening_digest, path_of, to_plain
from maos_flows.request import DecisionRequest
from tests.strategies import NOON, decisions_to_be, opening_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
exact = st.fractions(min_value=0, max_value=1000)
shares = st.fractions(min_value=0, max_value=1)
instants = st.builds(
    lambda seconds, hours: (NOON + timedelta(seconds=seconds)).astimezone(timezone(timedelta(hours=hours))),
    st.floats(-1e9, 1e9),
    st.sampled_from([0, 2, -11]),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
mappings = st.dictionaries(texts, json_values, max_size=3)
tuples = st.lists(texts, max_size=3).map(tuple)

agents = st.builds(
    Agent,
    texts,
    role=texts,
    domains=tuples,
    weight=exact,
    enabled=st.booleans(),
    public_key=st.none() | texts,
    voter=texts,
    settings=mappings,
)
ballots = st.builds(
    Ballot,
    texts,
    texts,
    texts,
    round=st.integers(1, 9),
    confidence=st.none() | shares,
    reasoning=texts,
    evidence=tuples,
    risk=st.none() | st.sampled_from(Risk),
    veto=st.booleans(),
    attributes=mappings,
    voter=texts,
    auth_class=st.sampled_from(AuthClass),
    received_at=st.none() | instants,
    seconds=st.floats(0, 1e6),
)
absences = st.builds(
    Absence,
    texts,
    texts,
    st.sampled_from(AbsenceKind),
    texts,
    round=st.integers(1, 9),
    received_at=st.none() | instants,
)
faults = st.builds(Fault, texts, texts, is_proof=st.booleans(), evidence=tuples)


@st.composite
def openings(draw: st.DrawFn) -> Opening:
    opening, _ = draw(decisions_to_be())
    proposal = replace(
        opening.proposal,
        question=draw(texts),
        domains=draw(tuples),
        context=tuple(draw(st.lists(st.builds(Context, texts, texts), max_size=2))),
        proposer=draw(st.none() | texts),
        deadline=draw(st.none() | instants),
    )
    return replace(opening, proposal=proposal, opened_at=draw(instants))


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    opening, cast = draw(decisions_to_be())
    decided = decide(
        WeightedVoting(),
        opening,
        (*cast, *draw(st.lists(ballots, max_size=2))),
        absences=draw(st.lists(absences, max_size=2)),
        faults=draw(st.lists(faults, max_size=2)),
    )
    return replace(decided, details=draw(mappings))


requests = st.builds(
    DecisionRequest,
    texts,
    tuples,
    st.lists(agents, max_size=2).map(tuple),
    parameters=st.builds(Parameters, st.builds(Threshold, st.fractions(Fraction(1, 9), 1)), veto=tuples),
    weighing=st.builds(
        Weighing,
        roles=st.dictionaries(texts, exact, max_size=2),
        expertise=st.dictionaries(texts, st.builds(Expertise, tuples, st.none() | exact), max_size=2),
        expert_weight=exact,
        regular_weight=exact,
    ),
    timeout_seconds=st.floats(0.1, 1e6),
    retries=st.integers(0, 9),
    early_stop=st.booleans(),
)
boxes = st.builds(
    BallotBox,
    openings().map(lambda opening: opening.proposal),
    st.lists(agents, max_size=2).map(tuple),
    st.lists(ballots, max_size=2).map(tuple),
    st.lists(absences, max_size=2).map(tuple),
)
events = st.builds(Event, instants, st.sampled_from(EventKind), texts, st.none() | texts, st.integers(0, 99), mappings)
rosters = st.lists(agents, max_size=2).map(tuple).map(Roster)

KINDS = {
    "agent": agents,
    "ballot": ballots,
    "absence": absences,
    "fault": faults,
    "opening": openings(),
    "decision": decisions(),
    "request": requests,
    "box": boxes,
    "event": events,
    "roster": rosters,
}


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS.keys())
@given(data=st.data())
@run(max_examples=20)
def test_every_value_is_read_again_from_json_as_it_was_written(values: st.SearchStrategy[object], data: st.DataObject):
    value = data.draw(values)

    text = json.dumps(to_plain(value))

    read = from_plain(type(value), json.loads(text))
    assert read == value
    assert json.dumps(to_plain(read)) == text


def test_numbers_are_written_as_exact_text():
    plain = to_plain(opening_of((1, "2/3"), parameters=Parameters(Threshold(Fraction(67, 100)))))

    assert plain["parameters"]["threshold"]["share"] == "67/100"
    assert [elector["weight"] for elector in plain["electorate"]["electors"]] == ["1", "2/3"]
    assert plain["opened_at"] == "2026-03-01T12:00:00Z"


def test_every_problem_of_a_record_is_named_with_its_path():
    plain = to_plain(opening_of())
    plain["proposal"]["choices"] = ["x", 5]
    plain["electorate"]["electors"][1]["weight"] = "a lot"
    del plain["algorithm"]

    with pytest.raises(ConfigurationError) as refused:
        from_plain(Opening, plain)

    assert [problem.path for problem in refused.value.problems] == [
        "proposal.choices[1]",
        "electorate.electors[1].weight",
        "algorithm",
    ]


def test_a_rule_that_cannot_be_is_refused_when_it_is_read():
    with pytest.raises(ConfigurationError, match="3/2 is not a threshold"):
        from_plain(Parameters, {"threshold": {"share": "3/2"}})


@pytest.mark.parametrize("choice", [0, False, None, ["x"]], ids=repr)
def test_b58_a_choice_that_is_no_text_is_not_read(choice: object):
    with pytest.raises(ConfigurationError, match="choice: Input should be a valid string"):
        from_plain(Ballot, {"decision_id": "d-1", "agent_id": "a", "choice": choice})


@pytest.mark.parametrize(
    ("location", "prefix", "path"),
    [
        (("stages", 2, "threshold"), "", "stages[2].threshold"),
        ((), "", ""),
        ((0,), "agents", "agents[0]"),
        (("id",), "agents[0]", "agents[0].id"),
    ],
)
def test_paths_are_written_as_people_do(location: tuple[int | str, ...], prefix: str, path: str):
    assert path_of(location, prefix=prefix) == path


def test_one_canonical_form_whatever_the_order_of_keys():
    assert canonical({"b": 1.0, "a": "é"}) == '{"a":"é","b":1}'.encode()
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1}) != digest({"a": 2, "b": 2})
    assert digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(Risk),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 3) | st.sampled_from(Risk), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(anything)
def test_data_has_the_form_of_rfc_8785_or_is_refused_as_the_library_refuses_it(data: object):
    try:
        expected = rfc8785.dumps(data)  # type: ignore[arg-type]  # whatever it is
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            canonical(data)
    else:
        assert canonical(data) == expected


def test_names_are_sorted_by_utf_16_units():
    assert canonical({"\ue000": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ue000":1}'.encode()


@given(openings())
@run(max_examples=20)
def test_the_digest_of_an_opening_is_that_of_its_record_and_binds_all_of_it(opening: Opening):
    read = from_plain(Opening, json.loads(json.dumps(to_plain(opening))))
    other_rule = replace(opening.parameters, min_participants=opening.parameters.min_participants + 1)

    assert opening_digest(read) == opening_digest(opening)
    assert opening_digest(replace(opening, parameters=other_rule)) != opening_digest(opening)
    assert opening_digest(replace(opening, algorithm=f"{opening.algorithm}!")) != opening_digest(opening)


def test_one_problem_is_one_line_and_several_are_a_list():
    one = ConfigurationError([Problem("threshold", "1.5 is too much")], source="w.yaml")
    two = ConfigurationError([Problem("a", "wrong"), Problem("", "also wrong")])

    assert str(one) == "w.yaml: threshold: 1.5 is too much"
    assert str(two) == "2 problems\n  a: wrong\n  also wrong"

"""Voter `recorded`: the ballot that stands in the file for this agent, decision and round, or none."""

import asyncio
import json
import os
from dataclasses import replace
from fractions import Fraction

import pytest

from maos_flows.model import AbsenceKind, Agent, Context
from maos_flows.voters import ask

ROWS = [
    {"agent_id": "ada", "choice": "MongoDB", "confidence": 0.7, "reasoning": "joins", "stress_test_passed": True},
    {"agent_id": "bob", "choice": "PostgreSQL", "evidence": ["run 1"], "risk": "low"},
]
CSV = """agent_id,choice,confidence,reasoning,evidence,veto,level
ada,MongoDB,0.7,"joins, many",,true,high
bob,PostgreSQL,,,run 1,,
"""


@pytest.fixture
def recorded(tmp_path):
    def make(name, content, agent_id="ada", **settings):
        (tmp_path / name).write_text(content)
        return Agent(agent_id, voter="recorded", settings={"path": str(tmp_path / name), **settings})

    return make


FORMS = [
    ("a.json", json.dumps(ROWS)),
    ("a.json", json.dumps({row["agent_id"]: {key: row[key] for key in row if key != "agent_id"} for row in ROWS})),
    ("a.jsonl", "\n\n".join(json.dumps(row) for row in ROWS)),
]


@pytest.mark.parametrize(("name", "content"), FORMS)
async def test_a_ballot_is_found_by_its_agent(name, content, recorded, proposal):
    ballot = await ask(recorded(name, content), proposal)
    other = await ask(recorded(name, content, "bob"), proposal)

    assert (ballot.choice, ballot.confidence, ballot.reasoning) == ("MongoDB", Fraction(7, 10), "joins")
    assert ballot.attributes == {"stress_test_passed": True}
    assert ballot.voter == "recorded"
    assert (other.choice, other.evidence) == ("PostgreSQL", ("run 1",))


async def test_a_line_of_csv_is_a_ballot(recorded, proposal):
    ballot = await ask(recorded("a.csv", CSV), proposal)
    other = await ask(recorded("a.csv", CSV, "bob"), proposal)

    assert (ballot.choice, ballot.confidence, ballot.reasoning) == ("MongoDB", Fraction(7, 10), "joins, many")
    assert (ballot.veto, ballot.attributes) == (True, {"level": "high"})
    assert (other.confidence, other.reasoning, other.evidence, other.veto) == (None, "", ("run 1",), False)


@pytest.mark.parametrize("content", ['{"ada": "MongoDB"}', '[{"agent": "ada", "choice": "MongoDB"}]'])
async def test_short_forms_are_read(content, recorded, proposal):
    assert (await ask(recorded("a.json", content), proposal)).choice == "MongoDB"


async def test_the_format_can_be_said(recorded, proposal):
    assert (await ask(recorded("a.txt", CSV, format="csv"), proposal)).choice == "MongoDB"


async def test_an_agent_without_a_row_has_no_ballot(recorded, proposal):
    absence = await ask(recorded("a.csv", CSV, "eve"), proposal)

    assert absence.kind is AbsenceKind.FAILED
    assert absence.explanation == "no ballot recorded"


@pytest.mark.parametrize("task", ["d-1", "Which database?", "70"])
async def test_a_column_says_for_which_decision_a_row_is(task, recorded, proposal):
    content = f"task,agent_id,choice\nother,ada,PostgreSQL\n{task},ada,MongoDB\n"
    known = replace(proposal, context=(Context("task", "70\n"),))

    ballot = await ask(recorded("a.csv", content, decision_column="task"), known)

    assert (ballot.choice, ballot.attributes) == ("MongoDB", {})


async def test_a_row_of_a_round_is_for_that_round(recorded, proposal):
    content = "agent_id,round,choice\nada,1,PostgreSQL\nada,2,MongoDB\n"
    agent = recorded("a.csv", content)

    first, second, third = [await ask(agent, replace(proposal, round=number)) for number in (1, 2, 3)]

    assert (first.choice, second.choice) == ("PostgreSQL", "MongoDB")
    assert third.explanation == "no ballot recorded"


async def test_rows_that_differ_are_not_chosen_from(recorded, proposal):
    twice = await ask(recorded("a.csv", "agent_id,choice\nada,MongoDB\nada,MongoDB\n"), proposal)
    differing = await ask(recorded("b.csv", "agent_id,choice\nada,MongoDB\nada,PostgreSQL\n"), proposal)

    assert twice.choice == "MongoDB"
    assert "2 ballots recorded that differ" in differing.explanation


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "5", "neither a list of ballots nor an object"),
        ("a.json", "[5]", "row 1 does not say whose ballot it is"),
        ("a.json", '[{"choice": "MongoDB"}]', "row 1 does not say whose ballot it is"),
        ("a.json", '[{"agent_id": ["ada"], "choice": "MongoDB"}]', "row 1 does not say whose ballot it is"),
        ("a.json", '{"ada": "a", "ada": "b"}', "'ada' stands twice"),
        ("a.jsonl", '{"agent_id": "ada"', "not JSON"),
        ("a.csv", "agent_id,choice\nada,MongoDB,more\n", "a line has more cells"),
        ("a.csv", f"agent_id,choice\nada,{'x' * 200_000}\n", "field larger than field limit"),
        ("a.xml", "<ballots/>", "the format 'xml' is none of json, jsonl, csv"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why(name, content, said, recorded, proposal):
    absence = await ask(recorded(name, content), proposal)

    assert absence.kind is AbsenceKind.FAILED
    assert said in absence.explanation


async def test_a_missing_a_huge_or_an_endless_file_says_why(recorded, proposal_within, tmp_path):
    huge = recorded("huge.json", "")
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(2**30)
    os.mkfifo(tmp_path / "fifo.json")
    endless = Agent("ada", voter="recorded", settings={"path": str(tmp_path / "fifo.json")})
    missing = Agent("ada", voter="recorded", settings={"path": "/no/such/file.json"})

    absences = await asyncio.gather(*(ask(agent, proposal_within(1)) for agent in (huge, endless, missing)))

    assert "has more than" in absences[0].explanation
    assert absences[1].kind is AbsenceKind.TIMED_OUT
    assert "No such file" in absences[2].explanation


@pytest.mark.parametrize("row", ["ada,MongoDB,high", "ada,MongoDB,NaN", "ada,MongoDB,90"])
async def test_a_malformed_ballot_in_a_file_has_failed(row, recorded, proposal):
    absence = await ask(recorded("a.csv", f"agent_id,choice,confidence\n{row}\n"), proposal)

    assert "confidence" in absence.explanation


async def test_a_changed_file_is_read_again(recorded, proposal):
    first = await ask(recorded("a.json", '{"ada": "MongoDB"}'), proposal)
    second = await ask(recorded("a.json", '{"ada": "PostgreSQL"}'), proposal)

    assert (first.choice, second.choice) == ("MongoDB", "PostgreSQL")

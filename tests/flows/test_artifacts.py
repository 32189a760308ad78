"""What Prefect shows: readable, and nothing of an agent's text rendered or loaded."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from textwrap import wrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.flows.artifacts import artifact_key, ballot_rows, decision_markdown, headline
from maos_flows.flows.course import course
from maos_flows.flows.fences import broken, facts, fenced, inline
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot, Event, EventKind, Parameters, Proposal, Risk
from maos_flows.policies.adaptive import Adaptive
from maos_flows.policies.deciding import decide, freeze
from maos_flows.policies.majority import SimpleMajority

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
BEACON = "<img src=http://attacker.example/x.png>"


def decision(*reasons: str, choices: str = "aab"):
    agents = [Agent(f"agent_{number}", voter="python") for number in range(len(choices))]
    policy = SimpleMajority()
    opening = freeze(policy, Proposal("d-1", "Which one?", ("a", "b")), agents, Parameters(), opened_at=NOW)
    said = [*reasons, *[""] * len(choices)]
    ballots = [
        Ballot("d-1", agent.id, choice, reasoning=text, confidence=Fraction(9, 10), voter="simulated")
        for agent, choice, text in zip(agents, choices, said, strict=False)
    ]
    absences = [Absence("d-1", "agent_9", AbsenceKind.FAILED, f"it broke: {BEACON}")]
    return decide(policy, opening, ballots, absences=absences)


@given(st.text(st.sampled_from("`~\n a<>!")) | st.text())
def test_no_text_closes_the_fence_it_stands_in(text):
    lines = fenced(text).split("\n")

    fence = re.match("`+", lines[0])[0]
    assert lines[-1] == fence
    inside = [line for line in re.split(r"\r\n|\n|\r", "\n".join(lines[1:-1])) if line.strip()]
    assert not any(re.fullmatch(rf" {{0,3}}{fence}`*\s*", line) for line in inside)


@given(st.text(st.sampled_from("`|\n a<>!")) | st.text())
def test_no_text_leaves_its_code_span_or_its_tables_cell(text):
    span = inline(text)

    assert "\n" not in span
    assert "|" not in span
    if span:
        ticks = re.match("`+", span)[0]
        assert span.endswith(ticks)
        runs = {len(run) for run in re.findall("`+", span[len(ticks) : -len(ticks)])}
        assert len(ticks) not in runs


def test_hostile_reasons_stand_in_fences_only():
    text = decision_markdown(decision(f"```\n{BEACON}", "fine", f"| {BEACON} |"), ())

    outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", text)
    without_spans = re.sub(r"(`+).*?\1", "", outside)
    assert BEACON not in without_spans


def test_a_long_text_is_cut_with_a_mark():
    assert "[... 500 more characters]" in fenced("x" * 2_500)


def test_the_text_tells_outcome_numbers_dissent_absences_and_timeline():
    event = Event(NOW, EventKind.OPENED, "opened\nby nobody", sequence=1)
    text = decision_markdown(decision("cheap", "fast", "safe"), [event])

    assert "# `Reached: a 2 of 3`" in text
    assert "3 of 3 ballots come from a generator" in text
    assert "**`agent_2`** for `b` (dissent)" in text
    assert "`agent_9` | failed" in text
    assert "03:04:05.678  opened by nobody" in text


@pytest.mark.parametrize(("choices", "marked"), [(("a", "a", "a", "b", "abstain"), ["agent_3"]), (("a", "b"), [])])
def test_who_dissented_is_marked_but_nobody_who_abstained_or_where_nothing_was_decided(choices, marked):
    made = decision(choices=choices)

    assert [agent for lost in made.dissenting for agent in lost.agents] == marked
    lines = [line for line in decision_markdown(made, ()).splitlines() if "(dissent)" in line]
    assert [line.split("`")[1] for line in lines] == marked


def test_long_lines_are_broken_at_white_space_unless_they_are_there_to_be_copied():
    line = " ".join(["word"] * 50)

    assert max(map(len, fenced(line).split("\n"))) <= 100
    assert " ".join(fenced(line).split("\n")[1:-1]) == line
    assert line in fenced(line, width=0)


@given(st.text("ab- `日", max_size=300), st.integers(2, 60))
def test_lines_are_broken_where_the_standard_library_would(text, width):
    line = text.lstrip()
    expected = wrap(line, width, break_long_words=False, break_on_hyphens=False)
    assert list(broken(line, width)) == ([line] if len(line) <= width else expected)


def test_a_long_fact_takes_several_rows_of_its_table():
    rows = facts([("Outcome", "reached"), ("Because", " ".join(["word"] * 30))]).split("\n")

    assert rows[:2] == ["| Outcome | `reached` |", "| --- | --- |"]
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| Because", "| "]
    assert facts([]) == ""


def happened(*kinds: EventKind) -> list[Event]:
    return [Event(NOW, kind, f"{kind.value} happened", sequence=number) for number, kind in enumerate(kinds)]


def test_the_course_is_told_between_the_tally_and_the_reasons():
    kinds = (EventKind.OPENED, EventKind.PHASE, EventKind.INJECTED, EventKind.RECOVERED)
    text = decision_markdown(decision("cheap"), happened(*kinds))

    assert text.index("## Tally") < text.index("## What happened") < text.index("## Reasons")
    assert "| 03:04:05 | phase | `phase happened` |" in text
    assert "| 03:04:05 | drill begins | `injected happened` |" in text
    assert "`opened happened`" not in text


def test_without_anything_to_tell_there_is_no_course():
    assert course(decision("cheap"), happened(EventKind.OPENED, EventKind.BALLOT)) == ""


def test_a_long_course_leaves_out_votes_first_and_then_says_how_many_rows_are_missing():
    votes = course(decision(), happened(*[EventKind.VOTE] * 60, EventKind.LEADER))
    leaders = course(decision(), happened(*[EventKind.LEADER] * 60))

    assert "vote happened" not in votes
    assert "leader happened" in votes
    assert leaders.count("leader happened") == 40
    assert leaders.endswith("... and 20 more, in the timeline")


@pytest.mark.parametrize(
    ("algorithm", "title"),
    [("raft", "## Elections, and what failed on purpose"), ("byzantine_tolerant", "## Phases, and what"), ("mine", "")],
)
def test_a_course_is_called_after_what_the_algorithm_does(algorithm, title):
    made = decision()
    told = course(
        replace(made, opening=replace(made.opening, algorithm=algorithm)), happened(EventKind.INJECTED, EventKind.PHASE)
    )

    assert told.startswith(title or "## What happened\n")


def test_an_adaptive_decision_says_which_rule_the_risk_led_to():
    policy = Adaptive()
    agents = [Agent(f"agent_{number}") for number in range(4)]
    opening = freeze(policy, Proposal("d-1", "Which?", ("a", "b")), agents, Parameters(), opened_at=NOW)
    made = decide(policy, opening, [Ballot("d-1", agent.id, "a", risk=Risk.LOW) for agent in agents])

    text = decision_markdown(made, ())

    assert "| Rule | `simple_majority, for low risk` |" in text
    assert "; the rule may ask for more`" in text


def test_a_headline_without_a_choice_names_the_reason():
    assert headline(decision(choices="ab")) == "Not reached: tie"


def test_rows_hold_no_free_text():
    made = decision(BEACON)
    rows = ballot_rows(made.opening, made.ballots)

    assert BEACON not in str(rows)
    assert rows[0]["confidence"] == "0.9"


def test_a_key_has_only_what_prefect_allows():
    assert artifact_key("decision", "3f9a-Concept_validation") == "decision-3f9a-concept-validation"


def test_what_is_shown_of_a_large_electorate_is_bounded_and_says_what_it_leaves_out():
    made = decision(*["because of its price"] * 2_000, choices="a" * 1_200 + "b" * 800)
    events = [Event(NOW + timedelta(seconds=number), EventKind.BALLOT, f"event {number}") for number in range(2_000)]
    text = decision_markdown(made, events)

    assert len(text) < 10_000
    assert text.count("because of its price") == 42  # twenty of each choice, and the surest of each in short
    assert "... and 1180 more for `a`, with `maos show d-1 --votes`" in text
    assert "... and 780 more for `b`" in text
    assert "event 0\n" in text
    assert "event 1999" in text
    assert "[... 1970 more events]" in text
    assert len(ballot_rows(made.opening, made.ballots)) == 500

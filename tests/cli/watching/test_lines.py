"""`maos consensus monitor`: how a timeline reads, line by line."""

import re
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from maos_flows.cli.watching.lines import outcome_in_words
from maos_flows.cli.watching.reading import Reader
from maos_flows.cli.watching.screen import closeup, overview
from maos_flows.cli.watching.sections import Look
from maos_flows.cli.watching.words import duration, one_line
from maos_flows.model import Agent, Outcome
from tests.audit.samples import NOON, SOON, ballot, decision_of, opening_of, request_to
from tests.cli.watching.watched import Followed, answer, asked, close, decided, maos


class TestLines:
    def test_a_timeline_reads_line_by_line(self, store):
        decided(store)
        result = maos("monitor", "d-1")

        assert result.exit_code == 0
        assert result.stdout.splitlines() == [
            "12:00:00 - round 1, simple_majority among 5: Which database?",
            "12:00:00 - round 1: 5 agents asked",
            "12:00:05 - ada votes: PostgreSQL (reason: ACID compliance)",
            "12:00:06 - bob votes: PostgreSQL (reason: analytics)",
            "12:00:07 - cyd votes: MongoDB (reason: flexibility)",
            "12:00:08 - dan: timed out (no answer in 30 s)",
            "12:00:09 - eve votes: PostgreSQL (reason: reliability)",
            "12:00:10 - simple majority reached: PostgreSQL (3 of 5)",
        ]

    def test_show_prints_the_same_lines(self, store):
        decided(store)
        watched, shown = maos("monitor", "d-1"), maos("show", "d-1", "--timeline")

        assert watched.stdout.splitlines()
        for line in watched.stdout.splitlines():
            assert f"  {line}" in shown.stdout.splitlines()

    def test_an_open_decision_says_how_far_it_is_and_is_left(self, store):
        asked(store)
        answer(store, 0, 2)
        last = maos("monitor", "d-1").stdout.splitlines()[-1]

        assert last.startswith("d-1 is open; round 1: 2 of 5 answered; strongest: PostgreSQL = MongoDB 1 of 5;")
        assert last.endswith("more than half of eligible needed; its deadline has passed")

    def test_closer_looks_add_weights_confidence_evidence_and_the_rule(self, store):
        asked(store)
        store.record_answer(replace(ballot("ada"), evidence=("RFC 1",), seconds=5.0))
        printed = maos("monitor", "d-1", "--detailed", "--show-weights").stdout

        for part in (
            "simple_majority: more than half of eligible; ballots until 12:01:00",
            "ada (agent): weight 1 = one agent, one ballot",
            "ada votes: PostgreSQL [weight 1] (reason: It is known.)",
            "confidence 0.9, after 5 s, agent",
            "cites: RFC 1",
        ):
            assert part in printed

    def test_experts_reasons_are_shown_in_full_and_others_are_not(self, store):
        agents = (Agent("ada", "security", domains=("security",), voter="python"), Agent("bob", voter="python"))
        request = replace(request_to(), agents=agents, domains=("security",), algorithm="weighted_voting")
        store.open_decision(opening_of(request), request)
        long = "because " * 60
        store.record_answer(ballot("ada", reasoning=long, evidence=("NIST",)))
        store.record_answer(ballot("bob", reasoning=long))
        lines = maos("monitor", "d-1", "--expert-reasoning", "--show-weights").stdout.splitlines()

        full = [line for line in lines if long.strip() in line]
        assert [line.strip().split(":")[0] for line in full] == ["expert in security"]
        assert any("cites: NIST" in line for line in lines)
        assert any("ada votes: PostgreSQL [weight 2]" in line for line in lines)

    def test_that_nobody_is_an_expert_is_said(self, store):
        decided(store)

        assert "nobody here is an expert" in maos("monitor", "d-1", "--expert-reasoning").stdout

    def test_agents_text_cannot_command_the_terminal_or_fill_it(self, store):
        """B60."""
        asked(store)
        store.record_answer(ballot("ada", reasoning="\x1b[31m\x9bred\n12:00:00 - bob votes: x\u202e" + "x" * 9_999))
        for words in ([], ["--detailed"], ["--expert-reasoning"]):
            lines = maos("monitor", "d-1", *words).stdout.splitlines()

            assert all(line.isprintable() and len(line) < 2_100 for line in lines)
            assert not any(line.startswith("12:00:00 - bob") for line in lines)
        printed = maos("monitor", "d-1", "--format", "json").stdout
        assert printed.replace("\n", "").isprintable()

    def test_sealed_ballots_are_shown_as_cast_until_the_decision_is_closed(self, store):
        """B61."""
        asked(store, sealed=True)
        answer(store, 0)
        store.record_answer(ballot("ada", "MongoDB"))
        lines = maos("monitor", "d-1", "--detailed", "--expert-reasoning").stdout.splitlines()

        assert "12:00:05 - ada: ballot cast (sealed until the decision is closed)" in lines
        assert "12:00:05 - ada: a ballot was not counted, conflicting" in lines
        assert not re.search("PostgreSQL|MongoDB|ACID", maos("monitor", "d-1").stdout)
        reader = Reader(store, "d-1")
        reader.news()
        assert reader.tally() is None
        console = Console(record=True, width=140)
        console.print(overview([reader], NOON), closeup(reader, Look(), NOON))
        assert not re.search("PostgreSQL|MongoDB", console.export_text())

    def test_sealed_ballots_are_shown_to_who_followed_once_the_decision_is_closed(self, store):
        asked(store, sealed=True)
        steps = (partial(answer, store, 0, 1, 2), partial(answer, store, 3, 4), partial(close, store))
        followed = Followed(store, "d-1", *steps)

        told = [line.strip() for line in followed.lines]
        assert told[2] == "12:00:05 - ada: ballot cast (sealed until the decision is closed)"
        assert told[-5:] == [
            "12:00:10 - simple majority reached: PostgreSQL (3 of 5)",
            "ada votes: PostgreSQL (reason: ACID compliance)",
            "bob votes: PostgreSQL (reason: analytics)",
            "cyd votes: MongoDB (reason: flexibility)",
            "eve votes: PostgreSQL (reason: reliability)",
        ]

    def test_an_override_for_a_choice_nobody_was_asked_about_is_told_without_a_count(self, store):
        asked(store)
        close(store)
        reader = Reader(store, "d-1")
        reader.news()
        assert reader.decision is not None
        overridden = replace(reader.decision, outcome=Outcome.OVERRIDDEN, choice="wait")

        assert outcome_in_words(overridden) == "simple majority overridden: wait"

    def test_a_policys_details_are_shown_where_they_are_asked_for(self, store):
        asked(store)
        answer(store)
        ruled = replace(decision_of(store), details={"evidence_quality": "high"})
        store.close_decision(ruled, at=SOON)

        assert "evidence_quality=high" in maos("monitor", "d-1", "--policy-details").stdout
        assert "evidence_quality" not in maos("monitor", "d-1").stdout

    def test_the_rounds_are_told_apart(self, store):
        asked(store, rounds=2)
        answer(store, 0)
        store.open_round(opening_of(request_to(rounds=2), round_number=2))
        store.record_answer(ballot("ada", "MongoDB", round=2))
        lines = maos("monitor", "d-1").stdout.splitlines()

        assert "ada votes: PostgreSQL" in lines[2]
        assert "round 2, simple_majority among 5" in lines[3]
        assert "ada votes: MongoDB" in lines[4]
        assert "round 2: 1 of 5 answered" in lines[5]


class TestWords:
    @given(st.text(max_size=3_000), st.integers(1, 300))
    def test_a_line_is_printable_bounded_and_single_spaced(self, text, most):
        line = one_line(text, most)

        assert line.isprintable()
        assert len(line) <= most
        assert "  " not in line

    @pytest.mark.parametrize(
        ("seconds", "words"), [(None, "-"), (0.42, "0.42 s"), (5.0, "5 s"), (34.4, "34 s"), (125, "2 min 5 s")]
    )
    def test_durations_read_as_people_write_them(self, seconds, words):
        assert duration(seconds) == words

"""`maos consensus monitor`'s flags: which events each shows, and what it says where there are none."""

import re
from inspect import signature

import pytest

from maos_flows.audit.timeline import OF_ROWS
from maos_flows.cli import monitor as command
from maos_flows.cli.watching.sections import FRAME, SECTIONS, Look
from maos_flows.model import EventKind
from tests.audit.samples import opened
from tests.cli.watching.watched import asked, maos, note

_OF_ROWS = OF_ROWS | FRAME
"""What the store writes itself, or what is shown with every section."""


class TestSections:
    def test_every_section_is_a_flag(self):
        flags = {name.replace("_", "-") for name in signature(command.monitor).parameters}

        assert {part.flag for part in SECTIONS} <= flags

    def test_every_kind_of_event_is_shown_by_some_section_or_by_default(self):
        shown = Look().kinds.union(*(part.kinds for part in SECTIONS))

        assert shown == Look(is_detailed=True).kinds == set(EventKind)

    @pytest.mark.parametrize("part", SECTIONS, ids=lambda part: part.flag)
    def test_a_flag_shows_its_kinds_and_the_frame_alone(self, store, part):
        asked(store, algorithm="simple_majority")
        others = sorted(set(EventKind) - part.kinds - Look((part,)).kinds - _OF_ROWS)
        for kind in [*sorted(part.kinds - _OF_ROWS), *others]:
            note(store, kind, f"told of {kind}")
        printed = maos("monitor", "d-1", f"--{part.flag}").stdout

        told = set(re.findall(r"told of (\w+)", printed))
        assert told == part.kinds - _OF_ROWS
        assert "round 1, simple_majority" in printed

    @pytest.mark.parametrize(
        ("flag", "words"),
        [
            ("raft-leader", "decided by simple_majority: there is no leader"),
            ("raft-election", "decided by simple_majority: there are no elections"),
            ("raft-details", "decided by simple_majority: there is no leader and no replicated log"),
            ("byzantine-detection", "decided by simple_majority: agents do not check each other"),
            ("adaptive-behavior", "decided by simple_majority: its algorithm was fixed"),
            ("weight-evolution", "--weight-evolution: no weight was changed"),
            ("partition-behavior", "--partition-behavior: no agent was cut off"),
            ("policy-details", "--policy-details: the policy noted nothing"),
        ],
    )
    def test_a_flag_without_anything_to_show_says_so(self, store, flag, words):
        opened(store)
        printed = maos("monitor", "d-1", f"--{flag}").stdout

        assert words in printed

    def test_a_flag_with_something_to_show_does_not(self, store):
        opened(store)
        note(store, EventKind.WEIGHT, "ada weighs 2", "ada")
        printed = maos("monitor", "d-1", "--weight-evolution").stdout

        assert "12:00:05 - ada weighs 2" in printed
        assert "no weight was changed" not in printed

    def test_several_flags_add_up(self, store):
        opened(store)
        note(store, EventKind.LEADER, "ada leads in term 1", "ada", term=1)
        note(store, EventKind.WEIGHT, "ada weighs 2", "ada")
        note(store, EventKind.RISK, "ada: high", "ada")
        printed = maos("monitor", "d-1", "--weight-evolution", "--raft-leader").stdout

        assert "ada leads" in printed
        assert "ada weighs 2" in printed
        assert "ada: high" not in printed

    def test_details_show_an_events_data(self, store):
        opened(store)
        note(store, EventKind.VOTE, "bob votes for ada", "bob", term=3, granted=True)

        assert "granted=True, term=3" in maos("monitor", "d-1", "--detailed").stdout
        assert "bob votes for ada" not in maos("monitor", "d-1").stdout

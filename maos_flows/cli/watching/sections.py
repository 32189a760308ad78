"""Sections of a timeline: which kinds of events each flag of `maos consensus monitor` selects.

This table is the only place that knows it: what an algorithm writes with one of these kinds shows without more.
"""

from collections.abc import Collection
from dataclasses import dataclass

from maos_flows.model import EventKind

_K = EventKind

FRAME = frozenset({_K.OPENED, _K.PROPOSING, _K.CHOICES, _K.RESUMED, _K.ROUND_OPENED, _K.DECIDED, _K.CANCELLED})
"""What is shown with every section: where a decision begins, goes on and ends."""

_CHATTY = frozenset({_K.VOTE, _K.LOG, _K.COMMIT, _K.RISK, _K.POLICY, _K.WEIGHT})
"""What is shown only where it is asked for: there can be many."""

EVERYTHING = frozenset(EventKind)
ESSENTIAL = EVERYTHING - _CHATTY

_DRILLS = frozenset({_K.INJECTED, _K.HEALED})
_ANY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a timeline.

    Attributes:
        flag: What selects it, less its dashes.
        kinds: The events that are in it.
        algorithms: The algorithms that write such events; empty where all may.
        otherwise: What is said of a decision by another algorithm.
        nothing: What is said if there were none of these events.
    """

    flag: str
    kinds: frozenset[EventKind]
    nothing: str
    algorithms: frozenset[str] = _ANY
    otherwise: str = ""

    def remark(self, algorithm: str) -> str | None:
        """Say why there can be nothing in it for an algorithm; None if there can."""
        if not self.algorithms or algorithm in self.algorithms:
            return None
        return f"decided by {algorithm}: {self.otherwise}"


_RAFT = frozenset({"raft"})
# An adaptive decision may become a Byzantine one.
_BYZANTINE = frozenset({"byzantine_tolerant", "adaptive"})

SECTIONS = (
    Section(
        "byzantine-detection",
        _DRILLS | {_K.PHASE, _K.EVIDENCE, _K.SUSPICION, _K.REJECTED, _K.ISOLATED, _K.RELEASED},
        "no misbehaviour was proven or suspected",
        _BYZANTINE,
        "agents do not check each other; only rejected ballots are shown",
    ),
    Section(
        "failure-detection",
        _DRILLS
        | {_K.FAILURE, _K.ABSENCE, _K.REJECTED, _K.EVIDENCE, _K.SUSPICION, _K.ISOLATED, _K.STALLED, _K.RECOVERED},
        "no agent failed",
    ),
    Section(
        "raft-details",
        _DRILLS
        | {_K.PHASE, _K.ELECTION, _K.VOTE, _K.LEADER, _K.LOG, _K.COMMIT, _K.STALLED, _K.FAILURE, _K.RECOVERED}
        | {_K.OVERRIDDEN},
        "no replica has stood for leader",
        _RAFT,
        "there is no leader and no replicated log",
    ),
    Section(
        "raft-leader",
        frozenset({_K.LEADER, _K.OVERRIDDEN}),
        "no leader was elected",
        _RAFT,
        "there is no leader",
    ),
    Section(
        "raft-election",
        _DRILLS | {_K.ELECTION, _K.VOTE, _K.LEADER, _K.LOG, _K.FAILURE, _K.RECOVERED},
        "there was no election",
        _RAFT,
        "there are no elections",
    ),
    Section(
        "adaptive-behavior",
        frozenset({_K.RISK, _K.ADAPTED, _K.ESCALATED, _K.OVERRIDDEN}),
        "no risk was found",
        frozenset({"adaptive"}),
        "its algorithm was fixed when it was opened",
    ),
    Section(
        "partition-behavior",
        _DRILLS | {_K.STALLED, _K.FAILURE, _K.RECOVERED, _K.ELECTION, _K.LEADER, _K.COMMIT, _K.ABSENCE},
        "no agent was cut off",
    ),
    Section(
        "failure-recovery",
        _DRILLS | {_K.FAILURE, _K.RECOVERED, _K.STALLED, _K.LEADER, _K.LOG, _K.ABSENCE, _K.EVIDENCE},
        "there was nothing to recover from",
    ),
    Section(
        "policy-details",
        frozenset({_K.POLICY, _K.SETTLED_EARLY, _K.DEADLINE}),
        "the policy noted nothing beside its ruling",
    ),
    Section(
        "weight-evolution",
        frozenset({_K.WEIGHT}),
        "no weight was changed",
    ),
)


def chosen(**flags: bool) -> tuple[Section, ...]:
    """Give the sections whose flags are set; every section's flag is a keyword, with underscores."""
    return tuple(section for section in SECTIONS if flags[section.flag.replace("-", "_")])


@dataclass(frozen=True, slots=True)
class Look:
    """What of timelines is looked at, and how closely.

    Attributes:
        sections: Those selected; without any, all that is essential.
        is_detailed: Whether every event is shown, with its data, confidences and evidence.
        shows_weights: Whether ballots are shown with what they weigh.
        shows_expert_reasoning: Whether experts' reasons are shown in full.
    """

    sections: tuple[Section, ...] = ()
    is_detailed: bool = False
    shows_weights: bool = False
    shows_expert_reasoning: bool = False

    @property
    def shows_evolution(self) -> bool:
        """Whether every change of the agents' weights is shown beside what the timeline tells of them."""
        return any(section.flag == "weight-evolution" for section in self.sections)

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The kinds of events that are shown."""
        if self.is_detailed:
            return EVERYTHING
        if not self.sections:
            return ESSENTIAL
        ballots = {EventKind.BALLOT} if self.shows_weights or self.shows_expert_reasoning else frozenset()
        return FRAME.union(ballots, *(section.kinds for section in self.sections))

    def remarks(self, algorithm: str) -> tuple[str, ...]:
        """Say of which sections there can be nothing, for an algorithm."""
        return tuple(remark for section in self.sections if (remark := section.remark(algorithm)) is not None)

    def empty(self, algorithm: str, seen: Collection[EventKind]) -> tuple[str, ...]:
        """Say of which sections there was nothing, though there could have been."""
        return tuple(
            f"--{section.flag}: {section.nothing}"
            for section in self.sections
            if section.remark(algorithm) is None and section.kinds.isdisjoint(seen)
        )

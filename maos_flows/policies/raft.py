"""Raft: the majority rule over the ballots that a majority of the agents' replicas holds in one log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import Parameters, Protocol
from maos_flows.policies.threshold import ThresholdPolicy

_LEAST_MS, _MOST_MS = 10, 3_600_000
_OVERRIDE = "leader_override"


@dataclass(frozen=True, slots=True)
class RaftTiming:
    """How long replicas wait, in milliseconds.

    Attributes:
        leader_timeout: For so long a leader that hears no majority still leads, and who has heard it votes for nobody
            else.
        election_timeout_min: A replica that hears no leader stands for election after so long at the earliest,
        election_timeout_max: and before so long; when exactly is drawn.
    """

    leader_timeout: int = 300
    election_timeout_min: int = 150
    election_timeout_max: int = 300


class Raft(ThresholdPolicy):
    """More than half, over the ballots that a leader ordered in a log which a majority of the replicas holds."""

    name = "raft"
    tolerates = "fewer than half crashed or cut off; it does not bear agents that lie"
    protocol = Protocol.RAFT

    def settings(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Check the times (milliseconds) of `RaftTiming`, and `leader_override`: may the leader decide alone?

        Raises:
            ConfigurationError: There is no such parameter, or no election could be held so; names every problem.
        """
        times = RaftTiming.__dataclass_fields__
        problems = [
            Problem(f"parameters.{key}", f"raft has no such parameter; it has {', '.join((*times, _OVERRIDE))}")
            for key in given
            if key not in times and key != _OVERRIDE
        ]
        said: dict[str, Any] = {}
        for key in given.keys() & times.keys():
            said[key] = _milliseconds(given[key])
            if said[key] is None:
                message = f"{given[key]!r:.40} is not a whole number of milliseconds from {_LEAST_MS} to {_MOST_MS}"
                problems.append(Problem(f"parameters.{key}", message))
        if _OVERRIDE in given:
            said[_OVERRIDE] = {"true": True, "false": False}.get(str(given[_OVERRIDE]).strip().lower())
            if said[_OVERRIDE] is None:
                problems.append(Problem(f"parameters.{_OVERRIDE}", f"{given[_OVERRIDE]!r:.40} is not true or false"))
        if not problems:
            timing = RaftTiming(**{key: value for key, value in said.items() if key in times})
            if timing.election_timeout_min >= timing.election_timeout_max:
                low, high = timing.election_timeout_min, timing.election_timeout_max
                problems.append(Problem("parameters.election_timeout_max", f"{high} is not above the minimum, {low}"))
        if problems:
            raise ConfigurationError(problems)
        return said


def raft_timing(parameters: Parameters) -> RaftTiming:
    """Give the times of a decision: those set, the usual ones else."""
    times = RaftTiming.__dataclass_fields__
    return RaftTiming(**{key: value for key, value in parameters.settings.items() if key in times})


def may_override(parameters: Parameters) -> bool:
    """Say whether the leader may decide alone what the ballots do not."""
    return bool(parameters.settings.get(_OVERRIDE, False))


def _milliseconds(value: object) -> int | None:
    text = "" if isinstance(value, bool) else str(value).strip()
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_MOST_MS)):
        return None
    return int(text) if _LEAST_MS <= int(text) <= _MOST_MS else None

"""How weights changed: every feedback, what it moved, and a chart of each agent's weight over time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from maos_flows.audit.feedback import WeightChange, record_key
from maos_flows.audit.store import AuditStore
from maos_flows.cli.watching.words import one_line
from maos_flows.errors import NotFoundError
from maos_flows.judging import TellResult
from maos_flows.scrutiny import fold
from maos_flows.weights import START, Standing, earned_weight

_BARS = "▁▂▃▄▅▆▇█"
_CHART_WIDTH = 40
_NEWEST = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at: the agents of a decision as they stood then (or stand now), or agents as they stand now."""

    decision_id: str = ""
    agents: tuple[str, ...] = ()
    choices: int = 2
    domains: tuple[str, ...] = ()
    is_of_now: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """One agent's changes, and what it weighed at first and after each, between so many choices."""

    agent: str
    changes: tuple[WeightChange, ...]
    weights: tuple[Fraction, ...]

    @property
    def standing(self) -> Standing:
        """What is known of it in the end."""
        return self.changes[-1].after if self.changes else START


def histories(store: AuditStore, asked: Asked) -> tuple[History, ...]:
    """Read the histories of the agents asked for; without any named, of all that have one.

    Raises:
        NotFoundError: There is no such decision, or an agent named has no record.
    """
    until: datetime | None = None
    choices, domains, names = asked.choices, asked.domains, tuple(map(fold, asked.agents))
    if asked.decision_id:
        opening = store.opening(asked.decision_id)
        if opening is None:
            raise NotFoundError(f"there is no decision {asked.decision_id[:80]!r}")
        until = None if asked.is_of_now else opening.opened_at
        choices = len(opening.proposal.choices) or choices
        domains = domains or opening.proposal.domains
        voting = tuple(record_key(elector.agent_id, elector.voter) for elector in opening.electorate.electors)
        names = tuple(name for name in voting if name in names) if names else voting
    names = names or store.learned.agents()
    changes = store.learned.evolution(names, until=until)
    missing = [name for name in map(fold, asked.agents) if name not in {change.agent for change in changes}]
    if missing:
        raise NotFoundError(f"there is no record of {missing[0][:80]!r}; feedback on its decisions makes one")
    folded = tuple(map(fold, domains))
    return tuple(_history(name, changes, choices, folded) for name in names)


def _history(name: str, changes: Sequence[WeightChange], choices: int, domains: Sequence[str]) -> History:
    own = tuple(change for change in changes if change.agent == name)
    standings = (START, *(change.after for change in own))
    return History(name, own, tuple(earned_weight(standing, choices, domains=domains) for standing in standings))


def plain_history(history: History) -> dict[str, Any]:
    """Give a history as plain data."""
    return {
        "agent": history.agent,
        "weight": float(history.weights[-1]),
        "right": history.standing.overall.right,
        "seen": history.standing.overall.seen,
        "correction": history.standing.correction,
        "changes": [
            {
                "decision_id": change.decision_id,
                "at": change.at.isoformat(),
                "score": change.score,
                "weight_before": float(before),
                "weight_after": float(after),
            }
            for change, before, after in zip(history.changes, history.weights, history.weights[1:], strict=False)
        ],
    }


def history_lines(found: Sequence[History]) -> Iterator[str]:
    """Write histories for people: a line and a chart for each agent, then the newest changes."""
    if not any(history.changes for history in found):
        yield "no weight has changed yet; `maos consensus feedback ID --correct CHOICE` is what changes them"
        return
    highest = max(max(history.weights) for history in found) or Fraction(1)
    width = max(len(one_line(history.agent, 40)) for history in found)
    yield f"{'agent':{width}}  {'weight':>8}  {'right':>13}  since the first feedback (highest {float(highest):.3f})"
    for history in sorted(found, key=lambda history: (-history.weights[-1], history.agent)):
        overall = history.standing.overall
        record = f"{overall.right:.4g} of {overall.seen:.4g}"
        chart = "".join(_bar(weight, highest) for weight in history.weights[-_CHART_WIDTH:])
        yield f"{one_line(history.agent, 40):{width}}  {float(history.weights[-1]):8.3f}  {record:>13}  {chart}"
    yield from _newest_lines(found)


def _newest_lines(found: Sequence[History]) -> Iterator[str]:
    moves = [
        (change, before, after)
        for history in found
        for change, before, after in zip(history.changes, history.weights, history.weights[1:], strict=False)
    ]
    moves.sort(key=lambda move: (move[0].at, move[0].decision_id, move[0].agent), reverse=True)
    yield ""
    yield f"the newest {min(len(moves), _NEWEST)} of {len(moves)} changes"
    for change, before, after in moves[:_NEWEST]:
        yield (
            f"{change.at:%Y-%m-%d %H:%M:%S}  {one_line(change.decision_id, 40)}  {one_line(change.agent, 40)}  "
            f"scored {change.score:.2g}: {float(before):.3f} -> {float(after):.3f}"
        )


def _bar(weight: Fraction, highest: Fraction) -> str:
    return _BARS[min(int(weight / highest * len(_BARS)), len(_BARS) - 1)]


def plain_result(result: TellResult) -> dict[str, Any]:
    """Give what feedback on one decision led to as plain data."""
    return {
        "decision_id": result.told.decision_id,
        "error": None if result.error is None else str(result.error),
        "changes": [
            {
                "agent": change.agent,
                "score": change.score,
                "weight_before": float(earned_weight(change.before, result.choices)),
                "weight_after": float(earned_weight(change.after, result.choices)),
            }
            for change in result.changes
        ],
    }


def result_lines(results: Sequence[TellResult]) -> Iterator[str]:
    """Write what feedback led to: every change of one decision, or how many of several were taken."""
    if len(results) > 1:
        taken = [result for result in results if result.error is None]
        moved = {change.agent for result in taken for change in result.changes}
        yield f"feedback on {len(taken)} of {len(results)} decisions was taken; {len(moved)} agents learned from it"
        return
    for result in results:
        for change in result.changes:
            before, after = (earned_weight(standing, result.choices) for standing in (change.before, change.after))
            yield f"{one_line(change.agent, 40)} scored {change.score:.2g}: {float(before):.3f} -> {float(after):.3f}"
        if result.error is None and not result.changes:
            yield "nobody voted for a choice, so nobody learned"

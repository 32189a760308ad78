"""Artifacts: what Prefect shows of a decision.

Agents' text stands in code fences, where nothing of it is rendered or loaded.
"""

import asyncio
import re
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import MarkdownArtifact, ProgressArtifact, TableArtifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectHTTPStatusError

from maos_flows.agreement.showing import agreement_rows, fault_text, log_rows
from maos_flows.audit.model_summaries import ModelSummary
from maos_flows.explaining import explain
from maos_flows.flows.course import course
from maos_flows.flows.fences import facts, fenced, inline, table
from maos_flows.model import Ballot, Decision, Elector, Event, Opening, exact
from maos_flows.policies.threshold import describe, share_in_words
from maos_flows.scrutiny import scrutinise

_MOST_REASONS = 20
_MOST_EVENTS = 15
_MOST_ROWS = 500
"""How much a page shows of a large electorate: reasons for each choice, events at either end, rows of a table."""

_LONGEST_TIMELINE = 10_000
"""How many characters of a timeline a page shows."""


def artifact_key(kind: str, decision_id: str) -> str:
    """Make the key of a decision's artifact: Prefect allows lowercase letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{kind}-{decision_id}".lower()).strip("-")


def headline(decision: Decision) -> str:
    """Say how a decision ended in a few words: `Reached: PostgreSQL 3 of 5`."""
    if decision.choice is not None:
        count = share_in_words(decision.tally, decision.choice, decision.opening.parameters.basis)
        return f"{words(decision.outcome)}: {decision.choice[:60]} {count}"
    return f"{words(decision.outcome)}: {words(decision.reason).lower()}"


def words(code: str) -> str:
    """Read a code as words: `not_reached` as `Not reached`."""
    return code.replace("_", " ").capitalize()


def decision_markdown(decision: Decision, timeline: Sequence[Event], summary: ModelSummary | None = None) -> str:
    """Write a decision for people: what was asked, what was decided, by how much, who dissented, what happened when.

    A model's summary, if there is one, stands under the paragraph made without one, and says whose words it is.
    """
    return "\n\n".join(
        part
        for part in (
            f"# {inline(headline(decision))}",
            _simulated_note(decision),
            fenced(decision.opening.proposal.question),
            _in_short(decision, summary),
            _numbers(decision),
            _tally(decision),
            course(decision, timeline),
            _agreement(decision),
            _reasons(decision),
            _not_counted(decision),
            _timeline(timeline),
        )
        if part
    )


def _simulated_note(decision: Decision) -> str:
    count = sum(1 for ballot in decision.ballots if ballot.voter == "simulated")
    return (
        f"**Simulated:** {count} of {len(decision.ballots)} ballots come from a generator, not from agents."
        if count
        else ""
    )


def _in_short(decision: Decision, summary: ModelSummary | None) -> str:
    parts = ["## In short", fenced(explain(decision))]
    if summary is not None:
        parts += [f"**Summary by {inline(summary.model)}, not part of the record:**", fenced(summary.text)]
    return "\n\n".join(parts)


def _numbers(decision: Decision) -> str:
    opening = decision.opening
    parameters = opening.parameters
    margin, rule = decision.margin, decision.details.get("algorithm")
    return facts(
        [
            ("Outcome", f"{decision.outcome} ({decision.reason})"),
            ("Because", decision.explanation),
            ("Algorithm", opening.algorithm),
            *([("Rule", f"{rule}, for {decision.details['risk']} risk")] if _is_adapted(decision) and rule else []),
            ("Threshold", f"{describe(parameters.threshold)} of {parameters.basis}{_or_more(decision)}"),
            ("Participation", f"{decision.tally.participants} of {opening.electorate.size}"),
            ("Margin", "-" if margin is None else "1 ballot" if margin == 1 else f"{margin} ballots"),
            ("Decisive", ", ".join(decision.decisive) or "nobody alone"),
            ("Decision", decision.decision_id),
        ]
    )


def _is_adapted(decision: Decision) -> bool:
    return decision.opening.algorithm == "adaptive" and "risk" in decision.details


def _or_more(decision: Decision) -> str:
    return "; the rule may ask for more" if _is_adapted(decision) else ""


def _tally(decision: Decision) -> str:
    tally = decision.tally
    whole = tally.whole(decision.opening.parameters.basis)
    rows = [
        (inline(choice), tally.amount(units), str(tally.heads[choice]), _percent(units, whole))
        for choice, units in sorted(tally.units.items(), key=lambda item: (-item[1], item[0]))
    ]
    if tally.abstained:
        rows.append(("abstain", tally.amount(tally.abstained), "", ""))
    return f"## Tally\n\n{table(('choice', 'weight', 'ballots', 'share'), rows)}"


def _agreement(decision: Decision) -> str:
    """Write what the replicas did: their certificate and the evidence, or their leader and their log."""
    found = agreement_rows(decision)
    if not found:
        return ""
    parts = ["## Agreement", facts(found)]
    log = [(index, term, inline(entry)) for index, term, entry in log_rows(decision)]
    if log:
        parts += ["### The log, as a majority holds it", table(("entry", "term", ""), log)]
    if decision.faults:
        parts += ["### Misbehaviour", *(fenced(fault_text(fault)) for fault in decision.faults)]
    return "\n\n".join(parts)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _reasons(decision: Decision) -> str:
    if not decision.ballots:
        return ""
    parts = ["## Reasons"]
    ranked = sorted(
        decision.ballots, key=lambda ballot: (ballot.choice != decision.choice, ballot.choice, ballot.agent_id)
    )
    dissenting = {dissent.choice for dissent in decision.dissenting}
    shown = dict.fromkeys((ballot.choice for ballot in ranked), 0)
    for ballot in ranked:
        shown[ballot.choice] += 1
        if shown[ballot.choice] > _MOST_REASONS:
            continue
        mark = " (dissent)" if ballot.choice in dissenting else ""
        said = "\n".join((ballot.reasoning or "no reason given", *ballot.evidence))
        parts.append(f"**{inline(ballot.agent_id)}** for {inline(ballot.choice)}{mark}\n\n{fenced(said)}")
    parts += [
        f"... and {count - _MOST_REASONS} more for {inline(choice)}, with `maos show {decision.decision_id} --votes`"
        for choice, count in shown.items()
        if count > _MOST_REASONS
    ]
    return "\n\n".join(parts)


def _not_counted(decision: Decision) -> str:
    rows = [
        (inline(agent_id), why, inline(explanation)) for agent_id, why, explanation in decision.not_counted[:_MOST_ROWS]
    ]
    if len(decision.not_counted) > _MOST_ROWS:
        rows.append((f"... and {len(decision.not_counted) - _MOST_ROWS} more", "", ""))
    return f"## Not counted\n\n{table(('agent', 'why', ''), rows)}" if rows else ""


def _timeline(timeline: Sequence[Event]) -> str:
    if not timeline:
        return ""
    lines = [f"{event.at:%H:%M:%S.%f}"[:-3] + f"  {' '.join(event.text.split())[:300]}" for event in timeline]
    if len(lines) > 2 * _MOST_EVENTS:  # how it began and how it ended
        left_out = f"[... {len(lines) - 2 * _MOST_EVENTS} more events]"
        lines = [*lines[:_MOST_EVENTS], left_out, *lines[-_MOST_EVENTS:]]
    return f"## Timeline\n\n{fenced(chr(10).join(lines), longest=_LONGEST_TIMELINE)}"


def ballot_rows(opening: Opening, ballots: Sequence[Ballot]) -> list[dict[str, str]]:
    """Give the ballots counted in a round as rows of a table, agents' free text left out; no more than a page has."""
    counted = scrutinise(ballots, opening).counted[:_MOST_ROWS]
    return [_row(ballot, opening.electorate.by_id[ballot.agent_id]) for ballot in counted]


def _row(ballot: Ballot, elector: Elector) -> dict[str, str]:
    return {
        "agent": ballot.agent_id,
        "role": elector.role,
        "choice": ballot.choice,
        "weight": exact(elector.weight),
        "confidence": "" if ballot.confidence is None else exact(ballot.confidence),
        "seconds": f"{ballot.seconds:.2f}",
        "voter": ballot.voter,
    }


def _left_out(count: int) -> str:
    return f"; the first {_MOST_ROWS} of {count}" if count > _MOST_ROWS else ""


async def publish_ballots(opening: Opening, ballots: Sequence[Ballot]) -> None:
    """Attach the ballots of a round, as a table, to the flow run that is running."""
    proposal = opening.proposal
    simulated = " (simulated)" if any(ballot.voter == "simulated" for ballot in ballots) else ""
    table = TableArtifact(
        key=artifact_key("ballots", proposal.decision_id),
        description=f"Ballots of round {proposal.round}{simulated}{_left_out(len(ballots))}",
        table=ballot_rows(opening, ballots),
    )
    async with get_client() as client:
        await table.acreate(client)


async def publish_decision(
    decision: Decision,
    timeline: Sequence[Event],
    summary: ModelSummary | None = None,
    *,
    task_run_id: UUID | None = None,
) -> None:
    """Attach a decision, as text, to the flow run that is running, and to the task run that made it."""
    text = MarkdownArtifact(
        task_run_id=task_run_id,
        key=artifact_key("decision", decision.decision_id),
        description=f"{headline(decision)}{' (simulated)' if decision.is_simulated else ''}",
        markdown=decision_markdown(decision, timeline, summary),
    )
    async with get_client() as client:
        await text.acreate(client)


class Showing:
    """What is being shown while the work goes on; the server has a processor of its own."""

    def __init__(self) -> None:
        self.decided_by: UUID | None = None
        """The task run of the algorithm, once it has decided."""
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, showing: Coroutine[Any, Any, None]) -> None:
        """Begin to show something, and do not wait for it."""
        self._tasks.append(asyncio.create_task(showing))

    async def end(self) -> None:
        """Wait until all is shown; what Prefect cannot show is a warning, for the decision stands all the same."""
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, httpx.HTTPError | PrefectHTTPStatusError):
                get_run_logger().warning("Prefect does not show all of this decision: %s", outcome)
            elif isinstance(outcome, BaseException):
                raise outcome


class Progress:
    """The progress artifact of what takes a while, such as a decision: the share of agents that have answered."""

    def __init__(self, decision_id: str, expected: int, what: str = "agents that have answered") -> None:
        self._decision_id = decision_id
        self._what = what
        self._expected = max(expected, 1)
        self._artifact_id: UUID | None = None
        self._shown = -1.0

    async def show(self, answered: int) -> None:
        """Create the artifact, or bring it up to date if it says something else."""
        percent = round(100 * min(answered, self._expected) / self._expected, 1)
        if percent == self._shown:
            return
        self._shown = percent
        async with get_client() as client:
            if self._artifact_id is None:
                created = await ProgressArtifact(
                    key=artifact_key("progress", self._decision_id),
                    description=self._what,
                    progress=percent,
                ).acreate(client)
                self._artifact_id = created.id
            else:
                await client.update_artifact(artifact_id=self._artifact_id, artifact=ArtifactUpdate(data=percent))

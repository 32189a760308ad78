"""`maos consensus monitor`: watch a decision or a workflow's run as its timeline is written."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maos_flows.cli.ids import IdArgument
from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption

if TYPE_CHECKING:
    from maos_flows.audit.store import AuditStore
    from maos_flows.cli.watching.following import Printer, Subject
    from maos_flows.cli.watching.sections import Look

EXIT_INTERRUPTED = 130
_PANEL = "Parts of the timeline"


def _part(words: str, flag: str) -> Any:
    return typer.Option(flag, help=words, rich_help_panel=_PANEL)


def monitor(
    decision_id: IdArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends.")] = False,
    detailed: Annotated[bool, typer.Option("--detailed", help="Show every event, with its data.")] = False,
    show_weights: Annotated[bool, typer.Option("--show-weights", help="Show what ballots weigh, and why.")] = False,
    expert_reasoning: Annotated[
        bool, typer.Option("--expert-reasoning", help="Show experts' reasons and evidence in full.")
    ] = False,
    byzantine_detection: Annotated[bool, _part("Phases, evidence, suspicions.", "--byzantine-detection")] = False,
    failure_detection: Annotated[bool, _part("Absences, failures, faults.", "--failure-detection")] = False,
    raft_details: Annotated[bool, _part("Elections, votes, leaders, log.", "--raft-details")] = False,
    raft_leader: Annotated[bool, _part("Who leads, and since when.", "--raft-leader")] = False,
    raft_election: Annotated[bool, _part("Candidates, votes, new leaders.", "--raft-election")] = False,
    adaptive_behavior: Annotated[bool, _part("Risks and what they led to.", "--adaptive-behavior")] = False,
    partition_behavior: Annotated[bool, _part("Who is cut off, who can commit.", "--partition-behavior")] = False,
    failure_recovery: Annotated[bool, _part("Failures and who came back.", "--failure-recovery")] = False,
    policy_details: Annotated[bool, _part("The rule, and what it found.", "--policy-details")] = False,
    weight_evolution: Annotated[bool, _part("How weights changed.", "--weight-evolution")] = False,
    timeout: Annotated[str, typer.Option(help="With --follow, stop watching after so long: 30s, 5m.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Show what happens to a decision, or to the decisions of a workflow's run, from its recorded timeline.

    With --follow it ends with what it follows: exit code 0 if that was reached, 1 if not or if it gives no sign of
    life. Ctrl-C ends the watching only.
    """
    from maos_flows.cli.lookup import configured_store
    from maos_flows.cli.watching.sections import Look, chosen

    parts = chosen(
        byzantine_detection=byzantine_detection,
        failure_detection=failure_detection,
        raft_details=raft_details,
        raft_leader=raft_leader,
        raft_election=raft_election,
        adaptive_behavior=adaptive_behavior,
        partition_behavior=partition_behavior,
        failure_recovery=failure_recovery,
        policy_details=policy_details,
        weight_evolution=weight_evolution,
    )
    look = Look(parts, detailed, show_weights, expert_reasoning)
    if format is Format.JSON and not parts:
        look = replace(look, is_detailed=True)  # a program gets every event unless it names parts
    seconds = _seconds(timeout)
    try:
        code = _watch(configured_store(), decision_id, look, to_the_end=follow, seconds=seconds, output=format)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    raise typer.Exit(code)


def _seconds(text: str) -> float | None:
    from maos_flows.errors import ConfigurationError, Problem
    from maos_flows.text_types import read_seconds

    if not text:
        return None
    try:
        return read_seconds(text)
    except ValueError as error:
        raise ConfigurationError([Problem("--timeout", str(error))]) from error


def _watch(
    store: "AuditStore", name: str, look: "Look", *, to_the_end: bool, seconds: float | None, output: Format
) -> int:
    from maos_flows.cli.watching.following import Ending, Pace, Subject, follow, look_once, say_what_was_missing

    subject = Subject(store, name)
    ending = None
    with _printer(subject, look, output, is_live=to_the_end) as printer:
        if to_the_end:
            now = datetime.now(UTC)
            until = None if seconds is None else now + timedelta(seconds=seconds)
            ending = follow(subject, printer, look, Pace(lambda: datetime.now(UTC), sleep, until))
        else:
            look_once(subject, printer, look)
            say_what_was_missing(subject, printer, look)
    _print_state(subject, look, output, has_followed=to_the_end)
    return EXIT_NO_CONSENSUS if to_the_end and ending is not Ending.REACHED else 0


def _printer(subject: "Subject", look: "Look", output: Format, *, is_live: bool) -> "AbstractContextManager[Printer]":
    from rich.console import Console

    from maos_flows.cli.watching.printing import JsonPrinter, LinePrinter
    from maos_flows.cli.watching.screen import Screen

    if output is Format.JSON:
        return nullcontext(JsonPrinter())
    console = Console(markup=False, highlight=False, emoji=False)
    return (
        Screen(look, subject, console) if is_live and console.is_terminal else nullcontext(LinePrinter(look, subject))
    )


def _print_state(subject: "Subject", look: "Look", output: Format, *, has_followed: bool) -> None:
    """Print after the events what it all came to, or how far it is."""
    from maos_flows.cli import render
    from maos_flows.cli.lookup import find
    from maos_flows.cli.watching.printing import JsonPrinter
    from maos_flows.cli.watching.screen import state_in_words

    if output is Format.JSON:
        JsonPrinter().whole(find(subject.store, subject.name).as_plain())
        return
    if subject.ending is not None and has_followed and look.is_detailed:
        print()
        render.print_found(find(subject.store, subject.name), timeline=False, votes=True, reasoning=False)
    elif not subject.is_begun:
        print(f"{subject.name} is submitted and not opened yet")
    elif not has_followed:
        for reader in subject.readers.values():
            if reader.decision is None:
                print(f"{reader.name} is open; {state_in_words(reader, datetime.now(UTC))}")
    if look.shows_evolution and subject.is_begun:
        _print_evolution(subject)


def _print_evolution(subject: "Subject") -> None:
    from maos_flows.cli.watching.evolution import Asked, histories, history_lines

    for reader in subject.readers.values():
        print()
        for line in history_lines(histories(subject.store, Asked(reader.name, is_of_now=True))):
            print(line)

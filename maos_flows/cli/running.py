"""Run decisions and workflows in the foreground, with live progress, and leave with the exit code they earned."""

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from maos_flows.cli.answering import say_who_answers
from maos_flows.cli.loading import configuration, fallback_roster, known_policies, unrecorded
from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, fail, print_json, say
from maos_flows.cli.question_flags import flag_of
from maos_flows.cli.servers import begin_server, prepare_prefect, print_watch_address
from maos_flows.cli.warning import warn_of_rules
from maos_flows.errors import ConfigurationError, NotFoundError, Problem, StoreError
from maos_flows.model import Outcome
from maos_flows.records import to_plain
from maos_flows.request import DecisionRequest
from maos_flows.workflow import Workflow, question_request

_LOOK_SECONDS = 0.05


def request_of(stage: dict[str, Any], *, roster: Path | None) -> DecisionRequest:
    """Make a request of the flags given, by the same rules as a workflow's stage.

    Raises:
        ConfigurationError: The flags are not a question that can be asked; names every problem with its flag.
    """
    if not stage.get("question", "").strip():
        raise ConfigurationError([Problem("QUESTION", "is needed, unless a decision is taken up with --resume ID")])
    agents, configured = fallback_roster(roster), configuration()  # what is wrong with these names their files
    try:
        request = question_request(
            stage, base=Path.cwd(), policies=known_policies(), roster=agents, configuration=configured
        )
    except ConfigurationError as error:
        raise ConfigurationError([as_flag(problem) for problem in error.problems]) from error
    problems = unrecorded(request)
    if problems:
        raise ConfigurationError([as_flag(problem) for problem in problems])
    return request


def as_flag(problem: Problem) -> Problem:
    """Tell of a stage's key by the flag that stands for it."""
    if problem.path.startswith("consensus."):
        return problem  # no flag: a key of the configuration, with where it was set
    key = problem.path.split(".")[0].split("[")[0]
    return Problem(flag_of(key) if key else "", problem.message)


def resumed_request(decision_id: str) -> DecisionRequest:
    """Read the request of a decision that was begun.

    Raises:
        NotFoundError: There is none of that id.
    """
    from maos_flows.cli.lookup import configured_store

    request = configured_store().request(decision_id)
    if request is None:
        raise NotFoundError(f"there is no decision {decision_id[:80]!r} to take up")
    return request


def decide_one(request: DecisionRequest, *, decision_id: str | None, output: Format) -> NoReturn:
    """Decide a request here and now, print the decision, and leave: 0 if it was reached, 1 if not."""
    prepare_prefect()
    from maos_flows.cli import render
    from maos_flows.cli.lookup import find_decision_or_run
    from maos_flows.flows.decide import decide

    say_who_answers(request.agents)
    warn_of_rules([request])
    name = decision_id or f"d-{uuid4().hex[:12]}"
    state = _in_foreground(
        lambda: decide(to_plain(request), name, return_state=True),
        decisions=lambda store: [name] if store.opening(name) else [],
        is_open=lambda store: store.opening(name) is not None and store.decision(name) is None,
        title=f"decision {name}",
        again=["decide", "--resume", name],
    )
    found = find_decision_or_run(name) if state.is_final() else None
    if found is None or found.decision is None:
        fail(f"the decision {name} was not made: {state.message}")
    print_watch_address(state)
    if output is Format.JSON:
        print_json(found.as_plain())
    else:
        render.print_found(found, timeline=False, votes=True, reasoning=False)
    sys.exit(0 if found.decision.outcome in (Outcome.REACHED, Outcome.OVERRIDDEN) else EXIT_NO_CONSENSUS)


def run_here(workflow: Workflow, *, run_id: str | None, command: Sequence[str], output: Format) -> NoReturn:
    """Run a workflow here and now, print its decisions, and leave: 0 if every stage led on, 1 if one did not.

    Args:
        workflow: What is run.
        run_id: A run that was begun, to take it up.
        command: The words after `maos` that run this workflow; with `--resume ID` they take the run up.
        output: How the decisions are printed.

    Raises:
        NotFoundError: There is no run of that id.
    """
    prepare_prefect()
    from maos_flows.cli import render
    from maos_flows.cli.lookup import configured_store, find_decision_or_run
    from maos_flows.flows.compiler import compile_workflow

    if run_id is not None and configured_store().run(run_id) is None:
        raise NotFoundError(f"there is no workflow run {run_id[:80]!r} to take up")
    warn_of_rules(stage.request for stage in workflow.stages)
    name = run_id or uuid4().hex[:8]
    state = _in_foreground(
        lambda: compile_workflow(workflow)(name, return_state=True),
        decisions=lambda store: [summary.decision_id for summary in store.decisions(limit=1_000, run_id=name)][::-1],
        is_open=lambda store: (run := store.run(name)) is not None and run.outcome is None,
        title=f"run {name}",
        again=[*command, "--resume", name],
    )
    found = find_decision_or_run(name)
    if found.run is None or found.run.outcome is None:
        fail(f"the run {name} broke off: {state.message}")
    print_watch_address(state)
    if output is Format.JSON:
        print_json(found.as_plain())
    else:
        render.print_found(found, timeline=False, votes=True, reasoning=False)
    sys.exit(0 if found.run.outcome == "completed" else EXIT_NO_CONSENSUS)


def _in_foreground(
    run: Callable[[], object],
    *,
    decisions: Callable[[Any], list[str]],
    is_open: Callable[[Any], bool],
    title: str,
    again: Sequence[str],
) -> Any:
    """Run a flow to its end with progress on stderr; say how to take it up as soon as there is something to take up."""
    from maos_flows.cli.live import watching
    from maos_flows.flows.edges import state_of
    from maos_flows.flows.stores import audit_store

    store = audit_store()
    begin_server()
    command = shlex.join(["maos", *again])
    try:
        with watching(store, decisions):
            return asyncio.run(
                _announced(
                    lambda: state_of(run()),
                    is_open=lambda: is_open(store),
                    text=f"{title}; if it is interrupted: {command}",
                )
            )
    except KeyboardInterrupt:
        fail(f"interrupted; take it up with: {command}")


async def _announced(run: Callable[[], Awaitable[Any]], *, is_open: Callable[[], bool], text: str) -> Any:
    """Await a run, and say its text once it is on record: whoever has read that can take it up."""
    from maos_flows.flows.session import prefect_session

    announcing = asyncio.create_task(_announce(is_open, text))
    try:
        async with prefect_session():
            return await run()
    finally:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)


async def _announce(is_open: Callable[[], bool], text: str) -> None:
    while True:
        if await asyncio.to_thread(_is_seen_open, is_open):
            say(text)
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _is_seen_open(is_open: Callable[[], bool]) -> bool:
    try:
        return is_open()
    except StoreError:
        return False  # the store was busy: the next look tells

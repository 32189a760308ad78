"""Start and stop drills for the commands: read what the flags say, find the decision, write the drill, print it."""

import getpass
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import TypeVar

from maos_flows.audit.drills import Drill, Injected
from maos_flows.audit.store import AuditStore, SubmissionKind
from maos_flows.cli.loading import configuration, known_policies
from maos_flows.cli.lookup import configured_store, not_found
from maos_flows.cli.output import Format, print_json, say
from maos_flows.config.drilling import drills_refused
from maos_flows.drills.plans import Plan, check_ratio, most_at_once, tolerated
from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError, Problem
from maos_flows.model import FailureKind, Opening
from maos_flows.text_types import read_number, read_seconds

Making = Callable[[tuple[str, ...], int], Plan]
"""Makes a plan from the electorate's agents and a seed."""

PATIENCE_SECONDS = 60.0
"""How long a drill waits for a decision that was handed in and is not begun."""

_LOOK_SECONDS = 0.2
Value = TypeVar("Value")


def ratio(flag: str, text: str) -> Fraction:
    """Read a share above 0 and below 1.

    Raises:
        ConfigurationError: It is none.
    """
    return check_ratio(_read(flag, read_number, text), path=flag)


def seconds(flag: str, text: str) -> float:
    """Read a duration above 0.

    Raises:
        ConfigurationError: It is none.
    """
    return _read(flag, read_seconds, text)


def kinds(flag: str, text: str, allowed: Iterable[FailureKind], *, most: int | None = None) -> tuple[FailureKind, ...]:
    """Read kinds of failures, separated by commas.

    Raises:
        ConfigurationError: One is not among the allowed ones, there is none, or there are too many.
    """
    known = {kind.value: kind for kind in allowed}
    named = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    there = ", ".join(known)
    problems = [Problem(flag, f"{name[:40]!r} is not one of {there}") for name in named if name not in known]
    if not named or (most is not None and len(named) > most):
        problems.append(Problem(flag, f"name {'one' if most == 1 else 'at least one'} of {there}"))
    if problems:
        raise ConfigurationError(problems)
    return tuple(known[name] for name in named)


def running_with(agent: str) -> tuple[str, ...]:
    """Name the decisions that are running with an agent.

    Raises:
        NotFoundError: There is none.
    """
    found = configured_store().drills.open_decisions_with(agent)
    if not found:
        raise NotFoundError(f"no decision that is running has an agent {agent[:80]!r}")
    return found


def start(name: str, task: str, making: Making, *, seed: int | None, output: Format) -> None:
    """Start a drill on one decision, and print what it does."""
    start_on(name, (task,), making, seed=seed, output=output)


def start_on(name: str, tasks: Sequence[str], making: Making, *, seed: int | None, output: Format) -> None:
    """Start a drill on decisions, and print what it does to each.

    Raises:
        ConfigurationError: Drills may not be started here, or an agent is not in the electorate.
        NotFoundError: There is no such decision.
        ConflictError: A decision is over, or an agent is in a drill already.
    """
    refused = drills_refused(configuration())
    if refused:
        raise ConfigurationError([Problem("", refused)])
    store = configured_store()
    drawn = secrets.randbelow(2**32) if seed is None else seed
    started = []
    for task in tasks:
        opening = _running(store, task)
        plan = making(tuple(opening.electorate.by_id), drawn)
        drill = Drill(f"drill-{secrets.token_hex(4)}", name, plan, drawn, getpass.getuser())
        injected = store.drills.start(task, drill, now=datetime.now(UTC))
        started.append((opening, plan, injected))
    if output is Format.JSON:
        print_json([_as_plain(*one) for one in started] if len(started) > 1 else _as_plain(*started[0]))
        return
    for opening, plan, injected in started:
        _print(opening, plan, injected)


def stop(task: str, *, name: str | None, output: Format) -> None:
    """Stop drills of one name, or all, on one decision, or on all; that there are none is no error.

    Raises:
        NotFoundError: There is no such decision.
    """
    store = configured_store()
    if task and store.opening(task) is None and store.submission(task) is None:
        raise not_found(store, task)
    tasks = {one.decision_id for one in store.drills.running(name=name) if task in {"", one.decision_id}}
    stopped = [one for each in sorted(tasks) for one in store.drills.stop(each, now=datetime.now(UTC), name=name)]
    if output is Format.JSON:
        print_json({"stopped": [_failure_as_plain(one) for one in stopped]})
        return
    for one in stopped:
        print(f"{one.decision_id}: {_words(one)} stopped")
    if not stopped:
        print("nothing is running to be stopped")


def _running(store: AuditStore, task: str) -> Opening:
    """Give the opening of a decision; one that is handed in and not begun is waited for."""
    begun = time.monotonic()
    is_told = False
    while True:
        opening = store.opening(task)
        if opening is not None:
            return opening
        submission = store.submission(task)
        if submission is None:
            raise not_found(store, task)
        if submission.kind is not SubmissionKind.DECISION:
            raise ConflictError(f"{task} is a workflow; a drill acts on one of its decisions (`maos show {task}`)")
        if submission.is_over:
            raise ConflictError(f"decision {task} is over; drills act on decisions that are running")
        if time.monotonic() - begun > PATIENCE_SECONDS:
            raise ConflictError(f"decision {task} has not begun within {PATIENCE_SECONDS:g} s; `maos status` tells why")
        if not is_told:
            is_told = True
            say(f"waiting for {task} to begin")
        time.sleep(_LOOK_SECONDS)


def _print(opening: Opening, plan: Plan, injected: Sequence[Injected]) -> None:
    first = injected[0]
    print(f"{first.decision_id}: {first.name} {first.drill}, seed {first.seed}")
    for one in injected:
        after = (one.starts_at - first.starts_at).total_seconds()
        when = f"in {after:g} s, " if after else ""
        print(f"  {_words(one)}: {when}for {(one.ends_at - one.starts_at).total_seconds():g} s")
    borne = _borne(opening)
    most = most_at_once(plan)
    if borne is None:
        print(f"  {opening.algorithm} has no replicas; the answers of these agents fail")
    elif most > borne:
        print(f"  beyond tolerance: {most} fail at once, and at most {borne} can be borne (too_many_faults)")
    else:
        print(f"  {most} of the {borne} that can be borne fail at once")


def _borne(opening: Opening) -> int | None:
    policy = known_policies().find(opening.algorithm)
    return tolerated(policy.protocol, sum(1 for elector in opening.electorate.electors if elector.weight))


def _as_plain(opening: Opening, plan: Plan, injected: Sequence[Injected]) -> dict[str, object]:
    first, borne, most = injected[0], _borne(opening), most_at_once(plan)
    return {
        "drill": first.drill,
        "name": first.name,
        "task_id": first.decision_id,
        "seed": first.seed,
        "failures": [_failure_as_plain(one) for one in injected],
        "most_at_once": most,
        "borne": borne,
        "beyond_tolerance": borne is not None and most > borne,
    }


def _failure_as_plain(one: Injected) -> dict[str, object]:
    return {
        "task_id": one.decision_id,
        "kind": one.kind.value,
        "agents": list(one.agents),
        "starts_at": one.starts_at.isoformat(),
        "ends_at": one.ends_at.isoformat(),
    }


def _words(one: Injected) -> str:
    return f"{one.kind.value.replace('_', ' ')} of {', '.join(one.agents)}"


def _read(flag: str, reading: Callable[[object], Value], text: str) -> Value:
    try:
        return reading(text)
    except ValueError as error:
        raise ConfigurationError([Problem(flag, str(error))]) from error

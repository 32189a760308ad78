"""Hand things in for the commands: check what flags ask for, start what is needed, print where it can be watched."""

import os
import sys
import time
from dataclasses import replace
from typing import Any, NoReturn

from maos_flows.cli.answering import say_who_answers
from maos_flows.cli.loading import known_policies
from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, fail, print_json, say
from maos_flows.cli.warning import warn_of_rules
from maos_flows.errors import ConfigurationError, MaosError, Problem, ServerError
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest
from maos_flows.selection import mentioned

_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_LOOK_SECONDS = 0.5
_ASK_SECONDS = 2.0
_PATIENCE_SECONDS = 30.0
_BROKE_OFF = {"FAILED", "CRASHED", "CANCELLED"}


def truth(flag: str, text: str) -> bool | None:
    """Read a flag's `true` or `false`; None if it is not given.

    Raises:
        ConfigurationError: It is neither.
    """
    if not text:
        return None
    if text.lower() not in _TRUTH:
        raise ConfigurationError([Problem(flag, f"{text[:40]!r} is neither true nor false")])
    return _TRUTH[text.lower()]


def weighed_by_expertise(request: DecisionRequest, wanted: bool | None) -> DecisionRequest:
    """Let experts weigh more, or roles alone weigh.

    With experts, the matter is about the domains given or, if none are, about those the question names.

    Raises:
        ConfigurationError: The algorithm does not weigh.
    """
    if wanted is None:
        return request
    policy = known_policies().find(request.algorithm)
    if type(policy).weigh is ConsensusPolicy.weigh:
        message = f"{request.algorithm} gives every agent one ballot; weighted_voting weighs them"
        raise ConfigurationError([Problem("--expert-weighting", message)])
    weighing = request.weighing
    if not wanted:
        return replace(request, weighing=replace(weighing, expertise={}, expert_weight=weighing.regular_weight))
    if request.domains:
        return request
    known = [domain for agent in request.agents for domain in agent.domains]
    known += [domain for expertise in weighing.expertise.values() for domain in expertise.domains]
    domains = mentioned(known, request.question)
    if not domains:
        say(
            "note: the question names no domain an agent is an expert in, so nobody weighs as one; --domains names them"
        )
    return replace(request, domains=domains)


def submit_question(request: DecisionRequest, *, requires_consensus: bool, wait: bool, output: Format) -> None:
    """Hand a question in, print where it can be watched or, if asked to wait, the decision."""
    from maos_flows.audit.store import AuditStore
    from maos_flows.config import settings_from
    from maos_flows.flows.submitting import keep_decision

    say_who_answers(request.agents)
    warn_of_rules([request])
    with AuditStore.open(settings_from(os.environ).database_url) as store:
        submission = keep_decision(store, request, requires_consensus=requires_consensus)
        _hand_in(store, submission, wait=wait, fails=requires_consensus, output=output)


def submit_workflow(submitted: Any, *, name: str, wait: bool, output: Format) -> None:
    """Hand a workflow in, print where it can be watched or, if asked to wait, its decisions."""
    from maos_flows.audit.store import AuditStore
    from maos_flows.config import settings_from
    from maos_flows.flows.submitting import keep_workflow

    with AuditStore.open(settings_from(os.environ).database_url) as store:
        submission = keep_workflow(store, submitted, name=name)
        _hand_in(store, submission, wait=wait, fails=True, output=output)


def _hand_in(store: Any, submission: Any, *, wait: bool, fails: bool, output: Format) -> None:
    from maos_flows.flows.api import PrefectApi, configured_address
    from maos_flows.flows.submitting import hand_in, has_workers, reachable_server

    try:
        address = reachable_server(os.environ, say=say)
        handed = hand_in(store, submission, address)
    except MaosError as error:
        fail(f"{error}. It is kept as {submission.id}: `maos up`, or whatever is submitted next, takes it up")
    api = PrefectApi(address)
    is_elsewhere = configured_address(os.environ) is not None  # the stack's own worker was seen to run
    if is_elsewhere and not has_workers(api):
        say("note: no worker has reported to the work pool maos yet; `maos status` tells whether one is starting")
    if wait:
        say(f"{handed.submission.id}: {handed.url}")
        _wait_for_the_end(store, handed.submission, api, fails=fails, output=output)
    plain = {
        "task_id": handed.submission.id,
        "flow_run_id": handed.submission.flow_run_id,
        "status": "submitted",
        "url": handed.url,
    }
    if output is Format.JSON:
        print_json(plain)
    else:
        print(f"submitted as {handed.submission.id}")
        print(f"in the Prefect UI: {handed.url}")
        print(f"to watch it: maos consensus monitor {handed.submission.id} --follow")


def _wait_for_the_end(store: Any, submission: Any, api: Any, *, fails: bool, output: Format) -> NoReturn:
    """Show what happens until it is over, print it, and leave with the exit code it earned."""
    from maos_flows.cli import render
    from maos_flows.cli.live import watching
    from maos_flows.cli.lookup import find_decision_or_run

    def decisions(read: Any) -> list[str]:
        if read.opening(submission.id) is not None:
            return [submission.id]
        return [summary.decision_id for summary in read.decisions(limit=1_000, run_id=submission.id)][::-1]

    try:
        with watching(store, decisions):
            broke_off = _until_over(store, submission, api)
    except KeyboardInterrupt:
        fail(f"no longer waiting; it goes on: maos consensus monitor {submission.id} --follow")
    if broke_off:
        fail(f"{submission.id} broke off: {broke_off}; `maos up` takes it up")
    found = find_decision_or_run(submission.id)
    if output is Format.JSON:
        print_json(found.as_plain())
    else:
        render.print_found(found, timeline=False, votes=True, reasoning=False)
    ended = store.submission(submission.id)
    good = ended.outcome in {"reached", "overridden", "completed"} or (not fails and ended.outcome != "error")
    sys.exit(0 if good else EXIT_NO_CONSENSUS)


def _until_over(store: Any, submission: Any, api: Any) -> str:
    """Wait until it is over; if its flow run ends before that, give what Prefect says of it."""
    begun = asked = time.monotonic()
    is_told = False
    while True:
        if store.submission(submission.id).is_over:
            return ""
        if time.monotonic() - asked > _ASK_SECONDS:
            asked = time.monotonic()
            run = _flow_run(api, submission)
            if not is_told and asked - begun > _PATIENCE_SECONDS and store.submission(submission.id).begun_at is None:
                is_told = True
                say("note: no worker has begun it yet; `maos status` tells whether one runs")
            if run and run["state_type"] in _BROKE_OFF and not store.submission(submission.id).is_over:
                return str((run.get("state") or {}).get("message") or run["state_type"].lower())
        time.sleep(_LOOK_SECONDS)


def _flow_run(api: Any, submission: Any) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] | None = api.find(f"/flow_runs/{submission.flow_run_id}")
    except ServerError:
        return None  # the server may come back; the decision is in the store all the same
    return found

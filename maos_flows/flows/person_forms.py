"""Forms in Prefect's UI: a paused flow run for each person asked, which nobody needs to run.

No process waits in such a run. The form is kept by Prefect's server, and what was filled in is read from there by
whoever makes the decision, also by one that took it up after a death. An answer that cannot be taken pauses the run
again, with what was wrong. Prefect's resume carries no identity, so people with a key have no form.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from fractions import Fraction
from http import HTTPStatus
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Cancelled, Completed, Paused
from prefect.utilities.urls import url_for

from maos_flows.flows.fences import FORM_WIDTH, fenced
from maos_flows.flows.naming import run_name
from maos_flows.model.people import Answered, Person, Question, QuestionKind
from maos_flows.proposing import LONGEST_SUGGESTION

FLOW = "maos-person"
"""The name of the flow whose runs are forms."""

_SLOT = "answer"
_KEYS = {part: f"{_SLOT}-{part}" for part in ("schema", "description", "response")}
_NOT_THERE = (ObjectNotFound, PrefectHTTPStatusError)
"""What Prefect's client raises for what is not there: one or the other, method by method."""

_GRACE = timedelta(minutes=5)
"""So much longer than the question the run stays paused, for its state to be told by whoever decides."""


def believed(question: Question) -> tuple[Person, ...]:
    """Name those who may answer without proof: they have no key."""
    asked = (question.person, question.deputy)
    return tuple(person for person in asked if person is not None and person.public_key is None)


async def open_form(question: Question, *, below: bool = True) -> tuple[str, str] | None:
    """Open the form of a question, or find the one that was opened.

    Args:
        question: What is asked.
        below: Whether it is shown below the task run that asks, which Prefect's server may hear of seconds late.

    Returns:
        The id of its flow run, and its page; None if there is nobody to whom it could be shown, no Prefect run, or if
        the server has not heard of the task run yet.
    """
    if not believed(question) or not (FlowRunContext.get() or TaskRunContext.get()):
        return None
    async with get_client() as client:
        flow_run_id = await _make(client, question, below=below)
        if flow_run_id is None:
            return None
        run = await client.read_flow_run(flow_run_id)
        if run.state is not None and run.state.type is StateType.PENDING:
            await _write(client, flow_run_id, "schema", schema_of(question))
            await _write(client, flow_run_id, "description", description_of(question))
            await client.set_flow_run_state(flow_run_id, _waiting(question), force=True)
    return str(flow_run_id), url_for("flow-run", obj_id=flow_run_id) or ""


async def read_form(question: Question, flow_run_id: str) -> Answered | None:
    """Read what was filled in; None while nothing was."""
    async with get_client() as client:
        run = await client.read_flow_run(UUID(flow_run_id))
        if run.state_type is not StateType.RUNNING:
            return None
        with suppress(*_NOT_THERE):
            text = await client.read_flow_run_input(run.id, _KEYS["response"])
            return _answered(question, json.loads(text))
    return None


async def ask_again(question: Question, flow_run_id: str, why: str) -> None:
    """Pause the run of a form again, because what was filled in could not be taken."""
    async with get_client() as client:
        with suppress(*_NOT_THERE):
            await client.delete_flow_run_input(UUID(flow_run_id), _KEYS["response"])
        words = f"{description_of(question)}\n\n**The answer could not be taken:**\n\n{fenced(why)}"
        with suppress(*_NOT_THERE):
            await client.delete_flow_run_input(UUID(flow_run_id), _KEYS["description"])
        await _write(client, UUID(flow_run_id), "description", words)
        await client.set_flow_run_state(UUID(flow_run_id), _waiting(question, why), force=True)


async def close_form(flow_run_id: str, *, answered: str, words: str) -> None:
    """End the run of a form: answered, or not needed any more."""
    state: State[Any] = Completed(name=answered, message=words) if answered else Cancelled(message=words)
    async with get_client() as client:
        with suppress(*_NOT_THERE):
            run = await client.read_flow_run(UUID(flow_run_id))
            if run.state is None or not run.state.is_final():
                await client.set_flow_run_state(run.id, state, force=True)


def schema_of(question: Question) -> Mapping[str, Any]:
    """Give the form of a question as JSON Schema: what can be chosen, and what else is asked for."""
    answer: dict[str, Any] = {"title": "Choice", "enum": list(question.choices)}
    if question.kind is QuestionKind.SUGGESTION:
        answer = {"title": "Suggestion", "maxLength": LONGEST_SUGGESTION, "description": "A short answer, or abstain."}
    fields: dict[str, Any] = {
        "choice": {"type": "string", **answer},
        "reasoning": {"title": "Reasoning", "type": "string", "description": "Why."},
    }
    if question.kind is QuestionKind.BALLOT:
        fields["confidence"] = {
            "title": "Confidence",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "From 0 to 1; may be left out.",
        }
    if question.may_veto:
        fields["veto"] = {"title": "Veto", "type": "boolean", "default": False}
    names = [person.agent_id for person in believed(question)]
    if names != [question.person.agent_id]:
        fields["answered_by"] = {"title": "Answered by", "type": "string", "enum": names, "default": names[0]}
    if question.needs_reasoning:
        fields["reasoning"]["minLength"] = 1
    placed = {name: {**field, "position": position} for position, (name, field) in enumerate(fields.items())}
    required = ["choice", "reasoning"] if question.needs_reasoning else ["choice"]
    return {"title": "Answer", "type": "object", "properties": placed, "required": required, "definitions": {}}


def description_of(question: Question) -> str:
    """Say in Markdown what is asked. The question is fenced: agents' words may be in it."""
    until = f"Until {question.deadline:%Y-%m-%d %H:%M:%S} UTC. Nothing shows who fills this in, and the record says so."
    wanted = "TEXT" if question.kind is QuestionKind.SUGGESTION else "CHOICE"
    command = f"maos vote {question.decision_id} --as {question.person.agent_id} --choice {wanted}"
    return f"{fenced(question.text, width=FORM_WIDTH)}\n\n{until}\n\nIn a shell:\n\n{fenced(command, width=0)}"


def _answered(question: Question, filled_in: Mapping[str, Any]) -> Answered:
    confidence = filled_in.get("confidence")
    return Answered(
        str(filled_in.get("choice", "")),
        str(filled_in.get("answered_by") or believed(question)[0].agent_id),
        str(filled_in.get("reasoning") or ""),
        None if confidence is None else Fraction(str(confidence)),
        veto=filled_in.get("veto") is True,
        via="form",
    )


async def _make(client: PrefectClient, question: Question, *, below: bool) -> UUID | None:
    """Make the run, once however often it is tried; None if the server does not know yet what it is to be below."""
    flow = await client.request("POST", "/flows/", json={"name": FLOW})
    within = TaskRunContext.get() if below else None
    body = {
        "flow_id": flow.json()["id"],
        "name": run_name(f"{question.person.agent_id}: {question.text.splitlines()[0]}"),
        "tags": ["maos", "person"],
        "parameters": {"decision_id": question.decision_id, "person": question.person.agent_id},
        "state": {"type": "PENDING"},
        "idempotency_key": "/".join(map(str, question.place)),
        "parent_task_run_id": None if within is None else str(within.task_run.id),
    }
    try:
        made = await client.request("POST", "/flow_runs/", json=body)
    except PrefectHTTPStatusError as error:
        if within is not None and error.response.status_code == HTTPStatus.CONFLICT:
            return None
        raise
    return UUID(made.json()["id"])


async def _write(client: PrefectClient, flow_run_id: UUID, part: str, value: object) -> None:
    with suppress(*_NOT_THERE):
        await client.delete_flow_run_input(flow_run_id, _KEYS[part])  # a try before this one may have written it
    await client.create_flow_run_input(flow_run_id=flow_run_id, key=_KEYS[part], value=json.dumps(value))


def _waiting(question: Question, why: str = "") -> State[Any]:
    words = f"waits for {question.person.agent_id}" if not why else f"waits again: {why}"
    state: State[Any] = Paused(
        name="Waiting for an answer", message=words, pause_expiration_time=question.deadline + _GRACE, pause_key=_SLOT
    )
    state.state_details.run_input_keyset = dict(_KEYS)
    return state

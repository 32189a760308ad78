"""Decisions that wait for people, in a store, for the tests."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from maos_flows.audit.store import AuditStore
from maos_flows.keys import KeyFolder
from maos_flows.model import Agent, Decision, Opening
from maos_flows.model.people import Answered, Asked, Overseers, QuestionKind
from maos_flows.people.answering import answer
from maos_flows.people.asking import ask_for_ballot, ask_overseers
from maos_flows.request import DecisionRequest
from tests.audit.samples import NOON, decision_of, opening_of

CHOICES = ("PostgreSQL", "MongoDB")
LATER = NOON + timedelta(seconds=20)


def person(name: str, **fields: Any) -> Agent:
    """A person; what is not a field of an agent is a setting of its voter."""
    own = {key: fields.pop(key) for key in ("public_key", "role", "weight") if key in fields}
    return Agent(name, voter="human", settings=fields, **own)


def request_to_people(*people: Agent, **fields: Any) -> DecisionRequest:
    """A request to them."""
    return DecisionRequest("Which database?", CHOICES, people, **fields)


def asked_of(
    store: AuditStore, *people: Agent, decision_id: str = "d-1", **fields: Any
) -> tuple[Opening, dict[str, Asked]]:
    """Open a decision and ask people for their ballots."""
    request = request_to_people(*people, **fields)
    opening = store.open_decision(opening_of(request, decision_id), request)
    return opening, {one.id: ask_for_ballot(store, one, opening, request, now=NOON) for one in people}


def said(store: AuditStore, asked: Asked, choice: str, *, by: str = "", at: Any = LATER, **fields: Any) -> Asked:
    """Answer as the person asked, or as somebody else."""
    given = Answered(choice, by or asked.question.person.agent_id, **fields)
    return answer(store, asked.question, given, at=at, keys=KeyFolder(Path("/nowhere")))


def put(
    store: AuditStore, *overseers: str, kind: QuestionKind = QuestionKind.DECIDE, **fields: Any
) -> tuple[Decision, tuple[Asked, ...]]:
    """Let two people tie, or agree, and put what comes of it to overseers."""
    _, asked = asked_of(store, person("ada"), person("bob"), **fields)
    said(store, asked["ada"], "PostgreSQL", reasoning="it joins")
    said(store, asked["bob"], "PostgreSQL" if kind is QuestionKind.CONFIRM else "MongoDB")
    decision = decision_of(store)
    people = Overseers(tuple(person(name, role="overseer") for name in overseers), 60.0)
    return decision, ask_overseers(store, decision, people, kind, now=NOON)

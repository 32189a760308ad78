"""The inbox in words and as plain data."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from maos_flows.cli.watching.words import counted, one_line
from maos_flows.model import ABSTAIN
from maos_flows.model.people import Asked, QuestionKind
from maos_flows.people.asking import left
from maos_flows.people.inbox import Waiting

_WANTED = {
    QuestionKind.BALLOT: "a ballot",
    QuestionKind.DECIDE: "to decide: there is no consensus",
    QuestionKind.CONFIRM: "to confirm what was reached",
    QuestionKind.SUGGESTION: "a suggestion",
}


_MOST_LINES = 20
"""How many lines of what is asked are shown to who is asked."""


def lines_of(waiting: Sequence[Waiting], *, now: datetime, is_of_one: bool = False) -> list[str]:
    """Write what waits, a few lines each; of one person's, also what is given beside the question."""
    return [line for item in waiting for line in _lines(item, now, most=_MOST_LINES if is_of_one else 1)]


def _lines(item: Waiting, now: datetime, *, most: int) -> list[str]:
    question = item.asked.question
    whose = f", for {item.on_behalf_of}" if item.on_behalf_of else ""
    instead = f" --for {item.on_behalf_of}" if item.on_behalf_of else ""
    answers, wanted = ", ".join(question.choices), "CHOICE"
    if question.kind is QuestionKind.SUGGESTION:
        answers, wanted = f"a short text of one's own, or {ABSTAIN}", "TEXT"
    wish = f"{_WANTED[question.kind]}{', signed' if _must_sign(item) else ''}"
    lines = [
        f"{question.decision_id}  {item.by}{whose}: {wish}, {left(question.deadline - now)} left",
        *_quoted(question.text, most),
        f"  {answers}",
        f"  maos vote {question.decision_id} --as {item.by}{instead} --choice {wanted}",
    ]
    return [*lines, f"  {item.url}"] if item.url else lines


def _quoted(text: str, most: int) -> Iterator[str]:
    """Quote what is asked line by line, each marked, so that no line of it can pass for one of ours."""
    lines = [line for line in text.splitlines() if line.strip()]
    yield from (f"  | {one_line(line)}" for line in lines[:most])
    if len(lines) > most:
        yield f"  | [{counted(len(lines) - most, 'more line')}]"


def plain(item: Waiting) -> dict[str, Any]:
    """Give what waits as plain data."""
    question = item.asked.question
    return {
        "decision_id": question.decision_id,
        "round": question.round,
        "as": item.by,
        "for": item.on_behalf_of or None,
        "kind": question.kind.value,
        "question": question.text,
        "choices": list(question.choices),
        "asked_at": question.asked_at.isoformat(),
        "deadline": question.deadline.isoformat(),
        "must_sign": _must_sign(item),
        "url": item.url or None,
    }


def _must_sign(item: Waiting) -> bool:
    people = (item.asked.question.person, item.asked.question.deputy)
    return any(person is not None and person.agent_id == item.by and person.public_key for person in people)


def answered_line(asked: Asked) -> str:
    """Say what became of an answer."""
    given = asked.answer or asked.stood_in
    assert given is not None, "it was answered"
    person, how = asked.question.person.agent_id, "signed" if given.signature else "unproven: no key in the roster"
    if asked.answer is None:
        return f"{given.by} answers {given.choice} for {person} ({how}); it counts unless {person} answers"
    whose = "" if given.by == person else f" for {person}"
    return f"{given.by} answered {given.choice}{whose} ({how})"

"""The inbox: what waits for whom, and finding what somebody answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, NotFoundError, Problem
from maos_flows.model.people import Asked, NoteKind
from maos_flows.people.answering import group_answer, is_awaited


@dataclass(frozen=True, slots=True)
class Waiting:
    """One question that waits for one who may answer it.

    Attributes:
        asked: The question.
        by: Who may answer it: the person asked, or its deputy.
    """

    asked: Asked
    by: str

    @property
    def on_behalf_of(self) -> str:
        """For whom it is answered, if not for oneself."""
        person = self.asked.question.person.agent_id
        return "" if person == self.by else person

    @property
    def url(self) -> str:
        """The page of its form; empty if there is none."""
        form = self.asked.note(NoteKind.FORM)
        return "" if form is None else str(form.data.get("url", ""))


def inbox(store: AuditStore, *, now: datetime, by: str = "") -> tuple[Waiting, ...]:
    """List what waits, the most urgent first: for everybody, or for one."""
    waiting = store.people.waiting(now=now)
    found = [item for asked in waiting if _is_open(store, asked) for item in _for_each(asked)]
    return tuple(item for item in found if by in ("", item.by))


def find_question(store: AuditStore, decision_id: str, *, by: str, on_behalf_of: str = "") -> Asked:
    """Find what somebody can answer of a decision: what is open before what is not, one's own before another's.

    Raises:
        NotFoundError: Nobody is asked there, or not this one.
        ConfigurationError: One stands in for several, and does not say for whom.
    """
    asked = store.people.of(decision_id)
    if not asked:
        raise NotFoundError(f"nobody is asked anything in {decision_id[:80]!r}; {_where_else(store, decision_id, by)}")
    mine = [item for one in asked for item in _for_each(one, deputies_too=True) if item.by == by]
    if on_behalf_of:
        mine = [item for item in mine if item.asked.question.person.agent_id == on_behalf_of]
    if not mine:
        names = sorted({item.by for one in asked for item in _for_each(one, deputies_too=True)})
        raise NotFoundError(f"{by[:60]!r} is not asked in {decision_id[:80]}; {', '.join(names)} may answer")
    ranked = sorted(mine, key=lambda item: (not _is_open(store, item.asked), bool(item.on_behalf_of)))
    best = [item for item in ranked if _rank(store, item) == _rank(store, ranked[0])]
    others = sorted({item.on_behalf_of for item in best if item.on_behalf_of})
    if len(others) > 1:
        raise ConfigurationError([Problem("--for", f"{by} may answer for {', '.join(others)}; say for whom")])
    return best[-1].asked


def _where_else(store: AuditStore, run_id: str, by: str) -> str:
    """Say in which decisions of a workflow's run somebody is asked; where it is none, how to find out."""
    names = (summary.decision_id for summary in store.decisions(limit=1_000, run_id=run_id))
    asked = [name for name in names if any(item.by == by for one in store.people.of(name) for item in _for_each(one))]
    return f"{by[:60]} is asked in {', '.join(sorted(asked))}" if asked else "`maos inbox` lists what waits"


def _rank(store: AuditStore, item: Waiting) -> tuple[bool, bool]:
    return not _is_open(store, item.asked), bool(item.on_behalf_of)


def _for_each(asked: Asked, *, deputies_too: bool = False) -> Iterator[Waiting]:
    yield Waiting(asked, asked.question.person.agent_id)
    if asked.question.deputy is not None and (deputies_too or asked.stood_in is None):
        yield Waiting(asked, asked.question.deputy.agent_id)


def _is_open(store: AuditStore, asked: Asked) -> bool:
    question = asked.question
    if asked.answer is not None or store.decision(question.decision_id) is not None:
        return False
    if question.is_of_each:
        return is_awaited(store, question)
    others = (one for one in store.people.of(question.decision_id))
    group = tuple(one for one in others if (one.question.kind, one.question.round) == (question.kind, question.round))
    return group_answer(group) is None

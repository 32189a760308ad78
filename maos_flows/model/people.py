"""People who decide: what they are asked, what they answer, and who oversees a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from maos_flows.model.agents import Agent


@dataclass(frozen=True, slots=True)
class Overseers:
    """The people to whom a decision may be put after its count, frozen with its request.

    Attributes:
        agents: Who they are; the first of them to answer decides. Nobody: what is escalated stays so.
        timeout_seconds: How long they have, from when they are asked.
        must_confirm: Whether what was reached stands only once one of them agrees.
    """

    agents: tuple[Agent, ...] = ()
    timeout_seconds: float = 3600.0
    must_confirm: bool = False


class QuestionKind(StrEnum):
    """What a person is asked for."""

    BALLOT = "ballot"
    """Its own ballot, as a member of the electorate."""
    DECIDE = "decide"
    """To decide what the ballots did not."""
    CONFIRM = "confirm"
    """To agree to what was reached, or not."""
    SUGGESTION = "suggestion"
    """An answer of its own, where there are no choices yet."""


class NoteKind(StrEnum):
    """What becomes of a question put to a person."""

    FORM = "form"
    """A form was opened in Prefect's UI (`flow_run`, `url`)."""
    NOTIFIED = "notified"
    """Word was sent (`contact`, and `failed`: why it did not arrive)."""
    REMINDED = "reminded"
    """A reminder was due; its key is the instant."""
    CLOSED = "closed"
    """Its form was closed."""
    STOOD_IN = "stood_in"
    """A deputy answered, for unless the person does."""
    ANSWERED = "answered"
    """It is answered; the first answer counts."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who may answer, and the key that proves it; without a key nothing does."""

    agent_id: str
    public_key: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What one person is asked, frozen when it is.

    Attributes:
        decision_id: The decision.
        round: Its round.
        kind: What is asked for.
        person: Who is asked.
        text: What is asked, in words.
        choices: What may be answered; nothing where a suggestion is wanted, which is a text of one's own.
        asked_at: When.
        deadline: No answer counts after it.
        deputy: Who may answer instead, until the person does.
        needs_reasoning: Whether an answer without reasons is refused.
        may_veto: Whether the person may veto.
        remind_at: When the person is reminded.
        contact: The Prefect notification block by which it is told.
    """

    decision_id: str
    round: int
    kind: QuestionKind
    person: Person
    text: str
    choices: tuple[str, ...]
    asked_at: datetime
    deadline: datetime
    deputy: Person | None = None
    needs_reasoning: bool = False
    may_veto: bool = False
    remind_at: tuple[datetime, ...] = ()
    contact: str = ""

    @property
    def place(self) -> tuple[str, int, str, str]:
        """What tells it from every other question."""
        return self.decision_id, self.round, self.kind.value, self.person.agent_id

    @property
    def is_of_each(self) -> bool:
        """Whether everybody asked answers for itself, rather than the first of them for all."""
        return self.kind in (QuestionKind.BALLOT, QuestionKind.SUGGESTION)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a person answered, and what shows who it was.

    Attributes:
        choice: What is answered.
        by: Who answers: the person asked, or its deputy.
        reasoning: Why.
        confidence: In [0, 1]; None if not stated.
        veto: Whether it uses its right to veto, if it has one.
        via: How it came in: `shell` or `form`.
        signature: The answer as its author signed it, a JWS in compact form; empty if nothing shows who it was.
    """

    choice: str
    by: str
    reasoning: str = ""
    confidence: Fraction | None = None
    veto: bool = False
    via: str = "shell"
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that became of a question.

    Attributes:
        kind: What.
        at: When.
        key: Tells it from others of its kind; of one kind and key a question has one.
        answer: What was answered, if something was.
        data: The rest.
    """

    kind: NoteKind
    at: datetime
    key: str = ""
    answer: Answered | None = None
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with all that became of it."""

    question: Question
    notes: tuple[Note, ...] = ()

    def note(self, kind: NoteKind, key: str | None = None) -> Note | None:
        """Find the first note of a kind, with that key if one is given."""
        return next((note for note in self.notes if note.kind is kind and key in (None, note.key)), None)

    @property
    def answer(self) -> Answered | None:
        """The answer that counts; None while there is none."""
        found = self.note(NoteKind.ANSWERED)
        return None if found is None else found.answer

    @property
    def stood_in(self) -> Answered | None:
        """What the deputy answered; it counts if the person does not answer."""
        found = self.note(NoteKind.STOOD_IN)
        return None if found is None else found.answer

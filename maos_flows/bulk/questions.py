"""Questions of a batch, one a line of JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator

from maos_flows.bulk.lines import BadLines, read_bytes
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import Form, read
from maos_flows.model import Context
from maos_flows.roster import Texts
from maos_flows.text_types import Distinct, Filled, Text, read_text
from maos_flows.voters.failures import MalformedError
from maos_flows.voters.strict_json import read_json
from maos_flows.workflow.form import Choice, ContextText

LONGEST_ID = 128


def read_id(value: object) -> str:
    """Read a question's id: text or a whole number, without spaces, so that a decision's id can be typed."""
    text = read_text(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)
    if len(text) > LONGEST_ID or not text.isprintable() or " " in text:
        raise ValueError(f"{text[:40]!r} is not an id; allowed are 1 to {LONGEST_ID} characters without spaces")
    return text


def _entries(value: object) -> object:
    return [{"text": value}] if isinstance(value, str) else value


class QuestionForm(Form):
    """One question."""

    id: Annotated[str, PlainValidator(read_id)] = Field(description="Unique in the file; a decision's id ends with it.")
    question: Text = Field(description="What is asked.")
    choices: Annotated[tuple[Choice, ...], Distinct, Filled] | None = Field(
        None, description="The answers allowed beside abstain; by default the batch's, else those the question lists."
    )
    domains: Texts = Field((), description="What the matter is about; experts in it weigh more.")
    context: Annotated[tuple[ContextText, ...], BeforeValidator(_entries)] = Field(
        (), description="What agents are given beside the question: a text, or a list of texts with names."
    )


@dataclass(frozen=True, slots=True)
class Question:
    """A question as its line gives it, and the number of that line."""

    id: str
    text: str
    choices: tuple[str, ...]
    domains: tuple[str, ...]
    context: tuple[Context, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Questions:
    """What a file holds: the questions that can be asked, in order, and the lines that cannot."""

    questions: tuple[Question, ...]
    bad: BadLines
    digest: str


def read_questions(path: Path) -> Questions:
    """Read a file of questions: JSON objects, one a line; empty lines are passed over.

    Raises:
        ConfigurationError: The file cannot be read, or no line of it is a question.
    """
    data, digest = read_bytes(path)
    reader = _Reader(BadLines(str(path)))
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            reader.read(number, line)
    if not reader.questions:
        raise ConfigurationError(reader.bad.problems or [Problem("", "holds no question")], source=str(path))
    return Questions(tuple(reader.questions), reader.bad, digest)


class _Reader:
    """Reads lines one after the other; values that many share become one object."""

    def __init__(self, bad: BadLines) -> None:
        self.bad = bad
        self.questions: list[Question] = []
        self._lines: dict[str, int] = {}
        self._shared: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def read(self, number: int, line: bytes) -> None:
        try:
            form = read(QuestionForm, read_json(line))
        except MalformedError as error:
            self.bad.add(number, str(error))
            return
        except ConfigurationError as error:
            self.bad.add(number, "; ".join(map(str, error.problems)))
            return
        if form.id in self._lines:
            self.bad.add(number, f"the id {form.id!r} stands in line {self._lines[form.id]} already")
            return
        self._lines[form.id] = number
        context = tuple(
            Context(entry.name or f"context {place}", entry.text) for place, entry in enumerate(form.context, 1)
        )
        self.questions.append(
            Question(
                form.id,
                form.question,
                self._share(form.choices or ()),
                self._share(form.domains),
                self._share(context),
                number,
            )
        )

    def _share(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._shared.setdefault(values, values)

"""Settings of voters: what a roster may say about who answers for an agent, checked and made plain JSON data."""

import json
import re
import shlex
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from maos_flows.forms import nearest
from maos_flows.http_settings import HttpVoter
from maos_flows.model import exact
from maos_flows.model_settings import ModelVoter
from maos_flows.text_types import (
    AgentId,
    Block,
    Count,
    Distinct,
    Pause,
    Positive,
    Probability,
    Scalar,
    Seconds,
    Text,
    Weight,
    read_pause,
    read_text,
)
from maos_flows.voter_form import Variable, VoterForm
from maos_flows.voter_form import is_there as _there
from maos_flows.voter_form import wrong as _problem

_FORMATS = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
_CONSTANT_OR_NUMBER = re.compile(r"true|false|null|-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_FUNCTION = re.compile(r"(?P<where>[^:]+):(?P<function>[A-Za-z_]\w*)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def _value(text: object) -> str:
    if not isinstance(text, str):
        raise ValueError("it must be text; write '' for an empty value")  # noqa: TRY004 - pydantic's way
    return text if not text else read_text(text) and text


Value = Annotated[str, PlainValidator(_value), WithJsonSchema({"type": ["string", "number", "boolean"]})]


def _span(value: object) -> tuple[float, float]:
    match value:
        case [least, most]:
            span = read_pause(least), read_pause(most)
        case list() | tuple() | Mapping() | None:
            raise ValueError("it must be a duration or two of them, like [1s, 3s]")
        case _:
            span = read_pause(value), read_pause(value)
    if span[0] > span[1]:
        raise ValueError(f"{span[0]:g} s is more than {span[1]:g} s")
    return span


def _words(value: object) -> tuple[str, ...]:
    match value:
        case str():
            words = shlex.split(read_text(value))
        case list() | tuple():
            words = [read_text(word) if word != "" else "" for word in value]
        case _:
            raise ValueError("it must be a list of words, or one text that is split like a shell does")
    if not words or not words[0]:
        raise ValueError("it names no program")
    return tuple(words)


def _plain(value: Any) -> Any:
    """Read what a document says as JSON would: `true`, `false`, `null` and numbers are those, other texts are texts."""
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case str() if _CONSTANT_OR_NUMBER.fullmatch(value):
            return json.loads(value)
        case _:
            return value


def _opinions(weights: Mapping[str, Fraction]) -> Mapping[str, Fraction]:
    if weights and not sum(weights.values()):
        raise ValueError("its weights sum to 0")
    return weights


Words = Annotated[
    tuple[str, ...], PlainValidator(_words, json_schema_input_type=Text | Annotated[list[Scalar], Field(min_length=1)])
]
Span = Annotated[
    tuple[float, float],
    PlainValidator(_span, json_schema_input_type=Pause | Annotated[list[Pause], Field(min_length=2, max_length=2)]),
]


class SimulatedVoter(VoterForm):
    """A seeded generator, for drills and benchmarks; its ballots are labelled simulated."""

    kind: Literal["simulated"]
    seed: Count = Field(0, description="What its chance is drawn from: the same seed, the same ballots.")
    opinions: Annotated[dict[Scalar, Weight], AfterValidator(_opinions)] = Field(
        {}, description="How much it leans to each choice."
    )
    lean: Probability | None = Field(
        None,
        description="How strongly all agents of one seed agree on one choice drawn from the question;"
        " 0.8 without opinions, 0 with them.",
    )
    error_rate: Probability = Field(Fraction(0), description="How often an attempt fails.")
    abstain_rate: Probability = Field(Fraction(0), description="How often it abstains.")
    hang_rate: Probability = Field(Fraction(0), description="How often an attempt never ends.")
    thinking_time: Span = Field((0.0, 0.0), description="How long it thinks: a duration, or the least and the most.")
    attributes: Annotated[dict[Text, Any], AfterValidator(_plain)] = Field(
        {}, description="What its ballots state besides, for policies that read it, such as peer_reviewed."
    )

    def _own(self, base: Path) -> dict[str, Any]:
        del base
        rates = {name: float(getattr(self, name)) for name in ("error_rate", "abstain_rate", "hang_rate")}
        if self.lean is not None:
            rates["lean"] = float(self.lean)
        opinions = {choice: exact(weight) for choice, weight in self.opinions.items()}
        stated = {"attributes": self.attributes} if self.attributes else {}
        return {"seed": self.seed, "opinions": opinions, **rates, "thinking_time": list(self.thinking_time), **stated}


class RecordedVoter(VoterForm):
    """Ballots from a file."""

    kind: Literal["recorded"]
    path: Text = Field(description="A .json, .jsonl or .csv file, relative to the document.")
    decision_column: Text | None = Field(None, description="The column or key that says which decision a row is for.")

    def _own(self, base: Path) -> dict[str, Any]:
        path = (base / self.path).absolute()
        if path.suffix.lower() not in _FORMATS:
            raise _problem("path", f"{path.name!r} does not end in {', '.join(sorted(_FORMATS))}")
        if not _there(path):
            raise _problem("path", f"there is no file {path}")
        return {
            "path": str(path),
            "format": _FORMATS[path.suffix.lower()],
            "decision_column": self.decision_column,
        }


class CommandVoter(VoterForm):
    """A local program: the proposal as JSON on its standard input, the ballot as JSON on its standard output."""

    kind: Literal["command"]
    command: Words = Field(
        description="The program and its arguments; one text is split like a shell does, without one."
    )
    cwd: Text | None = Field(
        None, description="Where it runs, relative to the document; by default the document's folder."
    )
    env: dict[Variable, Value] = Field(
        {}, description="Environment variables it gets.", json_schema_extra={"additionalProperties": False}
    )
    pass_env: Annotated[tuple[Variable, ...], Distinct] = Field(
        (), description="Variables of the caller's environment it gets too; no other is passed on."
    )
    max_output: Positive = Field(1024 * 1024, description="How many bytes it may print.")

    def _own(self, base: Path) -> dict[str, Any]:
        folder = (base / (self.cwd or ".")).absolute()
        if not _there(folder, is_folder=True):
            raise _problem("cwd", f"there is no folder {folder}")
        return {
            "command": list(self.command),
            "cwd": str(folder),
            "env": dict(self.env),
            "pass_env": list(self.pass_env),
            "max_output": self.max_output,
        }


class PythonVoter(VoterForm):
    """A Python function that gets the proposal and returns the ballot."""

    kind: Literal["python"]
    function: Text = Field(description="`package.module:function`, or `path/to/file.py:function`.")

    def _own(self, base: Path) -> dict[str, Any]:
        match = _FUNCTION.fullmatch(self.function)
        is_file = match is not None and match["where"].endswith(".py")
        if match is None or not (is_file or _MODULE.fullmatch(match["where"])):
            message = f"{self.function[:80]!r} is not like package.module:function or path/to/file.py:function"
            raise _problem("function", message)
        if not is_file:
            return {"function": self.function}
        path = (base / match["where"]).absolute()
        if not _there(path):
            raise _problem("function", f"there is no file {path}")
        return {"function": match["function"], "path": str(path)}


class HumanVoter(VoterForm):
    """A person, asked in Prefect's UI and in `maos inbox`, who answers there or with `maos vote`."""

    kind: Literal["human"]
    deputy: AgentId | None = Field(
        None, description="The person who may answer in its place; if both do, its own answer counts."
    )
    remind: Annotated[tuple[Seconds, ...], Distinct] | None = Field(
        None, description="So long before the deadline it is reminded; by default at half and at a tenth of the time."
    )
    notify: Block | None = Field(
        None, description="The Prefect notification block that tells it, like slack-webhook/on-call."
    )

    def _own(self, base: Path) -> dict[str, Any]:
        del base
        settings = {"deputy": self.deputy, "notify": self.notify}
        remind = {} if self.remind is None else {"remind": list(self.remind)}
        return {name: value for name, value in settings.items() if value is not None} | remind


VOTERS: Mapping[str, type[VoterForm]] = {
    "simulated": SimulatedVoter,
    "recorded": RecordedVoter,
    "command": CommandVoter,
    "http": HttpVoter,
    "python": PythonVoter,
    "human": HumanVoter,
    "model": ModelVoter,
}
VOTER_KINDS = tuple(VOTERS)
"""The kinds of voters there are."""


def _voter(value: object) -> VoterForm:
    """Read a voter by its kind."""
    if not isinstance(value, str | dict):
        raise ValueError("must be a kind of voter, or a mapping with a kind")  # noqa: TRY004 - pydantic's way
    data = {"kind": value} if isinstance(value, str) else value
    kind = data.get("kind")
    if not isinstance(kind, str):
        raise ValueError(f"has no kind; available: {', '.join(VOTERS)}")  # noqa: TRY004 - pydantic's way
    if kind not in VOTERS:
        hint = nearest(kind, VOTERS)
        raise ValueError(f"there is no kind of voter {kind[:40]!r}; available: {', '.join(VOTERS)}{hint}")
    return VOTERS[kind].model_validate(data)


Voter = Annotated[
    VoterForm,
    PlainValidator(
        _voter,
        json_schema_input_type=Literal["simulated", "human"]
        | SimulatedVoter
        | RecordedVoter
        | CommandVoter
        | HttpVoter
        | PythonVoter
        | HumanVoter
        | ModelVoter,
    ),
]

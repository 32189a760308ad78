"""Forms: how a document's parts are read with pydantic, and how what is wrong with them is told with path and line."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.records import path_of
from maos_flows.strict_yaml import line_of

MOST_PROBLEMS = 100
"""How many problems of one document are named; what follows is only counted."""

_LONGEST_GUESSED = 64
_Form = TypeVar("_Form", bound=BaseModel)
_Made = TypeVar("_Made")


class Form(BaseModel):
    """A part of a document with known keys; an unknown one is refused, with the nearest known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _guess_unknown_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            details = islice(error.errors(include_url=False), MOST_PROBLEMS + 1)
            raise ValidationError.from_exception_data(
                error.title, [_guessed(detail, cls) for detail in details]
            ) from None


def _guessed(detail: ErrorDetails, form: type[Form]) -> InitErrorDetails:
    kind, message, location = detail["type"], detail["msg"], detail["loc"]
    if kind == "extra_forbidden" and len(location) == 1:
        kind, message = "unknown_key", f"unknown key{nearest(str(location[0]), form.model_fields)}"
    return InitErrorDetails(type=PydanticCustomError(kind, message), loc=location, input=None)


def _in_words(kind: str, message: str) -> str:
    """Say a complaint of pydantic's in words for people who write YAML."""
    match kind:
        case "missing":
            return "is missing"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "must be a mapping of keys to values"
        case "tuple_type" | "list_type":
            return "must be a list, like [one, two]"
        case _:
            return message


def nearest(name: str, known: Iterable[str]) -> str:
    """Name what was probably meant, as the end of a sentence; empty if nothing is near."""
    near = get_close_matches(name, sorted(known), n=1) if len(name) <= _LONGEST_GUESSED else []
    return f"; did you mean {near[0]!r}?" if near else ""


def place(data: object, location: Sequence[int | str], *, prefix: str = "") -> str:
    """Write where a part stands: `stages[2].threshold (line 14)`; the line is that of the nearest part there is."""
    line = line_of(data, location)
    path = path_of(tuple(location), prefix=prefix)
    return path if line is None else f"{path} (line {line})".lstrip()


def read(form: type[_Form], document: Any, *, at: Sequence[int | str] = (), prefix: str = "") -> _Form:
    """Read a part of a document.

    Args:
        form: What the part is.
        document: What was read from text.
        at: Where the part stands in it; by default it is the whole.
        prefix: Where the document itself stands in a larger one, for problems.

    Raises:
        ConfigurationError: It is not of that form; names every problem with path and line.
    """
    part = document
    for step in at:
        part = part[step]
    try:
        return form.model_validate(part)
    except ValidationError as error:
        problems = []
        for detail in error.errors(include_url=False):
            message = _in_words(detail["type"], detail["msg"].removeprefix("Value error, "))
            problems.append(Problem(place(document, (*at, *_parts(detail)), prefix=prefix), message))
        raise ConfigurationError(problems) from error


def _parts(detail: ErrorDetails) -> tuple[int | str, ...]:
    """Give a location without pydantic's mark of a problem with a key itself."""
    return tuple(part for part in detail["loc"] if part != "[key]")


def attempt(problems: list[Problem], make: Callable[[], _Made]) -> _Made | None:
    """Make something, or add what keeps it from being made to `problems`, so that the rest can be looked at too."""
    try:
        return make()
    except ConfigurationError as error:
        problems.extend(error.problems)
        return None


def refusal(problems: Iterable[Problem], *, source: str) -> ConfigurationError | None:
    """Make one error of all problems, or None if there are none; takes no more of them than it names."""
    named = list(islice(problems, MOST_PROBLEMS + 1))
    if len(named) > MOST_PROBLEMS:
        named[MOST_PROBLEMS:] = [Problem("", "and more")]
    return ConfigurationError(named, source=source) if named else None

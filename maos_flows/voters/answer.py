"""An answer: what a voter gave, read strictly into a ballot's fields. Nothing is coerced, nothing is guessed at."""

import math
from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError

from maos_flows.model import Risk
from maos_flows.protocols.canonical import LARGEST_INTEGER
from maos_flows.records import canonical, problems_of
from maos_flows.scrutiny import fold
from maos_flows.signing import LONGEST_TOKEN
from maos_flows.voters.cleaning import REASONING_BYTES, Scrub, clean, mark_hidden, truncate
from maos_flows.voters.failures import MalformedError
from maos_flows.voters.strict_json import DEPTH

_LONGEST_CHOICE = 4096
_MOST_EVIDENCE = 100
_EVIDENCE_BYTES = 8 * 1024
_ATTRIBUTES_BYTES = 64 * 1024
_MOST_CHARACTERS = 2**20
_MOST_DIGITS = 64
_OURS = frozenset(
    {
        *("agent_id", "agent", "role", "domains", "weight", "agent_weight", "decision_id", "decision", "round"),
        *("voter", "auth_class", "received_at", "seconds", "signature", "public_key", "kid"),
        *("choice", "confidence", "reasoning", "evidence", "risk", "veto", "attributes"),
    }
)
"""Names whose values are the coordinator's or the ballot's own: as an attribute they would pretend to be those."""

_EXACT = ("choice", "confidence", "signature")
"""Fields taken as they were given: cleaning or rounding could turn them into something else."""
Read = TypeVar("Read", bound=BaseModel)


def _choice(value: object) -> object:
    return mark_hidden(value) if isinstance(value, str) else value


def _confidence(value: object) -> Fraction | None:
    """Read a confidence exactly: a float is the shortest decimal that means it, 0.1 is one tenth."""
    number: Fraction | None = None
    match value:
        case None:
            return None
        case bool():
            pass
        case int() | Fraction():
            number = Fraction(value)
        case float() if math.isfinite(value):
            number = Fraction(repr(float(value)))
        case Decimal() if value.is_finite() and abs(value.adjusted()) <= _MOST_DIGITS:
            number = Fraction(value)
    if number is None or not 0 <= number <= 1 or number.denominator > 10 ** (2 * _MOST_DIGITS):
        raise ValueError("a confidence is a number from 0 to 1")
    return number


def _risk(value: object) -> object:
    return Risk(value) if isinstance(value, str) and value in set(Risk) else value


def _evidence(value: object) -> object:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        return items
    cut = [truncate(item, _EVIDENCE_BYTES) if isinstance(item, str) else item for item in items[:_MOST_EVIDENCE]]
    left_out = len(items) - len(cut)
    return (*cut, f"[{left_out} more left out]") if left_out else tuple(cut)


def _reasoning(value: object) -> object:
    return truncate(value, REASONING_BYTES) if isinstance(value, str) else value


Reasoning = Annotated[str, BeforeValidator(_reasoning)]
Signature = Annotated[str, Field(max_length=LONGEST_TOKEN)]


class Answer(BaseModel):
    """A well-formed answer. Its choice need not be one of the proposal's: scrutiny judges that."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    choice: Annotated[str, BeforeValidator(_choice)]
    confidence: Annotated[Fraction | None, PlainValidator(_confidence)] = None
    reasoning: Reasoning = ""
    evidence: Annotated[tuple[str, ...], BeforeValidator(_evidence)] = ()
    risk: Annotated[Risk | None, BeforeValidator(_risk)] = None
    veto: bool = False
    attributes: dict[str, Any] = {}
    signature: Signature = ""


def read_answer(reply: object, *, scrub: Scrub) -> Answer:
    """Read a voter's reply: a mapping with at least `choice`, or a text, which is the choice.

    Keys that are no field become attributes, unless they pretend to be the coordinator's (`weight`, `agent_id`, ...):
    those are dropped.

    Raises:
        MalformedError: It is not an answer; says why.
    """
    answer = read_form(Answer, reply, scrub=scrub, text="choice", exact=_EXACT)
    if len(answer.choice) > _LONGEST_CHOICE:
        raise MalformedError(f"a choice of {len(answer.choice)} characters")
    return answer


def read_form(form: type[Read], reply: object, *, scrub: Scrub, text: str, exact: Collection[str]) -> Read:
    """Read a voter's reply into a form with `attributes`, which takes what is no field.

    Args:
        form: What is read.
        reply: What the voter gave.
        scrub: Removes secrets from every text but the exact ones.
        text: The field that a reply which is a text alone stands for.
        exact: The fields that are taken as they were given.

    Raises:
        MalformedError: It is not of that form; says why.
    """
    fields = _as_mapping(reply, text)
    as_given = {key: fields[key] for key in exact if key in fields}
    rest = _plain({key: value for key, value in fields.items() if key not in as_given}, scrub)
    extra = {key: rest.pop(key) for key in list(rest) if key not in form.model_fields or key in exact}
    if isinstance(rest.get("attributes", {}), dict):
        rest["attributes"] = _attributes(rest.get("attributes", {}), extra)
    try:
        return form.model_validate(rest | as_given)
    except ValidationError as error:
        problems = "; ".join(str(problem) for problem in problems_of(error))
        raise MalformedError(f"a malformed answer: {problems}") from error


def _as_mapping(reply: object, text: str) -> Mapping[str, Any]:
    match reply:
        case None:
            raise MalformedError("no answer: nothing was returned")
        case str() if not reply.strip():
            raise MalformedError("an empty answer")
        case str():
            return {text: reply}
        case BaseException():
            raise MalformedError(f"an exception instead of an answer: {type(reply).__name__}: {reply}")
        case Mapping() if not reply:
            raise MalformedError("an empty answer")
        case Mapping():
            return reply
        case _:
            raise MalformedError(f"an answer is an object with a {text}, not {_kind(reply)}")


def _attributes(stated: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Join what stands under `attributes` with the other keys, less the names that pretend."""
    both = sorted(stated.keys() & extra.keys())
    if both:
        raise MalformedError(f"the attribute {both[0][:40]!r} stands twice")
    joined = {key: value for key, value in (stated | extra).items() if fold(key) not in _OURS}
    size = len(canonical(joined))
    if size > _ATTRIBUTES_BYTES:
        raise MalformedError(f"attributes of {size} bytes; at most {_ATTRIBUTES_BYTES}")
    return joined


def _plain(value: Any, scrub: Scrub, depth: int = 0) -> Any:
    """Give a value as plain JSON with its texts cleaned and without secrets.

    Raises:
        MalformedError: It is not JSON: NaN, a set, a key that is no text, too deep.
    """
    if depth > DEPTH:
        raise MalformedError(f"nested deeper than {DEPTH} levels")
    match value:
        case None | bool():
            return value
        case str():
            return scrub(clean(value[:_MOST_CHARACTERS]))
        case Mapping():
            return _plain_object(value, scrub, depth)
        case list() | tuple():
            return [_plain(item, scrub, depth + 1) for item in value]
        case _:
            return _plain_number(value)


def _plain_object(value: Mapping[Any, Any], scrub: Scrub, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise MalformedError(f"a key that is not text but {_kind(key)}")
        name = scrub(clean(key))
        if name in made:
            raise MalformedError(f"the key {name[:40]!r} stands twice")
        made[name] = _plain(item, scrub, depth + 1)
    return made


def _plain_number(value: object) -> int | float:
    match value:
        case int() if abs(value) <= LARGEST_INTEGER:
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case Decimal() if value.is_finite():
            return _plain_number(float(value))
        case int() | float() | Decimal():
            raise MalformedError("a number out of bounds")
        case _:
            raise MalformedError(f"{_kind(value)} is not JSON")


def _kind(value: object) -> str:
    match value:
        case list() | tuple():
            return "a list"
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return "a number"
        case _:
            return f"a value of type {type(value).__name__}"

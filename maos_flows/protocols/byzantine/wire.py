"""The wire: messages as JSON bytes. Reading is strict and bounded, and answers None instead of raising."""

from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields
from typing import Any

from maos_flows.protocols.byzantine.agreement import Agreement
from maos_flows.protocols.byzantine.evidence import Evidence, Misdeed
from maos_flows.protocols.byzantine.messages import (
    Accusation,
    Ballots,
    Commit,
    Decided,
    Fetch,
    Message,
    Prepare,
    Propose,
    Supply,
    ViewChange,
)
from maos_flows.protocols.byzantine.statements import LAST_VIEW, Kind, Signed
from maos_flows.protocols.byzantine.value import Entry, Value
from maos_flows.protocols.canonical import canonical_bytes, is_digest, read_object


class _UnreadableError(Exception):
    """A field is not what it must be; never leaves this file."""


def encode(message: Message) -> bytes:
    """Write a message."""
    fields = {field.name: _plain(getattr(message, field.name)) for field in dataclass_fields(message)}
    return canonical_bytes({"type": type(message).__name__, **fields})


def decode(agreement: Agreement, data: bytes) -> Message | None:
    """Read a message; None if it is malformed, oversized, of an unknown type or has a field too few or many."""
    fields = read_object(data, agreement.message_limit)
    if fields is None:
        return None
    build = _TYPES.get(str(fields.pop("type", None)))
    if build is None:
        return None
    try:
        message = build(fields)
    except _UnreadableError:
        return None
    return None if fields else message


def _plain(value: Any) -> Any:
    match value:
        case Signed(agent, token):
            return [agent, token]
        case Value(entries):
            return [[entry.agent, list(entry.ballots)] for entry in entries]
        case Evidence(misdeed, agent, statements):
            return [misdeed.value, agent, [[kind.value, token] for kind, token in statements]]
        case tuple():
            return [_plain(one) for one in value]
        case _:
            return value


Fields = dict[str, Any]


def _ballots(fields: Fields) -> Ballots:
    return Ballots(_take_signed(fields, "ballots"))


def _propose(fields: Fields) -> Propose:
    return Propose(
        agent=_take_text(fields, "agent"),
        view=_take_view(fields),
        token=_take_text(fields, "token"),
        value=_take_value(fields),
        changes=_take_signed(fields, "changes"),
        prepares=_take_signed(fields, "prepares"),
    )


def _prepare(fields: Fields) -> Prepare:
    return Prepare(*_take_vote(fields))


def _commit(fields: Fields) -> Commit:
    return Commit(*_take_vote(fields))


def _view_change(fields: Fields) -> ViewChange:
    has_value = fields.get("value", False) is not None
    return ViewChange(
        agent=_take_text(fields, "agent"),
        view=_take_view(fields),
        token=_take_text(fields, "token"),
        prepares=_take_signed(fields, "prepares"),
        value=_take_value(fields) if has_value else fields.pop("value"),
    )


def _decided(fields: Fields) -> Decided:
    asks = fields.pop("asks", None)
    if not isinstance(asks, bool):
        raise _UnreadableError
    return Decided(
        view=_take_view(fields),
        value=_take_value(fields),
        commits=_take_signed(fields, "commits"),
        others=_take_signed(fields, "others"),
        asks=asks,
    )


def _accusation(fields: Fields) -> Accusation:
    match fields.pop("evidence", None):
        case [misdeed, str(agent), [*statements]]:
            pairs = [_signed(one) for one in statements]
        case _:
            raise _UnreadableError
    try:
        kinds = tuple((Kind(pair.agent), pair.token) for pair in pairs)
        return Accusation(Evidence(Misdeed(misdeed), agent, kinds))
    except ValueError as error:
        raise _UnreadableError from error


def _fetch(fields: Fields) -> Fetch:
    return Fetch(_take_digest(fields))


def _supply(fields: Fields) -> Supply:
    return Supply(_take_value(fields))


_TYPES: Mapping[str, Callable[[Fields], Message]] = {
    "Ballots": _ballots,
    "Propose": _propose,
    "Prepare": _prepare,
    "Commit": _commit,
    "ViewChange": _view_change,
    "Decided": _decided,
    "Accusation": _accusation,
    "Fetch": _fetch,
    "Supply": _supply,
}


def _take_vote(fields: Fields) -> tuple[str, int, str, str]:
    return _take_text(fields, "agent"), _take_view(fields), _take_digest(fields), _take_text(fields, "token")


def _take_text(fields: Fields, name: str) -> str:
    text = fields.pop(name, None)
    if not isinstance(text, str):
        raise _UnreadableError
    return text


def _take_digest(fields: Fields) -> str:
    digest = _take_text(fields, "digest")
    if not is_digest(digest):
        raise _UnreadableError
    return digest


def _take_view(fields: Fields) -> int:
    view = fields.pop("view", None)
    if type(view) is not int or not 0 < view <= LAST_VIEW:
        raise _UnreadableError
    return view


def _take_list(fields: Fields, name: str) -> list[Any]:
    listed = fields.pop(name, None)
    if not isinstance(listed, list):
        raise _UnreadableError
    return listed


def _take_signed(fields: Fields, name: str) -> tuple[Signed, ...]:
    return tuple(_signed(one) for one in _take_list(fields, name))


def _signed(listed: object) -> Signed:
    match listed:
        case [str(agent), str(token)]:
            return Signed(agent, token)
        case _:
            raise _UnreadableError


def _take_value(fields: Fields) -> Value:
    return Value(tuple(_entry(one) for one in _take_list(fields, "value")))


def _entry(listed: object) -> Entry:
    match listed:
        case [str(agent), [*tokens]] if all(isinstance(token, str) for token in tokens):
            return Entry(agent, tuple(str(token) for token in tokens))
        case _:
            raise _UnreadableError

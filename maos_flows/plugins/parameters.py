"""A policy's own parameters: its public attributes that hold plain values, which a stage may set."""

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from maos_flows.policies.base import ConsensusPolicy

_NOT_PARAMETERS = ("name", "tolerates", "digest", "is_monotone")
_SCALARS = (bool, int, float, str, Fraction)


class ParameterError(Exception):
    """Parameters that cannot be set so: each name with what is wrong."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in problems.items()))
        self.problems = problems


def parameters_of(policy: ConsensusPolicy) -> dict[str, Any]:
    """Give the parameters as plain data, by name: numbers, texts, flags, lists and mappings of such."""
    return {name: _plain(value) for name, value in _held(policy).items()}


def configure(policy: ConsensusPolicy, given: Mapping[str, Any]) -> None:
    """Set parameters, each read as what it holds now: a text `0.8` where there is a number is that number.

    Raises:
        ParameterError: There is none of a name, or it cannot hold that; names every one. None is set then.
    """
    held = _held(policy)
    read: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, value in given.items():
        if name not in held:
            near = get_close_matches(name, list(held), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems[name] = f"the policy has no such parameter{hint}"
            continue
        try:
            read[name] = _read(value, held[name])
        except (LookupError, ValueError, TypeError, ZeroDivisionError, OverflowError):
            problems[name] = f"{value!r:.60} is not {_kind(held[name])}"
    if problems:
        raise ParameterError(problems)
    for name, value in read.items():
        setattr(policy, name, value)


def _held(policy: ConsensusPolicy) -> dict[str, Any]:
    inherited = {
        name: value
        for kind in reversed(type(policy).__mro__)
        if kind not in (ConsensusPolicy, object)
        for name, value in vars(kind).items()
    }
    return {
        name: value
        for name, value in sorted({**inherited, **getattr(policy, "__dict__", {})}.items())
        if not name.startswith("_") and name not in _NOT_PARAMETERS and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    """Say whether it is of a type that can be read again from text, exactly that type."""
    if type(value) in (list, tuple, set, frozenset):
        return all(type(item) in _SCALARS for item in value)
    if type(value) is dict:
        return all(type(key) is str and type(item) in _SCALARS for key, item in value.items())
    return type(value) in _SCALARS


def _plain(value: Any) -> Any:
    match value:
        case Fraction():
            return str(value)
        case float() if not math.isfinite(value):
            return str(value)
        case set() | frozenset():
            return sorted(map(_plain, value), key=str)
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value


def _read(value: Any, like: Any) -> Any:
    """Read a value as one of the kind that stands there."""
    match like:
        case list() | tuple() | set() | frozenset():
            if not isinstance(value, list | tuple):
                raise TypeError
            sample = next(iter(like), "")
            return type(like)(_read(item, sample) for item in value)
        case dict():
            if not isinstance(value, Mapping):
                raise TypeError
            sample = next(iter(like.values()), "")
            return {str(key): _read(item, sample) for key, item in value.items()}
        case _:
            return _SCALAR_READERS[type(like)](value)


def _flag(value: Any) -> bool:
    return {"true": True, "false": False}[value] if isinstance(value, str) else _of(bool, value)


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, str) else _of(int, value)


def _share(value: Any) -> Fraction:
    return Fraction(_of(str | int | float, value)).limit_denominator(10**12)


def _number(value: Any) -> float:
    return float(_share(value))


def _of(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return value


_SCALAR_READERS: Mapping[type, Callable[[Any], Any]] = {
    bool: _flag,
    int: _whole,
    float: _number,
    str: lambda value: _of(str, value),
    Fraction: _share,
}


def _kind(like: Any) -> str:
    match like:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float() | Fraction():
            return "a number"
        case str():
            return "a text"
        case dict():
            return f"a mapping to {_kind(next(iter(like.values()), ''))}"
        case _:
            return f"a list, each {_kind(next(iter(like), ''))}"

"""What the timeline of a decision with sealed ballots does not tell before the closing, nor afterwards."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from maos_flows.model import Event, EventKind

SEALED = "[sealed]"
_OF_BALLOTS = frozenset({EventKind.CHANGED_MIND, EventKind.RISK})
"""Events that are made of what ballots say, and so say nothing but of which round they are."""


def redacted(event: Event, choices: Sequence[str]) -> Event:
    """Give an event without what any ballot is for: choices are named in it as sealed."""
    if event.kind in _OF_BALLOTS:
        data = {name: value for name, value in event.data.items() if name == "round"}
        what = event.kind.value.replace("_", " ")
        return replace(event, text=f"{what}: not told, for the ballots are sealed", data=data)
    if not choices:
        return event  # they are still to be suggested, so it can name none
    named = "|".join(re.escape(choice) for choice in sorted(choices, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{named})(?!\w)")
    return replace(event, text=pattern.sub(SEALED, event.text), data=_without(event.data, pattern))


def _without(value: Any, pattern: re.Pattern[str]) -> Any:
    match value:
        case str():
            return pattern.sub(SEALED, value)
        case list() | tuple():
            return [_without(item, pattern) for item in value]
        case dict():
            return {_without(name, pattern): _without(item, pattern) for name, item in value.items()}
        case _:
            return value

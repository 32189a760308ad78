"""What a language model wrote about a decision, marked as its words wherever they are shown."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from maos_flows.cli.watching.words import LONG, clean, counted, duration, one_line

if TYPE_CHECKING:
    from maos_flows.audit.model_summaries import ModelSummary

_NOTE = "not part of the record"


def summary_as_plain(summary: "ModelSummary | None") -> dict[str, Any] | None:
    """Give a summary as plain data."""
    if summary is None:
        return None
    return {
        "by": summary.model,
        "note": _NOTE,
        "text": summary.text,
        "at": summary.at.isoformat(),
        "seconds": round(summary.seconds, 3),
        "usage": summary.usage.get("usage", {}),
        "cost": summary.usage.get("cost"),
    }


def summary_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write a summary for people, under a line that says whose it is."""
    yield f"summary by {one_line(data['by'])}, {_NOTE}:"
    yield f"  {clean(data['text'])[:LONG]}"
    usage = data["usage"]
    tokens = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
    cost = "" if data["cost"] is None else f", {Decimal(str(data['cost'])):f} USD"
    yield f"  ({data['at'][:16].replace('T', ' ')} UTC, {duration(data['seconds'])}, {counted(tokens, 'token')}{cost})"

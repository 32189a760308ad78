"""The manual's table of keys, made from the form, so that it says what the form says."""

from maos_flows.config.keys import keys
from maos_flows.config.waiting import NOT_THERE_YET


def table() -> str:
    """Write every key as a row of a table in Markdown."""
    waiting = {".".join(entry.path): entry.value for entry in NOT_THERE_YET}
    rows = ["| key | takes | default | what it does |", "|---|---|---|---|"]
    for key in keys():
        default = f"`{key.default}`" if key.default else ""
        later = f" *Not there yet: with `{waiting[key.name]}`, decisions are refused.*" if key.name in waiting else ""
        rows.append(f"| `{key.name}` | {key.kind} | {default} | {key.meaning}{later} |")
    return "\n".join(rows) + "\n"

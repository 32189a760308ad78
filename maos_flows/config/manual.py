"""The manual's table of keys, made from the form, so that it says what the form says."""

from maos_flows.config.keys import keys


def table() -> str:
    """Write every key as a row of a table in Markdown."""
    rows = ["| key | takes | default | what it does |", "|---|---|---|---|"]
    for key in keys():
        default = f"`{key.default}`" if key.default else ""
        rows.append(f"| `{key.name}` | {key.kind} | {default} | {key.meaning} |")
    return "\n".join(rows) + "\n"

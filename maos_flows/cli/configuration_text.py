"""The configuration and its changes, as text for people and as data for programs."""

import os

from maos_flows.audit.configuration import KeyChange
from maos_flows.cli.lookup import configured_store
from maos_flows.cli.output import Format, print_json
from maos_flows.cli.render import clean
from maos_flows.config import resolve
from maos_flows.config.keys import as_text
from maos_flows.config.showing import as_data, as_lines, effective
from maos_flows.records import to_plain


def print_values(output: Format) -> None:
    """Print every value that holds, as the file could say it."""
    configuration = resolve(os.environ)
    if output is Format.JSON:
        print_json(as_data(configuration))
    else:
        for line in as_lines(configuration):
            print(clean(line))


def print_origins(output: Format) -> None:
    """Print every value that holds with where it comes from, a line each."""
    configuration = resolve(os.environ)
    found = [
        {"key": ".".join(path), "value": as_text(value, path), "origin": configuration.origins.get(path, "default")}
        for path, value in effective(configuration)
    ]
    if output is Format.JSON:
        print_json(found)
        return
    widths = [max(len(row[name]) for row in found) for name in ("key", "value")]
    for row in found:
        print(clean(f"{row['key']:<{widths[0]}}  {row['value']:<{widths[1]}}  {row['origin']}"))


def print_history(limit: int, output: Format) -> None:
    """Print the changes that were recorded, the newest first."""
    changes = configured_store().configuration.newest(limit=limit)
    if output is Format.JSON:
        print_json([to_plain(change) for change in changes])
        return
    for change in changes:
        who = f" by {change.who}" if change.who else ""
        print(clean(f"{change.number:>4}  {change.at:%Y-%m-%d %H:%M:%S}  {change.action}{who}"))
        for key in change.keys:
            print(f"      {change_in_words(key)}")


def change_in_words(key: KeyChange) -> str:
    """Say what a key was and what it is."""
    before, after = (_shown(value) for value in (key.before, key.after))
    return clean(f"{key.key}: {before} -> {after}")


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)

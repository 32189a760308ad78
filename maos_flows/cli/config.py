"""`maos config`: how decisions are made, in one file with a history."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maos_flows.cli.output import Format, FormatOption, print_json, say

if TYPE_CHECKING:
    from maos_flows.cli.configuring import Changed

app = typer.Typer(help="How decisions are made: one file, checked as a whole, with a history.", no_args_is_help=True)
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="A key with dots: consensus.voting_timeout.")]


@app.command()
def merge(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A document in YAML; - reads standard input.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Lay a document over the configuration: sections are merged, values and lists take the place of others."""
    from maos_flows.cli.configuring import merge_file

    _print_changed(merge_file(file), format)


@app.command("set")
def set_(
    key: KeyArgument,
    value: Annotated[str, typer.Argument(help="The value, as YAML: 0.67, raft, [security, encryption].")],
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Set one key."""
    from maos_flows.cli.configuring import set_value

    _print_changed(set_value(key, value), format)


@app.command()
def unset(key: KeyArgument, format: FormatOption = Format.TEXT) -> None:  # noqa: A002 - the flag's name
    """Take a key or a section out, so that its default holds."""
    from maos_flows.cli.configuring import unset as take_out

    _print_changed(take_out(key), format)


@app.command()
def undo(format: FormatOption = Format.TEXT) -> None:  # noqa: A002 - the flag's name
    """Take back the newest change; again, the one before it."""
    from maos_flows.cli.configuring import undo as take_back

    _print_changed(take_back(), format)


@app.command()
def get(
    key: Annotated[str, typer.Argument(metavar="KEY", help="A key or a section; without one, everything.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Print what holds for a key: from the environment, the file, or by default."""
    import os

    from maos_flows.config import resolve
    from maos_flows.config.keys import parts_of
    from maos_flows.config.showing import as_data, as_lines

    path = parts_of(key) if key else ()
    configuration = resolve(os.environ)
    if format is Format.JSON:
        print_json(as_data(configuration, path))
    else:
        for line in as_lines(configuration, path):
            print(line)


@app.command()
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Print every value that holds."""
    from maos_flows.cli.configuration_text import print_origins, print_values

    if origin:
        print_origins(format)
    else:
        print_values(format)


@app.command()
def validate(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A document; without one, what holds.")] = None,
) -> None:
    """Check a document, or the configuration as it is; every problem is named with its place."""
    from maos_flows.cli.configuring import check_file

    print(f"{check_file(file)}: fine")


@app.command()
def path() -> None:
    """Print where the configuration's file is."""
    import os

    from maos_flows.config import settings_from

    print(settings_from(os.environ).config_file)


@app.command()
def history(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """List who changed what, newest first, as the audit store has it."""
    from maos_flows.cli.configuration_text import print_history

    print_history(limit, format)


def _print_changed(changed: "Changed", output: Format) -> None:
    for name in changed.hidden:
        say(f"note: {name} is set in the environment and goes before what was changed")
    if output is Format.JSON:
        print_json(changed.as_plain())
        return
    from maos_flows.cli.configuration_text import change_in_words

    for key in changed.keys:
        print(change_in_words(key))
    print(f"{changed.path}: {len(changed.keys)} changed" if changed.keys else f"{changed.path}: nothing to change")

"""`maos inbox`, `maos vote` and `maos key`: what waits for people, their answers, and the keys that prove them."""

from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli.ids import complete_id
from maos_flows.cli.output import Format, FormatOption, print_json

AsOption = Annotated[str, typer.Option("--as", metavar="AGENT", help="The person's id in the roster.")]


def inbox(
    agent: AsOption = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """List what waits for people to answer, the most urgent first."""
    from maos_flows.cli.inbox_text import lines_of, plain
    from maos_flows.cli.lookup import configured_store
    from maos_flows.people.inbox import inbox as waiting_in
    from maos_flows.voters.base import utc_now

    now = utc_now()
    waiting = waiting_in(configured_store(), now=now, by=agent)
    if format is Format.JSON:
        print_json([plain(item) for item in waiting])
        return
    lines = lines_of(waiting, now=now, is_of_one=bool(agent))
    for line in lines or ["nothing waits" + (f" for {agent}" if agent else "")]:
        print(line)


def vote(
    decision_id: Annotated[
        str, typer.Argument(metavar="ID", help="The decision's id.", autocompletion=complete_id)
    ] = "",
    *,
    agent: AsOption = "",
    choice: Annotated[
        str, typer.Option(help="The answer, as `maos inbox` lists it, or the text of a suggestion.")
    ] = "",
    reasoning: Annotated[str, typer.Option(help="Why.")] = "",
    confidence: Annotated[str, typer.Option(help="How sure, from 0 to 1.")] = "",
    veto: Annotated[bool, typer.Option("--veto", help="Use the right to veto; needs a reasoning.")] = False,
    on_behalf_of: Annotated[
        str, typer.Option("--for", metavar="AGENT", help="Whose deputy answers, if somebody's.")
    ] = "",
    key: Annotated[
        Path | None, typer.Option(help="A file with the person's private key (JWK); else the one kept here.")
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Answer as a person: suggest, cast a ballot, decide what was escalated, or confirm what was reached.

    Who has a public key in the roster answers signed. The first answer counts. Exit code 0 if the answer was taken.
    """
    from maos_flows.cli.inbox_text import answered_line
    from maos_flows.cli.voting import Vote, cast
    from maos_flows.records import to_plain

    asked = cast(decision_id, Vote(agent, choice, reasoning, confidence, veto, on_behalf_of), key_file=key)
    if format is Format.JSON:
        print_json({"decision_id": decision_id, **to_plain(asked.answer or asked.stood_in)})
    else:
        print(answered_line(asked))


def key(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The person's or agent's id.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Print an agent's public key, for `public_key` in the roster; the private one is made here if there is none."""
    from maos_flows.cli.voting import public_key_of

    public = public_key_of(agent)
    print_json({"agent": agent, "public_key": public}) if format is Format.JSON else print(public)

"""`maos agent`: put a voter behind a URL, with a key of its own, and print that key."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli.output import Format, FormatOption, print_json, say

app = typer.Typer(help="Serve an agent to other machines.", no_args_is_help=True)

IdOption = Annotated[str, typer.Option("--id", metavar="AGENT", help="The agent's id in the roster that names it.")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Its private key, made if there is none; else in the home.")
]


@app.command()
def serve(
    agent_id: IdOption,
    voter: Annotated[str, typer.Option(help="Who answers, as a roster says it: {kind: command, command: [vote.py]}.")],
    host: Annotated[str, typer.Option(help="The address to listen at; only this machine's needs no token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 for any that is free.")] = 0,
    key: KeyOption = None,
    token_env: Annotated[
        str, typer.Option(metavar="NAME", help="The variable with the token that requests must bear.")
    ] = "",
    timeout: Annotated[str, typer.Option(help="How long the voter may take: 30s, 5m.")] = "60s",
    concurrency: Annotated[int, typer.Option(min=1, help="How many questions are answered at once.")] = 8,
    max_body: Annotated[int, typer.Option(min=1, help="How many bytes a question may have.")] = 4 * 1024 * 1024,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Answer questions for one agent over HTTP, each round of a decision once, until it is ended.

    Prints where it answers, and its public key for the roster; then logs a line for each request to stderr.
    """
    from datetime import UTC, datetime

    from maos_flows.agent_server.serving import Address, Serving
    from maos_flows.agent_server.serving import serve as serve_agent

    def tell(address: Address) -> None:
        if format is Format.JSON:
            print_json({"agent": agent_id, "url": address.url, "public_key": address.public_key})
        else:
            print(f"{agent_id} answers at {address.url}\npublic_key: {address.public_key}")
        sys.stdout.flush()

    def log(line: str) -> None:
        say(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}")

    serving = Serving(agent_id, voter, host, port, key, token_env, _seconds(timeout), concurrency, max_body)
    serve_agent(serving, tell=tell, log=log)


@app.command("key")
def key_command(
    agent_id: IdOption,
    key: KeyOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Print the public key that an agent is served with; it is made if there is none."""
    from maos_flows.agent_server.serving import key_of

    found, path = key_of(agent_id, key)
    if format is Format.JSON:
        print_json({"agent": agent_id, "public_key": found.public, "key_file": str(path)})
    else:
        print(found.public)


def _seconds(text: str) -> float:
    from maos_flows.errors import ConfigurationError, Problem
    from maos_flows.text_types import read_seconds

    try:
        return read_seconds(text)
    except ValueError as error:
        raise ConfigurationError([Problem("--timeout", str(error))]) from error

"""`maos consensus verify`: check offline what proves a decision: its certificate, signed ballots, signed record."""

from typing import Annotated

import typer

from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json


def verify(
    decision_id: Annotated[str, typer.Argument(metavar="ID", help="The decision.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Check what proves a decision: signatures, quorum, proofs of misbehaviour, the count anew, and the signed record.

    Exit code 0 if it is proven, 1 if something is wrong, 2 if there is nothing to verify.
    """
    from maos_flows.cli.proving import prove

    proof = prove(decision_id)
    if format is Format.JSON:
        print_json(proof.as_plain())
    else:
        for line in proof.lines():
            print(line)
    if not proof.is_sound:
        raise typer.Exit(EXIT_NO_CONSENSUS)

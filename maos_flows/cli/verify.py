"""`maos consensus verify`: check a decision's certificate offline."""

from typing import Annotated

import typer

from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json


def verify(
    decision_id: Annotated[str, typer.Argument(metavar="ID", help="The decision.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Check a Byzantine decision: signatures, quorum, proofs of misbehaviour, and the count anew.

    Exit code 0 if it is proven, 1 if something is wrong, 2 if there is nothing to verify.
    """
    from dataclasses import asdict

    from maos_flows.agreement.verification import verify_decision
    from maos_flows.cli.loading import known_policies
    from maos_flows.cli.lookup import configured_store
    from maos_flows.errors import NotFoundError

    decision = configured_store().decision(decision_id)
    if decision is None:
        raise NotFoundError(f"there is no closed decision {decision_id[:80]!r}")
    verified = verify_decision(decision, known_policies().find(decision.opening.algorithm))
    if format is Format.JSON:
        print_json({"decision_id": decision_id, "sound": verified.is_sound, **asdict(verified)})
    else:
        for line in verified.lines():
            print(line)
    if not verified.is_sound:
        raise typer.Exit(EXIT_NO_CONSENSUS)

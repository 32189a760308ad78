"""`maos consensus isolate-byzantine`, `release`, `isolated`: agents kept out of electorates for proof against them."""

from typing import Annotated, Any

import typer

from maos_flows.cli.output import Format, FormatOption, print_json


def isolate_byzantine(
    task: Annotated[str, typer.Option("--task", metavar="ID", help="The closed decision that proves it.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Keep the agents that a decision proves to be faulty out of later electorates, until they are released."""
    import getpass
    from datetime import UTC, datetime

    from maos_flows.cli.lookup import configured_store, not_found

    store = configured_store()
    if store.opening(task) is None:
        raise not_found(store, task)
    isolated = store.isolations.isolate(task, by=getpass.getuser(), now=datetime.now(UTC))
    if format is Format.JSON:
        print_json({"task_id": task, "isolated": [_as_plain(one) for one in isolated]})
        return
    for one in isolated:
        print(f"{one.agent_id} is isolated, for proof of {_kinds(one)} in {one.decision_id}")
    if isolated:
        print("it is in no electorate that opens from now on; `maos consensus release AGENT` takes it back")
    else:
        print(f"{task} proves nobody faulty; suspicion isolates nobody")


def release(
    agent: Annotated[str, typer.Argument(help="The agent's id.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Let an isolated agent be in electorates again."""
    import getpass
    from datetime import UTC, datetime

    from maos_flows.cli.lookup import configured_store

    released = configured_store().isolations.release(agent, by=getpass.getuser(), now=datetime.now(UTC))
    if format is Format.JSON:
        print_json(_as_plain(released))
    else:
        print(f"{released.agent_id} may be in electorates again")


def isolated(format: FormatOption = Format.TEXT) -> None:  # noqa: A002 - the flag's name
    """List the agents that are kept out of electorates."""
    from maos_flows.cli.lookup import configured_store

    found = configured_store().isolations.standing()
    if format is Format.JSON:
        print_json([_as_plain(one) for one in found])
        return
    for one in found:
        print(f"{one.agent_id}: {_kinds(one)} in {one.decision_id}, since {one.at:%Y-%m-%d %H:%M:%S} UTC, by {one.by}")
    if not found:
        print("no agent is isolated")


def _kinds(one: Any) -> str:
    return ", ".join(kind.replace("_", " ") for kind in one.kinds)


def _as_plain(one: Any) -> dict[str, Any]:
    from maos_flows.records import to_plain

    plain: dict[str, Any] = to_plain(one)
    return plain

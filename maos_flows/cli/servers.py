"""Which Prefect server a command in the foreground works with."""

import os
from typing import Any

from maos_flows.cli.output import say
from maos_flows.flows.stack.settings import TEMPORARY, sqlite_url


def prepare_prefect() -> None:
    """Say which Prefect server there is; must come before Prefect is imported.

    Where none is configured it is the stack's, if that runs, else a temporary one, with what it needs.
    """
    from maos_flows.flows.api import configured_address
    from maos_flows.flows.stack.local import answering_address

    if configured_address(os.environ) is None and (address := answering_address(os.environ)) is not None:
        say(f"on the Prefect server of the stack, {address.page('')}")
        os.environ.update(address.environment)
    for name, value in TEMPORARY.items():
        os.environ.setdefault(name, value)


def begin_server() -> None:
    """Say that a temporary server is about to be started, if it is, and have it keep to one connection.

    Comes after Prefect's import: only Prefect knows all places where a database can be named.
    """
    from prefect.settings import get_current_settings

    if has_server():
        return
    say("starting a temporary Prefect server (about 20 seconds the first time); PREFECT_API_URL names a lasting one")
    settings = get_current_settings()
    if "connection_url" not in settings.server.database.model_fields_set:
        os.environ["PREFECT_API_DATABASE_CONNECTION_URL"] = sqlite_url(settings.home / "prefect.db")


def has_server() -> bool:
    """Say whether a lasting server is configured."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url is not None


def print_watch_address(state: Any) -> None:
    """Say where in the Prefect UI a run is looked at."""
    from prefect.settings import PREFECT_UI_URL

    address = PREFECT_UI_URL.value()
    if has_server() and address and state.state_details.flow_run_id:
        say(f"in the Prefect UI: {address}/runs/flow-run/{state.state_details.flow_run_id}")

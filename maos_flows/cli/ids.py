"""Ids on the command line: what they name, and what the shell completes them to."""

import os
from pathlib import Path
from typing import Annotated

import typer

_MOST = 50


def complete_id(incomplete: str) -> list[tuple[str, str]]:
    """Give the newest decisions and runs whose ids begin so, with what they are; none if the store cannot be read."""
    from maos_flows.audit.store import AuditStore
    from maos_flows.cli.watching.words import one_line
    from maos_flows.config import settings_from
    from maos_flows.errors import MaosError

    try:
        url = settings_from(os.environ).database_url
        if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
            return []  # looking for names must not make a store
        with AuditStore.open(url) as store:
            decisions = store.decisions(limit=_MOST)
            known = [(found.decision_id, found.title or found.question) for found in decisions]
            known += [(run.run_id, run.workflow) for run in store.runs(limit=_MOST)]
            known += [(submitted.id, submitted.title) for submitted in store.submissions(limit=_MOST, open_only=True)]
    except MaosError:
        return []
    return [(name, one_line(words, 40)) for name, words in dict(known).items() if name.startswith(incomplete)]


IdArgument = Annotated[
    str,
    typer.Argument(metavar="ID", help="A decision's or a workflow run's id.", autocompletion=complete_id),
]

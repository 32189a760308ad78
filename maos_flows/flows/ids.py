"""Ids that follow from a flow run's: the same when Prefect, or another worker, runs it again."""

from uuid import UUID


def run_id_of(flow_run_id: UUID | str | None) -> str:
    """Give the id of the workflow run a flow run is.

    Of the end of Prefect's id: those of scheduled runs begin with the time, and many are made in one moment.
    """
    return str(flow_run_id).replace("-", "")[-12:]


def decision_id_of(flow_run_id: UUID | str | None) -> str:
    """Give the id of the decision a flow run makes."""
    return f"d-{run_id_of(flow_run_id)}"

"""A flow that does nothing: what a worker is looked at and measured with."""

from prefect import flow


@flow(name="maos-nothing", persist_result=False)
async def nothing() -> None:
    """Do nothing, in whatever process the worker runs it."""

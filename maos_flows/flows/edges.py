"""Edges of a run's graph: exactly those we mean.

Prefect draws an edge wherever an object inside one task's result is found inside an argument of another, so two stages
that speak of the same choice would seem to depend on each other. Here values go in untracked, results come out sealed,
and edges are passed as states or, within a process, as results still sealed: those need no looking up.
"""

from collections.abc import Awaitable
from typing import Any, Generic, TypeVar, cast

from prefect.client.schemas.objects import State
from prefect.utilities.annotations import quote

Value = TypeVar("Value")


class Sealed(Generic[Value]):
    """A task's result, closed to Prefect's search for what came from where."""

    def __init__(self, value: Value) -> None:
        self.value = value


def untracked(value: Value) -> Value:
    """Pass a value to a task without Prefect searching it; the task gets the value itself."""
    return cast("Value", quote(value))


async def state_of(calling: object) -> State[Any]:
    """Await a task or flow called with `return_state=True`; Prefect's types do not say that it is awaitable."""
    return await cast("Awaitable[State[Any]]", calling)


async def sealed_result(state: State[Any]) -> Sealed[Any]:
    """Give a state's result as it is, for an edge from its task; raises what its task raised."""
    result = await state.aresult()
    assert isinstance(result, Sealed)
    return result


async def unsealed(state: State[Any]) -> Any:
    """Give what is sealed in a state; raises what its task raised."""
    return (await sealed_result(state)).value

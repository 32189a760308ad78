"""The graph of stages: names that are taken, stages that are not there, cycles."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from maos_flows.forms import nearest

Found = Iterator[tuple[tuple[int | str, ...], str]]
"""What is wrong: where it stands in the document, and in words."""


def graph_problems(names: Sequence[str | None], depends_on: Sequence[Sequence[str]]) -> Found:
    """Find everything that keeps stages from being put in order.

    Args:
        names: The stages' names in the document's order; None for one that could not be read.
        depends_on: The names each waits for, in the same order.
    """
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is None:
            continue
        if name in places:
            yield ("stages", index, "stage"), f"{name!r} is the name of stages[{places[name]}] already"
        places.setdefault(name, index)
    for index, wanted in enumerate(depends_on):
        for number, name in enumerate(wanted):
            if name not in places:
                yield ("stages", index, "depends_on", number), f"there is no stage {name!r}{nearest(name, places)}"
    yield from _cycles(places, depends_on)


def _cycles(places: Mapping[str, int], depends_on: Sequence[Sequence[str]]) -> Found:
    """Name the cycles, one after the other; a stage is named in one of them only."""
    waits = {name: [wanted for wanted in depends_on[index] if wanted in places] for name, index in places.items()}
    while waits:
        try:
            TopologicalSorter(waits).prepare()
        except CycleError as error:
            cycle: list[str] = list(reversed(error.args[1]))
        else:
            return
        first = min(range(len(cycle) - 1), key=lambda place: places[cycle[place]])
        ring = [*cycle[first:-1], *cycle[:first]]
        yield ("stages", places[ring[0]], "depends_on"), f"a cycle: {' waits for '.join([*ring, ring[0]])}"
        waits = {
            name: [wanted for wanted in wanted_by if wanted not in ring]
            for name, wanted_by in waits.items()
            if name not in ring
        }

"""Questions without choices: what a stage may say of them, and what would be said in vain."""

from collections.abc import Iterator

from maos_flows.questions import choices_in, choices_listed
from maos_flows.request import DecisionRequest
from maos_flows.scrutiny import tidy

Where = tuple[int | str, ...]


def choices_of(question: str, given: tuple[str, ...] | None, *, are_open: bool) -> tuple[str, ...]:
    """Give a stage's choices: those given, else those its question lists, else the default; none if agents suggest."""
    if are_open:
        return ()
    return tuple(map(tidy, choices_in(question) if given is None else given))


def contradictions(
    request: DecisionRequest, *, given: tuple[str, ...] | None, max_choices: int | None
) -> Iterator[tuple[Where, str]]:
    """Find what contradicts that agents suggest the choices, or needs that they do.

    Args:
        request: What is requested by now.
        given: The choices that were given all the same.
        max_choices: How many suggestions may become choices, if that was said.
    """
    if not request.open_choices:
        if max_choices is not None:
            yield ("max_choices",), "without open_choices: true it would have no effect"
        return
    listed = choices_listed(request.question)
    if given is not None:
        yield ("open_choices",), f"agents suggest the choices, and they are given: {', '.join(given)}; leave out one"
    elif listed:
        words = f"agents suggest the choices, and the question lists them: {', '.join(listed)}"
        yield ("open_choices",), f"{words}; leave it out, or ask without them"
    if request.encrypted:
        yield ("open_choices",), "consensus.security.vote_encryption: suggestions, which hint at ballots, are readable"

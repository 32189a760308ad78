"""Is a policy a function of its ballots? Asked about examples, twice, in other orders, under two hash seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

from maos_flows.model import Opening, Outcome, Reason, Ruling
from maos_flows.plugins.sandbox import LIMITS, Code, Limits, SandboxError, ask
from maos_flows.plugins.sandboxed import SandboxedPolicy, ruling_of
from maos_flows.policies.base import as_dicts
from maos_flows.scrutiny import scrutinise
from maos_flows.tally import count
from maos_flows.testing import Example, examples

EXAMPLES = 60
"""How many examples a policy is asked about, each three times in each of two processes."""

_SEEDS = (1, 2)
_NEARLY = 1e-9
_FAILED = "it fails on every example: "


@dataclass(frozen=True, slots=True)
class Description:
    """What a policy says of itself when it is loaded, and the fences that stood then."""

    name: str
    tolerates: str
    description: str
    parameters: Mapping[str, Any]
    is_monotone: bool
    fences: tuple[str, ...]


def examine(code: Code, *, limits: Limits = LIMITS) -> tuple[Description, str]:
    """Load a policy, and look for an example on which its answer depends on more than the ballots.

    Returns:
        What it says of itself, and what is wrong with it: nothing, or in words with the example that shows it.

    Raises:
        SandboxError: It cannot be loaded, or does not end.
    """
    asked = list(_decided())
    cases = [case for example in asked for case in _cases(example)]
    replies = [ask(code, cases, parameters={}, limits=limits, hash_seed=seed) for seed in _SEEDS]
    for reply in replies:
        if "refused" in reply:
            raise SandboxError(reply["refused"])
    first, second = (reply["answers"] for reply in replies)
    told = replies[0]["policy"]
    about = Description(
        name=told["name"],
        tolerates=told["tolerates"],
        description=told["description"],
        parameters=told["parameters"],
        is_monotone=told.get("is_monotone") is True,
        fences=tuple(map(str, replies[0].get("fences", ()))),
    )
    return about, _problem(asked, first, second)


def _decided() -> Iterator[Example]:
    """Give examples in which something was cast, so that a policy is asked at all."""
    stand_in = SandboxedPolicy("examples", Code(), digest="")
    found = (
        (opening, scrutinise(ballots, opening).counted) for opening, ballots in examples(stand_in, number=2 * EXAMPLES)
    )
    return islice((example for example in found if any(_tally(example).units.values())), EXAMPLES)


def _tally(example: Example) -> Any:
    opening, ballots = example
    return count(ballots, opening.proposal, opening.electorate)


def _cases(example: Example) -> Iterator[dict[str, Any]]:
    """Give an example as it would be asked, as it is in another order, and once more."""
    opening, ballots = example
    shuffled = list(ballots)
    Random(opening.proposal.decision_id).shuffle(shuffled)  # noqa: S311 - the same each time
    for ordered in (ballots, shuffled, ballots):
        proposal, votes = as_dicts(opening, ordered)
        yield {"proposal": proposal, "votes": votes}


def _problem(asked: Sequence[Example], first: Sequence[Any], second: Sequence[Any]) -> str:
    failures = []
    for place, example in enumerate(asked):
        tally = _tally(example)
        one, shuffled, again = (ruling_of(answer, tally) for answer in first[3 * place : 3 * place + 3])
        other = ruling_of(second[3 * place], tally)
        found = (
            _differ("it answers differently when the same votes come in another order", one, shuffled, example)
            or _differ("it answers differently when it is asked the same again", one, again, example)
            or _differ("it answers differently under another hash seed", one, other, example)
        )
        if found:
            return found
        if one.reason is Reason.POLICY_ERROR:
            failures.append(one.explanation)
    return f"{_FAILED}{failures[0]}" if len(failures) == len(asked) else ""


def _differ(how: str, one: Ruling, other: Ruling, example: Example) -> str:
    if _is_same(one, other):
        return ""
    return f"{how}: {_in_words(one)} or {_in_words(other)}, on {_shown(example)}"


def _is_same(one: Ruling, other: Ruling) -> bool:
    if one.outcome is Outcome.ERROR and other.outcome is Outcome.ERROR:
        return True
    is_near = abs(one.strength - other.strength) <= _NEARLY
    return (one.outcome, one.choice) == (other.outcome, other.choice) and is_near


def _in_words(ruling: Ruling) -> str:
    if ruling.outcome is Outcome.ERROR:
        return ruling.explanation[:100]
    what = ruling.choice if ruling.outcome is Outcome.REACHED else "no consensus"
    return f"{what} with strength {float(ruling.strength):.3g}"


def _shown(example: tuple[Opening, Sequence[Any]]) -> str:
    _, ballots = example
    return ", ".join(f"{ballot.agent_id}: {ballot.choice}" for ballot in ballots)

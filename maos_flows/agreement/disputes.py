"""Disputes: what agents' claims say against each other. Suspicion, never proof: it costs nobody its ballot.

Two rules. An agent that names others in its ballot's attribute `disputes` (agent id to reason) disputes them. And
evidence of the form `what: value` or `what = value` that more than half of those who cite `what` contradict is
disputed by them. Being in the minority, answering fast or answering alike is never held against anybody.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from maos_flows.model import Ballot, Fault
from maos_flows.scrutiny import fold

_LONGEST = 200


def disputes(ballots: Sequence[Ballot]) -> tuple[Fault, ...]:
    """Find what is disputed; the first piece of a suspicion's evidence says by whom."""
    found: dict[tuple[str, str], Fault] = {}
    for fault in (*_named(ballots), *_contradicted(ballots)):
        found.setdefault((fault.agent_id, fault.kind), fault)
    return tuple(found[place] for place in sorted(found))


def _named(ballots: Sequence[Ballot]) -> Iterator[Fault]:
    known = {ballot.agent_id for ballot in ballots}
    for ballot in ballots:
        said = ballot.attributes.get("disputes")
        if not isinstance(said, Mapping):
            continue
        for agent, why in said.items():
            if agent in known and agent != ballot.agent_id:
                yield Fault(str(agent), "disputed", is_proof=False, evidence=(ballot.agent_id, str(why)[:_LONGEST]))


def _contradicted(ballots: Sequence[Ballot]) -> Iterator[Fault]:
    cited: dict[str, dict[str, str]] = {}
    for ballot in ballots:
        for item in ballot.evidence:
            what, value = _claim(item)
            if what:
                cited.setdefault(what, {})[ballot.agent_id] = value
    for what, values in sorted(cited.items()):
        value, agents = Counter(values.values()).most_common(1)[0]
        if 2 * agents <= len(values):
            continue
        by = min(agent for agent, said in values.items() if said == value)
        for agent, said in sorted(values.items()):
            if said != value:
                words = f"{what[:_LONGEST]}: {said[:_LONGEST]}, where {agents} say {value[:_LONGEST]}"
                yield Fault(agent, "contradicted_claim", is_proof=False, evidence=(by, words))


def _claim(item: str) -> tuple[str, str]:
    """Read a piece of evidence as a claim about something; nothing if it is an address, or only text."""
    for mark in (":", "="):
        what, found, value = item.partition(mark)
        if found and what.strip() and value.strip() and not value.startswith("//"):
            return fold(what), fold(value)
    return "", ""

"""Behaviour of a decision's agents: in it, and over the newest decisions on record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maos_flows.audit.conduct import Conduct
from maos_flows.cli.lookup import Found
from maos_flows.cli.watching.participation import participation
from maos_flows.cli.watching.roles import misbehaviour
from maos_flows.cli.watching.words import counted, duration, one_line, spoken
from maos_flows.model import ABSTAIN, Ballot, Opening
from maos_flows.records import to_plain

_COUNTED = (("absences", ""), ("rejected", "not counted: "), ("proven", "proven: "), ("suspected", "suspected: "))


def behaviour(found: Found, opening: Opening, conducts: Sequence[Conduct]) -> dict[str, Any]:
    """Say of each agent what it did here, and what is on record of it; to have stood alone is told, and no fault."""
    seats = {seat["agent_id"]: seat for seat in participation(found, opening)["agents"]}
    known = misbehaviour(found, opening)
    given = {ballot.agent_id: ballot for ballot in found.ballots}
    return {
        "agents": [
            {
                "agent_id": conduct.agent_id,
                "here": {
                    **{key: seats[conduct.agent_id][key] for key in ("answer", "seconds", "why")},
                    "in_minority": _is_in_minority(given.get(conduct.agent_id), found),
                    "rejected_ballots": sum(entry.ballot.agent_id == conduct.agent_id for entry in found.rejected),
                    "proven": [fault["kind"] for fault in known["proven"] if fault["agent_id"] == conduct.agent_id],
                    "suspected": [one["kind"] for one in known["suspected"] if one["agent_id"] == conduct.agent_id],
                },
                "on_record": {key: value for key, value in to_plain(conduct).items() if key != "agent_id"},
            }
            for conduct in conducts
        ],
        "remark": known["remark"],
    }


def _is_in_minority(ballot: Ballot | None, found: Found) -> bool | None:
    """Say whether a ballot was for another choice than the one decided; None where there is nothing to compare."""
    decided = None if found.decision is None else found.decision.choice
    if ballot is None or decided is None or ballot.choice == ABSTAIN:
        return None
    return ballot.choice != decided


def behaviour_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write behaviour for people."""
    yield "Agents: what each did here; over the newest decisions on record"
    for agent in data["agents"]:
        yield f"  {one_line(agent['agent_id'])}: {'; '.join(_here(agent['here']))}"
        yield f"    {'; '.join(_on_record(agent['on_record']))}"
    yield "  To have been in the minority is no fault."
    if data["remark"]:
        yield f"  {one_line(data['remark'])}"


def _here(here: Mapping[str, Any]) -> Iterator[str]:
    took = "" if here["seconds"] is None else f" after {duration(here['seconds'])}"
    yield f"{'answered' if here['answer'] == 'ballot' else spoken(here['answer'])}{took}"
    if here["in_minority"]:
        yield "in the minority"
    if here["rejected_ballots"]:
        yield f"{counted(here['rejected_ballots'], 'ballot')} not counted"
    for word in ("proven", "suspected"):
        if here[word]:
            yield f"{word}: {one_line(', '.join(map(spoken, here[word])))}"


def _on_record(record: Mapping[str, Any]) -> Iterator[str]:
    cast = f"{counted(record['decisions'], 'decision')}, {counted(record['ballots'], 'ballot')}"
    yield f"{cast}, median {duration(record['median_seconds'])}"
    yield f"in the minority in {record['minority']} of {record['stood']}"
    for word, name in (
        ("", "absences"),
        ("not counted, ", "rejected"),
        ("proven, ", "proven"),
        ("suspected, ", "suspected"),
    ):
        if record[name]:
            yield f"{word}{one_line(', '.join(f'{spoken(kind)} {number}' for kind, number in record[name].items()))}"

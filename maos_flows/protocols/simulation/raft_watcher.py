"""Tell what simulated Raft replicas do: lines for a reader and, one mapping a state change, for outside checkers."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from maos_flows.protocols.raft import Replica
from maos_flows.protocols.raft_log import Write
from maos_flows.protocols.raft_messages import Entry, Message
from maos_flows.protocols.simulation.driver import Simulation
from maos_flows.protocols.step import Envelope

Line = Mapping[str, object]


def summary(agent: str, replica: Replica | None) -> str:
    """Say in a few words in what state a replica is; None is one that is down."""
    if replica is None:
        return f"{agent} down"
    log = replica.log
    return f"{agent} {replica.role} t{replica.term} v{replica.vote} {log.last_term}@{log.last_index} c{replica.commit}"


class RaftWatcher:
    """Serves the run's observer and its trace, if it has them. The trace's form is in docs/protocol-trace.md."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._last: dict[str, str] = {}

    def looked(self, agent: str, replica: Replica | None) -> None:
        """Note a replica's state after an event, if it is another than before."""
        if self._simulation.settings.observe is None and self._simulation.settings.trace is None:
            return
        state = summary(agent, replica)
        if self._last.get(agent) == state:
            return
        self._last[agent] = state
        self._simulation.note(f"  {state}")
        self._trace("state", agent, replica, {})

    def message(self, kind: str, replica: Replica, envelope: Envelope[Message]) -> None:
        """Trace a message: `send` after its write, `receive` after the replica took it in."""
        if self._simulation.settings.trace is not None:
            more = {"from": envelope.sender, "to": envelope.recipient, "message": _plain_message(envelope.message)}
            self._trace(kind, replica.config.agent, replica, more)

    def write(self, agent: str, replica: Replica, write: Write) -> None:
        """Trace a write that has reached the disk."""
        if self._simulation.settings.trace is not None:
            entries = [_plain(entry) for entry in write.entries]
            more = {"written_term": write.term, "written_vote": write.vote, "first_index": write.first_index}
            self._trace("write", agent, replica, {**more, "entries": entries})

    def apply(self, agent: str, replica: Replica, index: int, entry: Entry) -> None:
        """Trace an entry handed out as committed."""
        if self._simulation.settings.trace is not None:
            self._trace("apply", agent, replica, {"index": index, "entry": _plain(entry)})

    def _trace(self, kind: str, agent: str, replica: Replica | None, more: Line) -> None:
        trace = self._simulation.settings.trace
        if trace is not None:
            place = {"time": self._simulation.clock.now, "kind": kind, "replica": agent}
            trace({**place, **_plain_state(replica), **more})


def _plain_state(replica: Replica | None) -> Line:
    if replica is None:
        return {"role": "down"}
    terms = [entry.term for entry in replica.log.entries]
    return {
        "role": replica.role.value,
        "term": replica.term,
        "vote": replica.vote,
        "log_length": len(terms),
        "log_terms": terms,
        "commit": replica.commit,
        "applied": replica.applied,
    }


def _plain_message(message: Message) -> Line:
    plain = {item.name: _plain(getattr(message, item.name)) for item in fields(message)}
    return {"type": type(message).__name__, **plain}


def _plain(value: Any) -> object:
    match value:
        case Entry():
            return {"term": value.term, "key": value.key}
        case tuple():
            return [_plain(item) for item in value]
        case bool() | int() | str() | None:
            return value
        case _:
            return str(value)

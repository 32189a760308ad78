"""Tell what simulated Byzantine replicas do: lines for a reader, and one mapping a state change for checkers."""

import json
from collections.abc import Mapping

from maos_flows.protocols.byzantine.messages import MESSAGES
from maos_flows.protocols.byzantine.replica import Replica
from maos_flows.protocols.byzantine.state import Durable
from maos_flows.protocols.byzantine.wire import encode
from maos_flows.protocols.simulation.byzantine_liars import Liar
from maos_flows.protocols.simulation.driver import Simulation
from maos_flows.protocols.step import Envelope

Line = Mapping[str, object]


def summary(address: str, replica: Replica | Liar | None) -> str:
    """Say in a few words in what state a replica is; None is one that is down."""
    if not isinstance(replica, Replica):
        return f"{address} {'down' if replica is None else 'lies'}"
    prepared, decided = replica.prepared, replica.decided
    shown = f"p{prepared.view}:{prepared.value.digest[:6]}" if prepared is not None else "p0"
    end = f" d{decided.view}:{decided.value.digest[:6]}" if decided is not None else ""
    return f"{address} v{replica.view} {shown} b{len(replica.ballots)} e{len(replica.evidence)}{end}"


class ByzantineWatcher:
    """Serves the run's observer and its trace, if it has them. The trace's form is in docs/byzantine-agreement.md."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._last: dict[str, str] = {}

    def looked(self, address: str, replica: Replica | Liar | None) -> None:
        """Note a replica's state after an event, if it is another than before."""
        if self._simulation.settings.observe is None and self._simulation.settings.trace is None:
            return
        state = summary(address, replica)
        if self._last.get(address) == state:
            return
        self._last[address] = state
        self._simulation.note(f"  {state}")
        self._trace("state", address, replica, {})

    def message(self, kind: str, address: str, replica: Replica | Liar, envelope: Envelope[object]) -> None:
        """Trace a message: `send` after its write, `receive` after the replica took it in."""
        if self._simulation.settings.trace is not None:
            message = envelope.message
            plain = json.loads(encode(message)) if isinstance(message, MESSAGES) else {"type": "rubbish"}
            more = {"from": envelope.sender, "to": envelope.recipient, "message": plain}
            self._trace(kind, address, replica, more)

    def write(self, address: str, replica: Replica | Liar, durable: Durable) -> None:
        """Trace a write that has reached the disk."""
        prepared = durable.prepared.view if durable.prepared is not None else 0
        self._trace("write", address, replica, {"written_view": durable.view, "written_prepared_view": prepared})

    def found(self, address: str, replica: Replica | Liar, reason: str, peer: str) -> None:
        """Note a fault that was found."""
        self._simulation.note(f"  {address} finds {reason} of {peer}")
        self._trace("fault", address, replica, {"reason": reason, "peer": peer})

    def _trace(self, kind: str, address: str, replica: Replica | Liar | None, more: Line) -> None:
        trace = self._simulation.settings.trace
        if trace is not None:
            place = {"time": self._simulation.clock.now, "kind": kind, "replica": address}
            trace({**place, **_plain_state(replica), **more})


def _plain_state(replica: Replica | Liar | None) -> Line:
    if not isinstance(replica, Replica):
        return {"role": "down" if replica is None else "liar"}
    prepared, decided, durable = replica.prepared, replica.decided, replica.durable
    return {
        "role": "replica",
        "view": replica.view,
        "ballots": len(replica.ballots),
        "voted_view": durable.prepare.view if durable.prepare is not None else 0,
        "committed_view": durable.commit.view if durable.commit is not None else 0,
        "prepared_view": prepared.view if prepared is not None else 0,
        "prepared_value": prepared.value.digest if prepared is not None else None,
        "decided_view": decided.view if decided is not None else 0,
        "decided_value": decided.value.digest if decided is not None else None,
        "evidence": [[one.misdeed.value, one.agent] for one in replica.evidence],
    }

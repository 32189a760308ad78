"""What can happen in a simulated run: one frozen value a kind."""

from dataclasses import dataclass
from typing import Any

from maos_flows.protocols.simulation.faults import Disturbance
from maos_flows.protocols.step import Envelope


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message reaches an address."""

    source: str
    target: str
    envelope: Envelope[Any]


@dataclass(frozen=True, slots=True)
class Tick:
    """One replica's clock ticks; `life` is the incarnation it belongs to."""

    address: str
    life: int


@dataclass(frozen=True, slots=True)
class Written:
    """A replica's oldest pending write has reached the disk."""

    address: str
    life: int


@dataclass(frozen=True, slots=True)
class Restart:
    """A crashed replica comes back with what was on its disk."""

    address: str
    life: int


@dataclass(frozen=True, slots=True)
class Disturb:
    """Something goes wrong; without a disturbance of the script the plan's weights draw one."""

    disturbance: Disturbance | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """The world itself does something, such as a client's request; `action` is the world's own value."""

    action: Any


Event = Deliver | Tick | Written | Restart | Disturb | Act

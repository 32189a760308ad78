"""Consensus among agents, as tasks and flows on Prefect 3.

Importing this package imports nothing heavy: each public name is loaded from its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maos_flows.blocks import MaosAuditStore as MaosAuditStore
    from maos_flows.errors import ConfigurationError as ConfigurationError
    from maos_flows.errors import MaosError as MaosError
    from maos_flows.flows.compiler import compile_workflow as compile_workflow
    from maos_flows.flows.decide import decide as decide
    from maos_flows.flows.entrypoint import run_workflow as run_workflow
    from maos_flows.flows.tasks import adaptive as adaptive
    from maos_flows.flows.tasks import byzantine_tolerant as byzantine_tolerant
    from maos_flows.flows.tasks import collect_ballot as collect_ballot
    from maos_flows.flows.tasks import collect_ballots as collect_ballots
    from maos_flows.flows.tasks import propose as propose
    from maos_flows.flows.tasks import raft as raft
    from maos_flows.flows.tasks import simple_majority as simple_majority
    from maos_flows.flows.tasks import supermajority as supermajority
    from maos_flows.flows.tasks import weighted_voting as weighted_voting
    from maos_flows.model import Agent as Agent
    from maos_flows.model import Ballot as Ballot
    from maos_flows.model import Decision as Decision
    from maos_flows.model import Outcome as Outcome
    from maos_flows.model import Proposal as Proposal
    from maos_flows.model import Roster as Roster
    from maos_flows.policies.base import ConsensusPolicy as ConsensusPolicy
    from maos_flows.request import DecisionRequest as DecisionRequest
    from maos_flows.roster import load_roster as load_roster
    from maos_flows.workflow import load_workflow as load_workflow
    from maos_flows.workflow import load_workflow_file as load_workflow_file

_HOMES = {
    "maos_flows.blocks": ("MaosAuditStore",),
    "maos_flows.errors": ("ConfigurationError", "MaosError"),
    "maos_flows.flows.compiler": ("compile_workflow",),
    "maos_flows.flows.decide": ("decide",),
    "maos_flows.flows.entrypoint": ("run_workflow",),
    "maos_flows.flows.tasks": (
        "adaptive",
        "byzantine_tolerant",
        "collect_ballot",
        "collect_ballots",
        "propose",
        "raft",
        "simple_majority",
        "supermajority",
        "weighted_voting",
    ),
    "maos_flows.model": ("Agent", "Ballot", "Decision", "Outcome", "Proposal", "Roster"),
    "maos_flows.policies.base": ("ConsensusPolicy",),
    "maos_flows.request": ("DecisionRequest",),
    "maos_flows.roster": ("load_roster",),
    "maos_flows.workflow": ("load_workflow", "load_workflow_file"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, so that completion and Prefect's registration of blocks find them."""
    return sorted({*globals(), *_HOME_OF})

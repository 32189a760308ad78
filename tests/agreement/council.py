"""Decisions to be agreed on: agents, keys, openings and ballots for tests of agreement."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from maos_flows.agreement.binding import Binding, bind
from maos_flows.agreement.deciding import Collected, agree_now
from maos_flows.agreement.faults import NO_FAULTS, FaultSource
from maos_flows.agreement.telling import Happening
from maos_flows.keys import KeyFolder
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot, Decision, Opening, Parameters, Proposal
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.byzantine import ByzantineTolerant
from maos_flows.policies.deciding import freeze
from maos_flows.policies.raft import Raft

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BYZANTINE, RAFT = ByzantineTolerant(), Raft()


@cache
def keys() -> KeyFolder:
    """Give keys that all tests of a process share: making them is the slow part, and who has which does not matter."""
    return KeyFolder(Path(mkdtemp(prefix="maos-test-keys-")))


def names(size: int) -> tuple[str, ...]:
    return tuple(f"a{place:02}" for place in range(size))


def opening_of(
    agents: int | Sequence[Agent],
    policy: ConsensusPolicy = BYZANTINE,
    *,
    share: Fraction | None = None,
    nonce: str = "0" * 32,
    round_number: int = 1,
    **parameters: Any,
) -> Opening:
    listed = [Agent(name) for name in names(agents)] if isinstance(agents, int) else list(agents)
    proposal = Proposal("d-1", "Ship it?", ("x", "y"), round=round_number)
    settings = policy.settings(parameters.pop("settings", {}))
    frozen = freeze(
        policy,
        proposal,
        listed,
        Parameters(policy.threshold(share), settings=settings, **parameters),
        opened_at=NOW,
    )
    return bind(frozen, keys(), nonce=nonce) if policy is BYZANTINE else frozen


def ballot(opening: Opening, agent: str, choice: str, **said: Any) -> Ballot:
    """Give an agent's ballot, signed where the opening wants that."""
    cast = Ballot("d-1", agent, choice, round=opening.proposal.round, **said)
    return Binding(opening).sign_ballot(cast, keys()) if opening.proposal.nonce else cast


def collected(
    opening: Opening, choices: Mapping[str, str | None], *, twice: Mapping[str, str] | None = None
) -> Collected:
    """Give what was collected: a choice an agent, None for silence; `twice` are the second ballots of equivocators."""
    return Collected(
        tuple(ballot(opening, agent, choice) for agent, choice in choices.items() if choice is not None),
        tuple(
            Absence("d-1", agent, AbsenceKind.TIMED_OUT, round=opening.proposal.round)
            for agent, choice in choices.items()
            if choice is None
        ),
        tuple(ballot(opening, agent, choice) for agent, choice in (twice or {}).items()),
    )


def decided(
    opening: Opening,
    what: Collected,
    *,
    policy: ConsensusPolicy = BYZANTINE,
    faults: FaultSource = NO_FAULTS,
    happened: list[Happening] | None = None,
) -> Decision:
    told = [] if happened is None else happened
    return agree_now(policy, opening, what, keys=keys(), faults=faults, on_event=told.extend)


def proven(decision: Decision) -> set[str]:
    return {fault.agent_id for fault in decision.faults if fault.is_proof}

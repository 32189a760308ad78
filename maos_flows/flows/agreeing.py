"""Agreement in flows: keys when a decision opens, signatures as ballots arrive, replicas when it is decided."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from maos_flows.agreement.authenticating import authenticated, sign_here, with_refused
from maos_flows.agreement.binding import bind
from maos_flows.agreement.deciding import Collected, Pace, agree, agree_now
from maos_flows.agreement.faults import NO_FAULTS, FaultSource, Script
from maos_flows.agreement.telling import Happening
from maos_flows.audit.bounds import bound_answer
from maos_flows.audit.store import AuditStore
from maos_flows.config.keyring import keys_here
from maos_flows.flows.adapting import adapted, may_agree, note_adapted
from maos_flows.flows.installed import decide_installed
from maos_flows.flows.stores import kept, opened_store
from maos_flows.model import (
    Absence,
    Ballot,
    BallotBox,
    Decision,
    Event,
    EventKind,
    Opening,
    Protocol,
    RejectionReason,
)
from maos_flows.policies.adaptive import Adaptive
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide
from maos_flows.voters.base import utc_now


@dataclass(frozen=True, slots=True)
class Ruled:
    """What a round came to, before that is on record.

    Attributes:
        decision: The decision.
        happened: What happened among its replicas and is not on its timeline yet. It goes there with whatever is
            recorded next, in the same transaction, for a commit costs as much as the replicas do.
    """

    decision: Decision
    happened: tuple[Happening, ...] = ()

    def events(self, at: datetime) -> tuple[Event, ...]:
        """Give what happened as it stands on a timeline, all of it told at one time."""
        return _events(self.decision.opening.proposal.round, self.happened, at)


def bound(opening: Opening, policy: ConsensusPolicy) -> Opening:
    """Add keys, deployment and nonce to an opening whose ballots must be signed.

    They must be under Byzantine agreement, where the risk may lead to it, and wherever only signed ballots count. Where
    only agents behind URLs sign theirs, the deployment is added, so that these hold nowhere else; any other opening
    stays as it is.

    Raises:
        ConfigurationError: An agent's key is elsewhere and its voter cannot sign; names every one.
        StoreError: The keys can be neither read nor kept.
    """
    is_agreed = policy.protocol is Protocol.BYZANTINE or may_agree(policy, opening)
    is_signed = is_agreed or opening.parameters.signed_ballots
    if is_signed:
        return bind(opening, keys_here())
    if any(elector.voter == "http" and elector.public_key for elector in opening.electorate.electors):
        return replace(opening, proposal=replace(opening.proposal, deployment=keys_here().deployment))
    return opening


def signed(answer: Ballot | Absence, opening: Opening) -> Ballot | Absence:
    """Sign a ballot with its agent's key, as it will be kept, if the opening wants that and the key is here."""
    if isinstance(answer, Absence) or not opening.proposal.nonce:
        return answer
    return sign_here(bound_answer(answer), opening, keys_here())


def decide_box_by(policy: ConsensusPolicy, opening: Opening, box: BallotBox) -> Decision:
    """Decide what a box holds, by a policy alone or by its protocol on virtual time; nothing is recorded."""
    policy = adapted(policy, opening, box)
    if policy.protocol is None:
        admitted, refused = authenticated(box.ballots, opening)
        return with_refused(decide(policy, opening, admitted, absences=box.absences), refused)
    collected = Collected(box.ballots, box.absences)
    return agree_now(policy, bound(opening, policy), collected, keys=keys_here())


async def decide_recorded(
    policy: ConsensusPolicy,
    opening: Opening,
    box: BallotBox,
    *,
    faults: FaultSource = NO_FAULTS,
    pace: Pace | None = None,
) -> Ruled:
    """Decide what a box holds of a decision that is on record.

    On the clock, what happens among its replicas goes to its timeline while it happens; on virtual time nobody could
    watch it, and it is given with the decision.

    Args:
        policy: The policy.
        opening: What binds the decision, as it is on record.
        box: The answers accepted.
        faults: What is made to go wrong with the replicas.
        pace: How fast they go on the clock; None for virtual time, unless a fault acts that
            is not known beforehand.
    """
    admitted, refused = authenticated(box.ballots, opening)
    if refused:
        box = replace(box, ballots=admitted)
    if isinstance(policy, Adaptive):
        store = await opened_store()
        await kept(store, partial(note_adapted, store, opening, box))
        policy = adapted(policy, opening, box)
    if policy.protocol is None and policy.digest:
        return Ruled(with_refused(await decide_installed(policy, opening, box), refused))
    if policy.protocol is None:
        return Ruled(with_refused(decide(policy, opening, box.ballots, absences=box.absences), refused))
    store = await opened_store()
    proposal = opening.proposal
    conflicting: tuple[Ballot, ...] = ()
    if policy.protocol is Protocol.BYZANTINE:
        conflicting = await asyncio.to_thread(_conflicting, store, opening)
    collected = Collected(box.ballots, box.absences, conflicting)
    happened: list[Happening] = []
    if pace is None and not isinstance(faults, Script) and len(await asyncio.to_thread(faults.acting, 0)):
        pace = Pace(0.0)
    tell = happened.extend if pace is None else partial(_note, store, proposal.decision_id, proposal.round)
    decision = await agree(policy, opening, collected, keys=keys_here(), faults=faults, pace=pace, on_event=tell)
    warnings = policy.warnings(opening)
    happened[:0] = [Happening(0, EventKind.POLICY, f"warning: {text}", data={"warning": text}) for text in warnings]
    return Ruled(with_refused(decision, refused), tuple(happened))


def _conflicting(store: AuditStore, opening: Opening) -> tuple[Ballot, ...]:
    """Read the signed ballots that differ from an accepted one of the same agent."""
    rejected = store.rejected(opening.proposal.decision_id, opening.proposal.round)
    return tuple(one.ballot for one in rejected if one.reason is RejectionReason.CONFLICTING and one.ballot.signature)


def note_happened(store: AuditStore, ruled: Ruled) -> None:
    """Write what happened on virtual time ahead of the closing, unless a run that broke off afterwards has."""
    if not ruled.happened:
        return
    proposal, last = ruled.decision.opening.proposal, ruled.happened[-1]
    of_its_kind = (event.data for event in store.timeline(proposal.decision_id) if event.kind is last.kind)
    if not any("at_ms" in data and data.get("round") == proposal.round for data in of_its_kind):
        store.note_all(proposal.decision_id, ruled.events(utc_now()))


def _note(store: AuditStore, decision_id: str, number: int, happened: Sequence[Happening]) -> None:
    store.note_all(decision_id, _events(number, happened, utc_now()))


def _events(number: int, happened: Sequence[Happening], at: datetime) -> tuple[Event, ...]:
    return tuple(
        Event(at, one.kind, one.text, one.agent_id, data={"round": number, "at_ms": one.at, **one.data})
        for one in happened
    )

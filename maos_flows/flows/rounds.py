"""Rounds after the first: what agents are given of each other, and what became of it on the timeline."""

from maos_flows.audit.store import AuditStore
from maos_flows.deliberation import Deliberation, changes_of_mind, given_to_agents, swings
from maos_flows.model import Ballot, Context, Event, EventKind, Opening
from maos_flows.request import DecisionRequest
from maos_flows.scrutiny import scrutinise
from maos_flows.voters.base import utc_now


def given_of(store: AuditStore, request: DecisionRequest, before: Opening) -> tuple[Context, ...]:
    """Give what the agents of the next round are told of a round: nothing, reasons, or who said what."""
    if request.deliberation is Deliberation.BLIND:
        return ()
    return given_to_agents(_counted(store, before), request.deliberation, seed=before.proposal.decision_id)


def note_minds(store: AuditStore, opening: Opening) -> None:
    """Note who changed their mind since the round before, and whose text is suspected of having moved them; once."""
    decision_id, number = opening.proposal.decision_id, opening.proposal.round
    if number <= 1:
        return
    noted = (event for event in store.timeline(decision_id) if event.kind is EventKind.CHANGED_MIND)
    if any(event.data.get("round") == number for event in noted):
        return
    before, after = _round(store, opening, number - 1), _counted(store, opening)
    changes = changes_of_mind(before, after)
    for swing in swings(before, after):
        followers = ", ".join(swing.followers)
        text = f"the text of {swing.agent_id} reads like an instruction, and {followers} moved to {swing.choice}"
        data = {"kind": "swing", "by": list(swing.followers), "round": number}
        store.note(decision_id, Event(utc_now(), EventKind.SUSPICION, text, swing.agent_id, data=data))
    moves = {change.agent_id: [change.before, change.after] for change in changes}
    words = ", ".join(f"{change.agent_id} from {change.before} to {change.after}" for change in changes)
    text = f"round {number}: {words or 'nobody'} changed their mind"
    store.note(decision_id, Event(utc_now(), EventKind.CHANGED_MIND, text, data={"round": number, "changes": moves}))


def _counted(store: AuditStore, opening: Opening) -> tuple[Ballot, ...]:
    answers = store.answers(opening.proposal.decision_id, opening.proposal.round)
    return scrutinise([answer for answer in answers if isinstance(answer, Ballot)], opening).counted


def _round(store: AuditStore, opening: Opening, number: int) -> tuple[Ballot, ...]:
    """Read the ballots accepted in an earlier round; scrutiny there took out what was rejected."""
    answers = store.answers(opening.proposal.decision_id, number)
    return tuple(answer for answer in answers if isinstance(answer, Ballot))

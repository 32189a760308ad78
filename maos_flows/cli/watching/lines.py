"""Events as lines: `12:02:35 - ada votes: PostgreSQL (reason: transactions)`. Times are in UTC."""

from collections.abc import Iterator

from maos_flows.cli.watching.reading import Reader
from maos_flows.cli.watching.sections import Look
from maos_flows.cli.watching.words import LONG, counted, duration, one_line, pairs, spoken
from maos_flows.model import Absence, Ballot, Decision, Elector, Event, EventKind, Opening, exact
from maos_flows.policies.threshold import describe, share_in_words
from maos_flows.scrutiny import fold

_INDENT = " " * 11  # below the words, past the time


def lines_of(event: Event, reader: Reader, look: Look, *, mark: str = "") -> tuple[str, ...]:
    """Write an event in one line, and in further ones what is looked at more closely.

    Args:
        event: What happened.
        reader: The decision it happened to, read at least as far.
        look: How closely it is looked at.
        mark: What tells the decision from others that are shown with it.
    """
    head = f"{event.at:%H:%M:%S} - {f'[{one_line(mark)}] ' if mark else ''}{_words(event, reader, look)}"
    return (head, *(f"{_INDENT}{one_line(line, LONG)}" for line in _more(event, reader, look)))


def _words(event: Event, reader: Reader, look: Look) -> str:
    match event.kind:
        case EventKind.BALLOT:
            return _of_ballot(event, reader, look)
        case EventKind.ABSENCE:
            answer = reader.answer(event)
            why = one_line(answer.explanation) if isinstance(answer, Absence) else ""
            return one_line(event.text) + (f" ({why})" if why else "")
        case EventKind.REJECTED if reader.is_sealed:
            why = spoken(str(event.data.get("reason", "")))
            return one_line(f"{event.agent_id}: a ballot was not counted, {why}")
        case EventKind.DECIDED if reader.decision is not None:
            return outcome_in_words(reader.decision)
        case _:
            return one_line(event.text, LONG)


def _of_ballot(event: Event, reader: Reader, look: Look) -> str:
    agent_id = one_line(event.agent_id or "somebody")
    answer = reader.answer(event)
    if not isinstance(answer, Ballot):
        return f"{agent_id}: ballot cast (sealed until the decision is closed)"
    elector = _elector(reader, agent_id)
    weight = f" [weight {exact(elector.weight)}]" if look.shows_weights and elector is not None else ""
    simulated = " (simulated)" if answer.voter == "simulated" else ""
    veto = " (veto)" if answer.veto else ""
    reason = one_line(answer.reasoning)
    because = f" (reason: {reason})" if reason else ""
    return f"{agent_id} votes: {one_line(answer.choice)}{weight}{veto}{simulated}{because}"


def outcome_in_words(decision: Decision) -> str:
    """Say how a decision ended, by how much: `simple majority reached: PostgreSQL (3 of 5)`."""
    head = one_line(f"{spoken(decision.opening.algorithm)} {spoken(decision.outcome)}")
    if decision.choice is None:
        why = one_line(decision.explanation)
        return f"{head}: {spoken(decision.reason)}" + (f" ({why})" if why else "")
    if decision.choice not in decision.tally.units:
        return f"{head}: {one_line(decision.choice)}"
    count = share_in_words(decision.tally, decision.choice, decision.opening.parameters.basis)
    return f"{head}: {one_line(decision.choice)} ({count})"


def _more(event: Event, reader: Reader, look: Look) -> Iterator[str]:
    opening = reader.opening
    match event.kind:
        case EventKind.OPENED | EventKind.ROUND_OPENED if opening is not None:
            yield from _of_opening(opening, look)
        case EventKind.BALLOT:
            yield from _of_answer(reader.answer(event), reader, look)
        case EventKind.ABSENCE | EventKind.REJECTED:
            pass
        case EventKind.DECIDED if reader.decision is not None:
            if reader.has_hidden:
                yield from (_of_ballot(cast, reader, look) for cast in reader.events if cast.kind is EventKind.BALLOT)
            yield from _of_decision(reader.decision, look)
        case _ if look.is_detailed and event.data:
            yield pairs(event.data)
        case _:
            pass


def _of_opening(opening: Opening, look: Look) -> Iterator[str]:
    parameters, deadline = opening.parameters, opening.proposal.deadline
    if look.is_detailed or _looks_at(look, "policy-details"):
        until = f"; ballots until {deadline:%H:%M:%S}" if deadline is not None else ""
        least = f", {parameters.min_participants} ballots at least" if parameters.min_participants > 1 else ""
        yield f"{opening.algorithm}: {describe(parameters.threshold)} of {parameters.basis}{least}{until}"
    if look.shows_weights or _looks_at(look, "weight-evolution"):
        for elector in opening.electorate.electors:
            why = f" = {elector.weight_reason}" if elector.weight_reason else ""
            yield f"{elector.agent_id} ({elector.role}): weight {exact(elector.weight)}{why}"
    if look.shows_expert_reasoning and not any(is_expert(elector, opening) for elector in opening.electorate.electors):
        yield "nobody here is an expert in what is asked, or weighs more than another"


def _of_answer(answer: Ballot | Absence | None, reader: Reader, look: Look) -> Iterator[str]:
    opening = reader.opening
    if not isinstance(answer, Ballot) or opening is None:
        return
    elector = _elector(reader, answer.agent_id)
    if look.is_detailed:
        sure = "" if answer.confidence is None else f"confidence {exact(answer.confidence)}, "
        yield f"{sure}after {duration(answer.seconds)}{f', {elector.role}' if elector is not None else ''}"
    is_expert_shown = look.shows_expert_reasoning and elector is not None and is_expert(elector, opening)
    if is_expert_shown and elector is not None:
        knows = f" in {', '.join(elector.domains)}" if elector.domains else ""
        yield f"expert{knows}: {one_line(answer.reasoning, LONG) or 'gave no reason'}"
    if look.is_detailed or is_expert_shown:
        yield from (f"cites: {item}" for item in answer.evidence)


def _of_decision(decision: Decision, look: Look) -> Iterator[str]:
    if look.is_detailed or _looks_at(look, "policy-details"):
        yield decision.explanation
        if decision.details:
            yield pairs(decision.details)
    if look.is_detailed and decision.margin is not None:
        alone = f"; decisive: {', '.join(decision.decisive)}" if decision.decisive else ""
        yield f"margin: {counted(decision.margin, 'ballot')}{alone}"


def _looks_at(look: Look, flag: str) -> bool:
    return any(section.flag == flag for section in look.sections)


def _elector(reader: Reader, agent_id: str) -> Elector | None:
    return None if reader.opening is None else reader.opening.electorate.elector(agent_id)


def is_expert(elector: Elector, opening: Opening) -> bool:
    """Say whether an elector is an expert here: of a domain that is asked about, or of more weight than others."""
    asked = {fold(domain) for domain in opening.proposal.domains}
    weights = [other.weight for other in opening.electorate.electors if other.weight]
    return any(fold(domain) in asked for domain in elector.domains) or elector.weight > min(weights, default=0)

"""Decisions written whole, many in one transaction: the same rows as opening, answering and closing each one.

Thousands of decisions by one rule among the same agents have most of their bytes in common. Canonical JSON (RFC 8785)
is made of the canonical forms of its members, so a record is put together from those: what many have in common is
written once, what is a decision's own is put between.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert

from maos_flows.audit.answers import _data_of, _words_of
from maos_flows.audit.bounds import MOST_TEXT, arrived, bound_answer, bound_event, bound_rejected, in_utc
from maos_flows.audit.closing import _verdict
from maos_flows.audit.encoding import digest_of, encode
from maos_flows.audit.openings import _check
from maos_flows.audit.rows import ANSWER, DECISION, ELECTOR, EVENT, FAULT, REJECTED, ROUND
from maos_flows.audit.texts import cut, without_gaps
from maos_flows.audit.timeline import told
from maos_flows.model import Absence, Ballot, Decision, Event, EventKind, Opening, Proposal, RejectedBallot
from maos_flows.records import canonical
from maos_flows.request import DecisionRequest

_IN_ORDER = (DECISION, EVENT, ROUND, ELECTOR, ANSWER, REJECTED, FAULT)
"""Tables such that what a row refers to is there when it comes."""

Values = dict[str, Any]
Rows = Mapping[Table, list[Values]]


@dataclass(frozen=True, slots=True)
class Closed:
    """A decision that is to be written opened, answered and closed.

    Attributes:
        request: What was requested.
        opening: What binds it, in its first round.
        like: A decision that is the same but for its id and its question: its electorate, choices and parameters are
            the opening's. Decisions that share one are written faster. Its answers are for its own id.
    """

    request: DecisionRequest
    opening: Opening
    like: Decision


def add_all(connection: Connection, decided: Iterable[Closed], *, at: datetime) -> None:
    """Write decisions, none of which is on record; `at` is when each was decided."""
    rows = rows_of(decided, at=at)
    for table in _IN_ORDER:
        if rows[table]:
            connection.execute(insert(table), rows[table])


def rows_of(decided: Iterable[Closed], *, at: datetime) -> Rows:
    """Give the rows of decisions, by table.

    Raises:
        ConfigurationError: A decision's id is unusable, or an instant has no time zone.
    """
    rows: defaultdict[Table, list[Values]] = defaultdict(list)
    records, answers = _Records(), _Answers(at)
    known: dict[int, tuple[Decision, _Alike]] = {}
    for entry in decided:
        _check(entry.opening)
        found = known.get(id(entry.like))
        if found is None:
            found = known[id(entry.like)] = (entry.like, _Alike(entry.like, answers, at=at))
        _add(rows, entry, found[1], records)
    return rows


def _add(rows: Rows, entry: Closed, alike: "_Alike", records: "_Records") -> None:
    opening, request = entry.opening, entry.request
    name = opening.proposal.decision_id
    requested, record = records.of(request), records.of(opening)
    digest = digest_of(record)
    rows[DECISION].append(
        {
            "id": name,
            "title": cut(request.title, MOST_TEXT),
            "question": without_gaps(request.question),
            "algorithm": without_gaps(opening.algorithm),
            "workflow": without_gaps(request.workflow),
            "run_id": without_gaps(request.run_id),
            "opened_at": opening.opened_at,
            "request": requested,
            "request_digest": digest_of(requested),
            **alike.outcome,
        }
    )
    rows[ROUND].append(
        {
            "decision_id": name,
            "number": opening.proposal.round,
            "sequence": 1,
            "opened_at": opening.opened_at,
            "deadline": opening.proposal.deadline,
            "digest": digest,
            "record": record,
        }
    )
    rows[EVENT].append(alike.opened(opening, digest))
    alike.add(rows, name)


class _Alike:
    """The rows of a decision but for its id and what it asks."""

    def __init__(self, like: Decision, answers: "_Answers", *, at: datetime) -> None:
        self._at = at
        self._events: list[Values] = []
        self._opened = _Around(encode(_data_of_opening(like.opening)), "digest")
        self._electors = [
            {
                "round": like.opening.proposal.round,
                "agent_id": elector.agent_id,
                "position": position,
                "weight": str(elector.weight),
                "role": without_gaps(elector.role),
                "voter": without_gaps(elector.voter),
            }
            for position, elector in enumerate(like.opening.electorate.electors)
        ]
        self._answers = [self._answer(*answers.of(answer)) for answer in like.ballots]
        self._answers += [self._answer(*answers.of(answer)) for answer in like.absences]
        self._rejected: list[tuple[Values, _Around, _Around]] = []
        numbers = self._reject(like)
        self._faults = [
            {
                "position": position,
                "agent_id": without_gaps(fault.agent_id),
                "kind": without_gaps(fault.kind),
                "is_proof": fault.is_proof,
                "record": encode(fault),
            }
            for position, fault in enumerate(like.faults)
        ]
        self.outcome = self._close(like, numbers)

    def opened(self, opening: Opening, digest: str) -> Values:
        """Give the first event of a decision."""
        proposal, number = opening.proposal, len(opening.electorate.electors)
        text = f"round {proposal.round}, {opening.algorithm} among {number}: {proposal.question}"
        return {
            "decision_id": proposal.decision_id,
            "sequence": 1,
            "at": opening.opened_at,
            "kind": EventKind.OPENED.value,
            "agent_id": None,
            "text": cut(text, MOST_TEXT),
            "record": self._opened.around(_text(digest)),
        }

    def add(self, rows: Rows, name: str) -> None:
        """Add the other rows for a decision of some id."""
        own = _text(name)
        rows[EVENT].extend({"decision_id": name, **event} for event in self._events)
        rows[ELECTOR].extend({"decision_id": name, **elector} for elector in self._electors)
        rows[ANSWER].extend(
            {"decision_id": name, **values, "record": record.around(own)} for values, record in self._answers
        )
        rows[REJECTED].extend(
            {
                "decision_id": name,
                **values,
                "digest": digest_of(content.around(own)),
                "record": record.around(own),
            }
            for values, record, content in self._rejected
        )
        rows[FAULT].extend({"decision_id": name, **fault} for fault in self._faults)

    def _tell(self, told: Values) -> int:
        """Add an event of the timeline, and give its number; the first tells of the opening."""
        self._events.append({"sequence": len(self._events) + 2, **told})
        return len(self._events) + 1

    def _answer(self, values: Values, told: Values, record: "_Around") -> tuple[Values, "_Around"]:
        return {"sequence": self._tell(told), **values}, record

    def _reject(self, like: Decision) -> tuple[int, ...]:
        """Keep the rejected ballots, the same one once, and give the numbers of the events that tell of them."""
        number, seen = like.opening.proposal.round, set()
        numbers = []
        for entry in map(bound_rejected, like.rejected):
            content = encode(replace(entry.ballot, received_at=None, seconds=0.0))
            if (content, entry.reason) not in seen:
                seen.add((content, entry.reason))
                values = self._rejection(entry, number)
                numbers.append(values["sequence"])
                self._rejected.append((values, _Around(encode(entry.ballot)), _Around(content)))
        return tuple(numbers)

    def _rejection(self, entry: RejectedBallot, number: int) -> Values:
        ballot, reason = entry.ballot, entry.reason.value
        words = f"{ballot.agent_id}: not counted, {reason.replace('_', ' ')}: {entry.explanation}"
        data = {"round": number, "reason": reason}
        event = Event(ballot.received_at or self._at, EventKind.REJECTED, words, ballot.agent_id, data=data)
        return {
            "sequence": self._tell(told(bound_event(event))),
            "round": number,
            "agent_id": ballot.agent_id,
            "reason": reason,
            "explanation": entry.explanation,
            "received_at": ballot.received_at,
        }

    def _close(self, like: Decision, rejected: tuple[int, ...]) -> Values:
        choice = None if like.choice is None else without_gaps(like.choice)
        outcome, reason = like.outcome.value, like.reason.value
        data = {"round": like.opening.proposal.round, "outcome": outcome, "reason": reason, "choice": choice}
        text = f"{outcome}: {choice or reason.replace('_', ' ')}"
        self._tell(told(bound_event(Event(self._at, EventKind.DECIDED, text, data=data))))
        electors = like.opening.electorate.electors
        return {
            "simulated": like.is_simulated or any(elector.voter == "simulated" for elector in electors),
            "outcome": outcome,
            "reason": reason,
            "choice": choice,
            "decided_at": self._at,
            "record": encode(_verdict(like, rejected)),
        }


class _Answers:
    """The rows of answers but for what they belong to; of answers that are the same they are made once."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._known: dict[Ballot | Absence, tuple[Values, Values, _Around]] = {}

    def of(self, answer: Ballot | Absence) -> tuple[Values, Values, "_Around"]:
        """Give an answer's row, its event, and its record."""
        whosoever = replace(answer, decision_id="")
        if whosoever not in self._known:
            kept: Ballot | Absence
            if isinstance(whosoever, Ballot):
                kept = bound_answer(arrived(whosoever, now=None))
                event = self._ballot(kept)
            else:
                kept = bound_answer(arrived(whosoever, now=None))
                event = self._absence(kept)
            values = {
                "round": kept.round,
                "agent_id": kept.agent_id,
                "kind": "ballot" if isinstance(kept, Ballot) else kept.kind.value,
                "choice": without_gaps(kept.choice) if isinstance(kept, Ballot) else None,
                "voter": without_gaps(kept.voter),
                "received_at": kept.received_at,
            }
            self._known[whosoever] = values, told(bound_event(event)), _Around(encode(kept))
        return self._known[whosoever]

    def _ballot(self, ballot: Ballot) -> Event:
        at = ballot.received_at or self._at
        return Event(at, EventKind.BALLOT, _words_of(ballot), ballot.agent_id, data=_data_of(ballot))

    def _absence(self, absence: Absence) -> Event:
        kind, at = absence.kind.value, absence.received_at or self._at
        words = f"{absence.agent_id}: {kind.replace('_', ' ')}"
        return Event(at, EventKind.ABSENCE, words, absence.agent_id, data={"round": absence.round, "kind": kind})


def _data_of_opening(opening: Opening) -> Values:
    deadline = opening.proposal.deadline
    return {
        "round": opening.proposal.round,
        "digest": "",
        "electors": len(opening.electorate.electors),
        "deadline": None if deadline is None else in_utc(deadline, path="deadline").isoformat(),
    }


def _text(text: str) -> bytes:
    """Write a text in canonical form: what RFC 8785, section 3.2.2.2, escapes is what this does."""
    return json.dumps(text, ensure_ascii=False).encode()


class _Around:
    """A record but for the id of the decision it belongs to."""

    def __init__(self, record: bytes, member: str = "decision_id") -> None:
        data = json.loads(record)
        before = canonical({name: value for name, value in data.items() if name < member})
        after = canonical({name: value for name, value in data.items() if name > member})
        self._before = before[:-1] + (b"," if before != b"{}" else b"") + canonical(member) + b":"
        self._after = (b"," if after != b"{}" else b"") + after[1:]

    def around(self, own: bytes) -> bytes:
        """Give the record of a decision whose id is written so."""
        return self._before + own + self._after


class _Records:
    """Writes records member by member, and each member that several values share once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, bytes]] = {}  # the object is kept, so that its identity stays its own

    def of(self, value: DecisionRequest | Opening | Proposal) -> bytes:
        """Give what `encode` gives."""
        members = {field.name: getattr(value, field.name) for field in fields(value)}
        if not all(type(member) is str or id(member) in self._known for member in members.values()):
            self._learn(value, members)
        return b"{" + b",".join(self._member(name, members[name]) for name in sorted(members)) + b"}"

    def _member(self, name: str, member: object) -> bytes:
        if isinstance(member, Proposal):
            written = self.of(member)
        else:
            written = _text(member) if isinstance(member, str) else self._known[id(member)][1]
        return b'"' + name.encode() + b'":' + written

    def _learn(self, value: DecisionRequest | Opening | Proposal, members: Mapping[str, object]) -> None:
        written = None
        for name, member in members.items():
            if not isinstance(member, str | Proposal) and id(member) not in self._known:
                written = json.loads(encode(value)) if written is None else written
                self._known[id(member)] = (member, canonical(written[name]))

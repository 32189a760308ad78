"""Scripted liars: each holds one agent's key, runs an honest replica in the shadow, and bends what that one says.

They lie in every way that a key of one's own allows: contradict themselves, claim what never happened, forge, replay,
send rubbish. They cannot sign for others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from maos_flows.protocols.byzantine.agreement import Agreement
from maos_flows.protocols.byzantine.evidence import Evidence, Misdeed
from maos_flows.protocols.byzantine.messages import (
    Accusation,
    Ballots,
    Commit,
    Decided,
    Fetch,
    Message,
    Prepare,
    Propose,
    Supply,
    ViewChange,
)
from maos_flows.protocols.byzantine.replica import Replica
from maos_flows.protocols.byzantine.state import Timing
from maos_flows.protocols.byzantine.statements import (
    LAST_VIEW,
    Kind,
    Signed,
    Signing,
    ballot_payload,
    change_payload,
    vote_payload,
)
from maos_flows.protocols.byzantine.value import Entry, Value
from maos_flows.protocols.byzantine.wire import encode
from maos_flows.protocols.canonical import sha256_hex
from maos_flows.protocols.step import Envelope, Step

AnyEnvelope = Envelope[Any]
AnyStep = Step[Any, Any, Any]
_MEMORY = 60


class Liar:
    """One liar. `script` names what it does to each message on its way out; `chameleon` draws anew each time."""

    def __init__(self, agreement: Agreement, agent: str, signing: Signing, script: str, chance: Random) -> None:
        self.agreement = agreement
        self.agent = agent
        self.signing = signing
        self.chance = chance
        self.heard: list[Message] = []
        self._script = script
        self._lies: dict[tuple[str, int], Propose] = {}
        self._shadow = Replica(agreement, agent, signing, timing=Timing(2, 4, 2, 2))

    @property
    def view(self) -> int:
        """Where its shadow is."""
        return self._shadow.view

    def handle(self, envelope: AnyEnvelope) -> AnyStep:
        """Hear a message, and lie."""
        if not isinstance(envelope.message, bytes) and len(self.heard) < _MEMORY:
            self.heard.append(envelope.message)
        return self._bend(self._shadow.handle(envelope))

    def tick(self) -> AnyStep:
        """Let time pass, and lie."""
        return self._bend(self._shadow.tick())

    def propose(self, choice: str, detail: str) -> AnyStep:
        """Cast a ballot, or more than one."""
        return self._bend(self._shadow.propose(choice, detail))

    def some(self, messages: Sequence[Message]) -> Message:
        """Draw one of several messages."""
        return messages[self.chance.randrange(len(messages))]

    def signed_vote(self, kind: Kind, view: int, digest: str) -> Signed:
        """Sign any vote whatever."""
        return Signed(self.agent, self.signing.sign(kind, vote_payload(self.agreement, view, digest)))

    def signed_change(self, view: int, prepared_view: int, prepared_value: str) -> Signed:
        """Sign any VIEW-CHANGE whatever."""
        payload = change_payload(self.agreement, view, prepared_view, prepared_value)
        return Signed(self.agent, self.signing.sign(Kind.VIEW_CHANGE, payload))

    def other_ballot(self) -> Signed:
        """Sign a ballot that differs from the one the shadow cast."""
        choice = self.chance.choice(self.agreement.choices)
        detail = sha256_hex(b"another")
        payload = ballot_payload(self.agreement, self.agent, choice, detail)
        return Signed(self.agent, self.signing.sign(Kind.BALLOT, payload))

    def other_value(self, value: Value) -> Value:
        """Make another value that may be valid: an own ballot exchanged, or an agent left out."""
        entries = [entry for entry in value.entries if entry.agent != self.agent]
        if len(entries) > self.agreement.size - self.agreement.faults and self.chance.random() < 0.5:  # noqa: PLR2004  either
            entries.pop(self.chance.randrange(len(entries)))
        entries.append(Entry(self.agent, (self.other_ballot().token,)))
        return Value(tuple(sorted(entries, key=lambda entry: entry.agent)))

    def other_proposal(self, script: str, proposal: Propose, make: Callable[[Value], Value]) -> Propose:
        """Propose another value, the same to all who are told this lie in this view: else it wins no quorum."""
        lie = self._lies.get((script, proposal.view))
        if lie is None:
            value = make(proposal.value)
            token = self.signed_vote(Kind.PROPOSE, proposal.view, value.digest).token
            lie = self._lies[script, proposal.view] = replace(proposal, value=value, token=token)
        return lie

    def lie_in(self, view: int) -> str | None:
        """Give the digest of another value proposed in a view by this liar."""
        lies = [lie.value.digest for (_, of_view), lie in self._lies.items() if of_view == view]
        return lies[0] if lies else None

    def _bend(self, step: AnyStep) -> AnyStep:
        names = tuple(SCRIPTS)
        messages: list[AnyEnvelope] = []
        for envelope in step.messages:
            script = self.chance.choice(names) if self._script == "chameleon" else self._script
            bent = SCRIPTS[script](self, envelope.message, envelope.recipient)
            messages.extend(Envelope(self.agent, envelope.recipient, message) for message in bent)
        return Step(messages=tuple(messages))


def mute(_liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """Cast a ballot and then say nothing."""
    return [message] if isinstance(message, Ballots) else []


def split(liar: Liar, message: Any, peer: str) -> Sequence[Any]:
    """Tell one half one thing and the other half another: ballots, proposals, votes."""
    if liar.agreement.places[peer] % 2:
        return [message]
    match message:
        case Ballots():
            return [Ballots((liar.other_ballot(),))]
        case Propose():
            return [liar.other_proposal("split", message, liar.other_value)]
        case Prepare(view=view):
            return [_vote(liar, Kind.PREPARE, view, _other_digest(liar, message))]
        case Commit(view=view):
            return [_vote(liar, Kind.COMMIT, view, _other_digest(liar, message))]
        case _:
            return [message]


def agree(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """Vote for every value heard of, whoever proposed it, as well."""
    heard = [one for one in liar.heard if isinstance(one, Propose | Prepare | Commit)][-4:]
    extra: list[Any] = []
    for one in heard:
        digest = one.value.digest if isinstance(one, Propose) else one.digest
        extra += [_vote(liar, Kind.PREPARE, one.view, digest), _vote(liar, Kind.COMMIT, one.view, digest)]
    return [message, *extra]


def forget(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """Claim in every VIEW-CHANGE to have prepared nothing; as primary, propose something fresh."""
    match message:
        case ViewChange(view=view):
            return [ViewChange(liar.agent, view, liar.signed_change(view, 0, "").token)]
        case Propose() if message.view > 1:
            return [liar.other_proposal("forget", message, liar.other_value)]
        case _:
            return [message]


def invent(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """Claim that something never proposed is prepared, backed by nothing, by one's own vote, or by forged votes."""
    if not isinstance(message, ViewChange) or message.view == 1:
        return [message]
    values = [one.value for one in liar.heard if isinstance(one, Propose)]
    if not values:
        return [message]
    value = liar.other_value(values[-1])
    prepared = liar.chance.randint(1, message.view)
    own = liar.signed_vote(Kind.PREPARE, prepared, value.digest)
    forged = tuple(Signed(agent, own.token) for agent in liar.agreement.agents)
    backing = liar.chance.choice(((), (own,) * liar.agreement.quorum, forged, message.prepares))
    token = liar.signed_change(message.view, prepared, value.digest).token
    lie = ViewChange(liar.agent, message.view, token, backing, value)
    bare = tuple(Signed(one.agent, one.token) for one in liar.heard if isinstance(one, ViewChange))
    proposal = Propose(
        liar.agent,
        message.view,
        liar.signed_vote(Kind.PROPOSE, message.view, value.digest).token,
        value,
        (*bare, Signed(liar.agent, token))[-liar.agreement.quorum :],
        backing,
    )
    return [lie, proposal]


def leave_out(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """As primary, leave honest ballots out; and pass on no ballots."""
    match message:
        case Propose():
            return [liar.other_proposal("leave_out", message, lambda value: _fewest(liar, value))]
        case Ballots(ballots):
            return [Ballots(own)] if (own := tuple(one for one in ballots if one.agent == liar.agent)) else []
        case _:
            return [message]


def corrupt(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """As primary, propose what is no valid value: forged, doubled or missing entries."""
    if not isinstance(message, Propose):
        return [message]
    return [liar.other_proposal("corrupt", message, lambda value: _wrong(liar, value))]


def forge(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """Say things in other agents' names, with one's own signature."""
    victim = liar.chance.choice(liar.agreement.agents)
    digest = sha256_hex(victim.encode())
    token = liar.signed_vote(Kind.PREPARE, liar.view, digest).token
    nonsense = (
        Prepare(victim, liar.view, digest, token),
        Commit(liar.agent, liar.view, digest, token),
        Ballots((Signed(victim, liar.other_ballot().token),)),
        Accusation(Evidence(Misdeed.TWO_PREPARES, victim, ((Kind.PREPARE, token), (Kind.PREPARE, token + " ")))),
        Decided(liar.view, Value(()), tuple(Signed(agent, token) for agent in liar.agreement.agents)),
        Fetch(digest),
        Supply(Value((Entry(victim, (token,)),))),
    )
    return [message, liar.some(nonsense)]


def replay(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """Send again what others sent, at any time, to anybody, in one's own name."""
    if not liar.heard:
        return [message]
    old = liar.some(liar.heard)
    if isinstance(old, Prepare | Commit | Propose | ViewChange) and liar.chance.random() < 0.5:  # noqa: PLR2004  either way
        old = replace(old, agent=liar.agent)
    return [message, old]


def vandalise(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """Send rubbish: cut, altered, doubled, deeply nested, oversized, of unknown type."""
    data = encode(message)
    at = liar.chance.randrange(len(data))
    rubbish = (
        data[:at],
        data[:at] + bytes([liar.chance.randrange(256)]) + data[at + 1 :],
        data[:-1] + b',"view":1,"more":2}',
        data.replace(b'"type":', b'"type":"Fetch","type":'),
        b"[" * liar.chance.randint(1, 5_000),
        b" " * (liar.agreement.message_limit + 1),
        b'{"type":"Coup"}',
        b"null",
        Ballots(()),
        Ballots((Signed(liar.agent, "x" * (liar.agreement.token_limit + 1)),) * 2),
        "a text",
    )
    return [rubbish[liar.chance.randrange(len(rubbish))], message]


def race(liar: Liar, message: Any, _peer: str) -> Sequence[Any]:
    """Call everybody into later views, the next ones and the last there is."""
    view = liar.chance.choice((liar.view + 1, liar.view + 3, liar.view + 20, LAST_VIEW))
    prepared = liar.chance.choice((0, 0, view))
    digest = sha256_hex(b"x") if prepared else ""
    return [message, ViewChange(liar.agent, view, liar.signed_change(view, prepared, digest).token)]


Script = Callable[[Liar, Any, str], Sequence[Any]]
SCRIPTS: Mapping[str, Script] = {
    script.__name__: script
    for script in (mute, split, agree, forget, invent, leave_out, corrupt, forge, replay, vandalise, race)
}
SCRIPT_NAMES = (*SCRIPTS, "chameleon")


def _vote(liar: Liar, kind: Kind, view: int, digest: str) -> Prepare | Commit:
    token = liar.signed_vote(kind, view, digest).token
    build = Prepare if kind is Kind.PREPARE else Commit
    return build(liar.agent, view, digest, token)


def _fewest(liar: Liar, value: Value) -> Value:
    entries = list(value.entries)
    while len(entries) > liar.agreement.size - liar.agreement.faults:
        entries.pop(liar.chance.randrange(len(entries)))
    return Value(tuple(entries))


def _wrong(liar: Liar, value: Value) -> Value:
    entries = value.entries
    first, least = entries[0], liar.agreement.size - liar.agreement.faults
    forged = Entry(first.agent, (first.ballots[0][:-3] + 'x"}',))
    wrong = (
        (forged, *entries[1:]),
        (first, *entries),
        entries[: least - 1],
        entries[::-1],
        (replace(first, ballots=first.ballots * 2), *entries[1:]),
    )
    return Value(liar.chance.choice(wrong))


def _other_digest(liar: Liar, message: Prepare | Commit) -> str:
    lie = liar.lie_in(message.view)
    if lie is not None:
        return lie
    known = {
        one.value.digest if isinstance(one, Propose) else one.digest
        for one in liar.heard
        if isinstance(one, Propose | Prepare | Commit)
    }
    others = sorted(known - {message.digest})
    return liar.chance.choice(others) if others else sha256_hex(message.digest.encode())

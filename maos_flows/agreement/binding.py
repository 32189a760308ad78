"""What agents sign: ballots and votes that hold for one round of one decision of one installation, and nowhere else.

A ballot's claims are `v`, `aud` (the deployment), `decision_id`, `nonce`, `round`, `proposal_sha256`, `agent_id`,
`choice` and `detail`, the digest of everything else it says. Whoever signs for itself needs no more than these.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from maos_flows import signing
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.keys import KeyFolder
from maos_flows.model import Ballot, Elector, Opening, Proposal, RejectionReason, Suggestion
from maos_flows.policies.byzantine import agreement_of
from maos_flows.protocols.byzantine import Agreement, Kind, Payload
from maos_flows.protocols.canonical import sha256_hex
from maos_flows.records import canonical, opening_digest, to_plain

VERSION = 1
BALLOT, SUGGESTION = "ballot", "suggestion"
CANNOT_SIGN = frozenset({"simulated", "recorded", "model"})
"""Kinds of voters that cannot sign for an agent whose key is elsewhere."""

_MOST_REMEMBERED = 16_384
_MOST_BINDINGS = 256
_bindings: dict[str, "Binding"] = {}
Claimed = tuple[object, object]
"""What a signed ballot claims beside what binds it: its choice, and the digest of all else it says."""

_SAID = ("confidence", "reasoning", "evidence", "risk", "veto", "attributes")


def bind(opening: Opening, keys: KeyFolder, *, nonce: str | None = None) -> Opening:
    """Add to an opening what signatures are bound to: the deployment, a nonce, a key for every agent.

    An agent without a key of its own gets one here. One whose key is elsewhere signs its ballot itself; the replica
    that stands here for it gets a key of its own.

    Args:
        opening: What binds the decision so far.
        keys: The keys kept here.
        nonce: 32 hexadecimal digits, drawn if not given.

    Raises:
        ConfigurationError: An agent has a key that is not here and a voter that cannot sign; names every one.
        StoreError: The keys can be neither read nor kept.
    """
    problems = [
        Problem("public_key", f"{elector.agent_id} has a key that is not kept here, and its voter cannot sign for it")
        for elector in opening.electorate.electors
        if elector.public_key is not None
        and elector.voter in CANNOT_SIGN
        and keys.private(elector.agent_id, elector.public_key) is None
    ]
    if problems:
        raise ConfigurationError(problems)
    proposal = replace(opening.proposal, deployment=keys.deployment, nonce=nonce or secrets.token_hex(16))
    electors = tuple(_with_key(elector, keys) for elector in opening.electorate.electors)
    return replace(opening, proposal=proposal, electorate=replace(opening.electorate, electors=electors))


def _with_key(elector: Elector, keys: KeyFolder) -> Elector:
    if elector.public_key is None:
        return replace(elector, public_key=keys.key_of(elector.agent_id).public)
    if keys.private(elector.agent_id, elector.public_key) is not None:
        return elector
    return replace(elector, replica_key=keys.replica_key_of(elector.agent_id).public)


def claims_of(proposal: Proposal) -> dict[str, str | int]:
    """Give the claims that bind a ballot to a proposal: what its author adds its own to, and signs."""
    return {
        "v": VERSION,
        "aud": proposal.deployment,
        "decision_id": proposal.decision_id,
        "nonce": proposal.nonce,
        "round": proposal.round,
        "proposal_sha256": sha256_hex(canonical(to_plain(proposal))),
    }


def detail_of(ballot: Ballot) -> str:
    """Digest all that a ballot says beside its choice.

    Raises:
        ValueError: It says something that JSON cannot carry.
    """
    plain = to_plain(ballot)
    return sha256_hex(canonical({name: plain[name] for name in _SAID}))


def suggestion_claims(suggestion: Suggestion, proposal: Proposal) -> dict[str, str | int]:
    """Give all that an agent signs of its suggestion: what binds it to the proposal, the text, the digest of why."""
    detail = sha256_hex(canonical({"reasoning": suggestion.reasoning}))
    own = {"agent_id": suggestion.agent_id, "suggestion": suggestion.text, "detail": detail}
    return claims_of(proposal) | own


def binding_of(opening: Opening) -> "Binding":
    """Give the binding of an opening: the same one for a while, so that what was signed or verified is known."""
    known = _bindings.get(opening.proposal.nonce)
    if known is None or known.opening != opening:
        if len(_bindings) >= _MOST_BINDINGS:
            _bindings.clear()
        known = _bindings[opening.proposal.nonce] = Binding(opening)
    return known


class Binding:
    """Signs and verifies for one opening. A token is verified once, for all replicas of this process share it."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self._read: dict[tuple[str, Kind, str], Mapping[str, object] | None] = {}
        self._ballots: dict[tuple[str, str], Claimed | None] = {}

    @cached_property
    def digest(self) -> str:
        """The digest of the opening."""
        return opening_digest(self.opening)

    @cached_property
    def agreement(self) -> Agreement:
        """The protocol's view of the opening, bound to all of it."""
        return agreement_of(self.opening, binding=self.digest)

    @cached_property
    def claims(self) -> Mapping[str, str | int]:
        """What every ballot of this opening claims."""
        return claims_of(self.opening.proposal)

    @property
    def signatures(self) -> int:
        """How many different tokens were verified or signed here."""
        return len(self._read)

    def sign_ballot(self, ballot: Ballot, keys: KeyFolder) -> Ballot:
        """Sign an agent's ballot with its key; as it is if it is signed, cannot be, or if the key is not here."""
        elector = self.opening.electorate.elector(ballot.agent_id)
        if ballot.signature or elector is None or elector.public_key is None:
            return ballot
        key = keys.private(elector.agent_id, elector.public_key)
        if key is None:
            return ballot
        try:
            detail = detail_of(ballot)
        except ValueError:
            return ballot  # it says what JSON cannot carry
        return replace(ballot, signature=self._sign_ballot(key, ballot.agent_id, ballot.choice, detail))

    def ballot_problem(self, ballot: Ballot) -> tuple[RejectionReason, str] | None:
        """Find why a ballot is not its agent's signed word for this opening; None if it is."""
        if not ballot.signature:
            return RejectionReason.UNSIGNED, f"the ballot of {ballot.agent_id} is not signed, and here it must be"
        claimed = self._claimed(ballot.agent_id, ballot.signature)
        if claimed is None:
            words = f"it is not signed by the key of {ballot.agent_id} for round {self.opening.proposal.round} of this"
            return RejectionReason.BAD_SIGNATURE, words
        try:
            is_as_signed = claimed == (ballot.choice, detail_of(ballot))
        except ValueError:
            is_as_signed = False
        if is_as_signed:
            return None
        return RejectionReason.BAD_SIGNATURE, f"{ballot.agent_id} signed something else than it says"

    def sign(self, agent: str, key: signing.SigningKey, kind: Kind, payload: Payload) -> str:
        """Sign what an agent, or its replica, states in the protocol."""
        if kind is Kind.BALLOT:
            return self._sign_ballot(key, agent, str(payload["choice"]), str(payload["detail"]))
        token = key.sign(f"bft-{kind.value}", payload)
        self._remember((agent, kind, token), payload)
        return token

    def verify(self, agent: str, kind: Kind, token: str) -> Mapping[str, object] | None:
        """Read a token as the protocol does; None if that agent did not sign it as being of this kind, for this."""
        place = (agent, kind, token)
        if place not in self._read:
            self._remember(place, self._verify(agent, kind, token))
        return self._read[place]

    def _remember(self, place: tuple[str, Kind, str], payload: Mapping[str, object] | None) -> None:
        if len(self._read) >= _MOST_REMEMBERED:
            self._read.clear()
        self._read[place] = payload

    def _verify(self, agent: str, kind: Kind, token: str) -> Mapping[str, object] | None:
        if kind is Kind.BALLOT:
            claimed = self._claimed(agent, token)
            return None if claimed is None else self._stated(agent, *claimed)
        elector = self.opening.electorate.elector(agent)
        if elector is None or elector.public_key is None:
            return None
        return signing.verify(elector.replica_key or elector.public_key, f"bft-{kind.value}", token)

    def _claimed(self, agent: str, token: str) -> Claimed | None:
        """Read what an agent signed as its ballot for this opening: choice and detail; None if it did not."""
        place = (agent, token)
        if place not in self._ballots:
            self._remember_ballot(place, self._read_ballot(agent, token))
        return self._ballots[place]

    def _read_ballot(self, agent: str, token: str) -> Claimed | None:
        elector = self.opening.electorate.elector(agent)
        if elector is None or elector.public_key is None:
            return None
        said = signing.verify(elector.public_key, BALLOT, token)
        if said is None or said.keys() != {*self.claims, "agent_id", "choice", "detail"}:
            return None
        if {**self.claims, "agent_id": agent}.items() - said.items():
            return None
        return said["choice"], said["detail"]

    def _remember_ballot(self, place: tuple[str, str], claimed: Claimed | None) -> None:
        if len(self._ballots) >= _MOST_REMEMBERED:
            self._ballots.clear()
        self._ballots[place] = claimed

    def _stated(self, agent: str, choice: object, detail: object) -> Mapping[str, object]:
        """Give what a ballot's claims state in the protocol."""
        return {"decision": self.agreement.digest, "agent": agent, "choice": choice, "detail": detail}

    def _sign_ballot(self, key: signing.SigningKey, agent: str, choice: str, detail: str) -> str:
        token = key.sign(BALLOT, {**self.claims, "agent_id": agent, "choice": choice, "detail": detail})
        elector = self.opening.electorate.elector(agent)
        if elector is not None and elector.public_key == key.public:
            self._remember_ballot((agent, token), (choice, detail))
        return token


class AgentSigning:
    """One agent's key as its replica needs it. The ballot it gave when asked is the one the replica casts."""

    def __init__(self, binding: Binding, agent: str, key: signing.SigningKey, ballot: Ballot | None) -> None:
        self._binding = binding
        self._agent = agent
        self._key = key
        self._ballot = ballot
        self.verify = binding.verify

    def sign(self, kind: Kind, payload: Payload) -> str:
        """Sign a payload; a ballot that is signed already is given as it is."""
        if kind is Kind.BALLOT and self._ballot is not None and payload["choice"] == self._ballot.choice:
            said = self.verify(self._agent, Kind.BALLOT, self._ballot.signature)
            if said is not None and said["detail"] == payload["detail"]:
                return self._ballot.signature
        return self._binding.sign(self._agent, self._key, kind, payload)

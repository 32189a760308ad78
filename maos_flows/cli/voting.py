"""A person's answer from the shell: found, signed if there is a key, and taken."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from maos_flows.audit.store import AuditStore
from maos_flows.cli.lookup import configured_store
from maos_flows.config.keyring import keys_here
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.keys import KeyFolder
from maos_flows.model.people import Answered, Asked, Question
from maos_flows.people.answering import answer, as_answered
from maos_flows.people.inbox import find_question
from maos_flows.people.proving import signed
from maos_flows.quorum import parse_fraction
from maos_flows.signing import SigningKey
from maos_flows.text_types import read_agent_id
from maos_flows.voters.base import utc_now


@dataclass(frozen=True, slots=True)
class Vote:
    """What was typed."""

    by: str
    choice: str
    reasoning: str = ""
    confidence: str = ""
    veto: bool = False
    on_behalf_of: str = ""


def cast(decision_id: str, vote: Vote, *, key_file: Path | None) -> Asked:
    """Answer what waits for somebody.

    Raises:
        NotFoundError: Nothing was asked of this one there.
        ConfigurationError: The answer, or the key, is not one that can be.
        ConflictError: It is too late, or somebody was first.
    """
    needed = {"ID": decision_id, "--as": vote.by, "--choice": vote.choice}
    missing = [Problem(name, "is needed") for name, value in needed.items() if not value.strip()]
    if missing:
        raise ConfigurationError(missing)
    store, keys = configured_store(), keys_here()
    question = find_question(store, decision_id, by=vote.by, on_behalf_of=vote.on_behalf_of).question
    choice, confidence = as_answered(question, vote.choice), _confidence(vote.confidence)
    given = Answered(choice, vote.by, vote.reasoning.strip(), confidence, vote.veto, via="shell")
    key = _key(question, vote.by, keys, key_file)
    if key is not None:
        given = _signed(store, question, given, key)
    return answer(store, question, given, at=utc_now(), keys=keys)


def public_key_of(agent: str) -> str:
    """Give the public half of an agent's key, made if there is none.

    Raises:
        ConfigurationError: That is no agent's id.
    """
    try:
        name = read_agent_id(agent)
    except ValueError as error:
        raise ConfigurationError([Problem("AGENT", str(error))]) from error
    return keys_here().key_of(name).public


def _confidence(text: str) -> Fraction | None:
    return parse_fraction(text, path="--confidence") if text else None


def _signed(store: AuditStore, question: Question, given: Answered, key: SigningKey) -> Answered:
    opening = store.opening(question.decision_id)
    assert opening is not None, "what is asked is of a decision that is there"
    return signed(question, given, opening, key)


def _key(question: Question, by: str, keys: KeyFolder, key_file: Path | None) -> SigningKey | None:
    """Find the key that somebody answers with: the one in a file, or the one kept here."""
    people = [person for person in (question.person, question.deputy) if person is not None and person.agent_id == by]
    public = people[0].public_key if people else None
    if key_file is not None:
        key = _read_key(key_file)
        if public != key.public:
            message = f"{key_file} is not the key of {by}, whose public key is {public or 'not known'}"
            raise ConfigurationError([Problem("--key", message)])
        return key
    if public is None:
        return None
    kept = keys.private(by, public)
    if kept is None:
        raise ConfigurationError([Problem("--key", f"the key of {by} is not kept here; name its file")])
    return kept


def _read_key(path: Path) -> SigningKey:
    """Read a private key: a JWK, or a file as it is kept in the home."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return SigningKey.from_jwk(fields.get("jwk", fields))
    except OSError as error:
        raise ConfigurationError([Problem("--key", f"{path} cannot be read: {error.strerror}")]) from error
    except (ValueError, AttributeError, TypeError) as error:
        message = f"{path} is not the JWK of an Ed25519 private key"
        raise ConfigurationError([Problem("--key", message)]) from error

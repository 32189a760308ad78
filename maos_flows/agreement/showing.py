"""What people are shown of agreement: certificate and evidence, or the leader and the log."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from maos_flows.model import Decision, Fault

_LONGEST_TOKEN = 60
_LONGEST_STATEMENT = 200
_PARTS = 3  # of a token: header, payload, signature

_BINDING = frozenset({"v", "aud", "decision_id", "nonce", "round", "proposal_sha256", "agent_id", "detail"})
"""What every signed statement of a decision carries."""


def agreement_rows(decision: Decision) -> list[tuple[str, str]]:
    """Give the facts of a decision's agreement as name and value; none if its ballots were counted as they came."""
    details = decision.details.get("agreement")
    if not isinstance(details, Mapping):
        return []
    return list(_byzantine(decision, details) if details.get("protocol") == "byzantine" else _raft(details))


def _byzantine(decision: Decision, details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Replicas", f"{details['agents']}, of which {details['faults_borne']} may be silent or lie; in one process"
    certificate = decision.certificate
    if certificate is None:
        yield "Certificate", "none: the replicas did not agree"
    else:
        signers = ", ".join(agent for agent, _ in certificate.commits)
        count = f"{len(certificate.commits)} signatures, {details['quorum']} needed"
        yield "Certificate", f"{count}, in view {certificate.view}"
        yield "Signed by", signers
        yield "Check it", f"maos consensus verify {decision.decision_id}"
    for name in ("silent", "proven"):
        if details.get(name):
            yield f"{name.capitalize()}{' faulty' if name == 'proven' else ''}", ", ".join(details[name])
    yield "Seed", str(details["seed"])


def _raft(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Replicas", f"{details['agents']}, of which {details['crashes_borne']} may be down; in one process"
    yield "Leader", f"{details['leader'] or 'none'}, term {details['term']}, after {details['elections']} candidacies"
    yield "Committed", f"{details['commit_index']} entries, each held by {details['quorum']} or more"
    down = [agent for agent, replica in details["replicas"].items() if replica["role"] == "down"]
    if down:
        yield "Down", ", ".join(down)
    yield "Seed", str(details["seed"])


def log_rows(decision: Decision) -> list[tuple[str, str, str]]:
    """Give the committed log of a Raft decision: index, term, entry."""
    details = decision.details.get("agreement")
    log = details.get("log", ()) if isinstance(details, Mapping) else ()
    return [(str(entry["index"]), str(entry["term"]), str(entry["entry"])) for entry in log]


def fault_text(fault: Fault) -> str:
    """Say a fault with what shows it: of signed statements what they say, for the record has them whole."""
    kind = "proof" if fault.is_proof else "suspicion"
    return "\n".join((f"{fault.agent_id}: {fault.kind.replace('_', ' ')} ({kind})", *map(_shown, fault.evidence)))


def _shown(item: str) -> str:
    """Say what a statement says, such as `signed ballot: choice approve`; anything else as it is, cut."""
    kind, _, token = item.partition(" ")
    claims = _claims(token)
    said = "; ".join(f"{name} {value}" for name, value in claims.items() if name not in _BINDING)
    text = f"signed {kind}: {said}" if claims else item
    longest = _LONGEST_STATEMENT if claims else _LONGEST_TOKEN
    return text if len(text) <= longest else f"{text[:longest]}..."


def _claims(token: str) -> Mapping[str, Any]:
    """Read what a token in JWS compact form claims, without looking whether it is signed."""
    parts = token.split(".")
    if len(parts) != _PARTS:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(f"{parts[1]}==="))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}

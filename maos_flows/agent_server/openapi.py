"""The protocol in OpenAPI, made from what the server reads, and the copy that is shipped."""

import json
from pathlib import Path
from typing import Any

from maos_flows.agent_server.questions import QuestionSaid
from maos_flows.model import Risk
from maos_flows.proposing import LONGEST_SUGGESTION
from maos_flows.voters.http_protocol import VERSION, VERSION_HEADER, VERSIONS

SHIPPED = Path(__file__).parent.parent / "schemas" / "agent.openapi.json"
"""The copy that other servers are written by."""

_REFERENCES = "#/components/schemas/{model}"
_JSON = "application/json"
_TEXT = {"type": "string"}
_BALLOT = {
    "type": "object",
    "required": ["choice"],
    "properties": {
        "choice": {**_TEXT, "description": "One of the choices as they are written, or abstain."},
        "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "reasoning": _TEXT,
        "evidence": {"type": "array", "items": _TEXT},
        "risk": {"enum": [*(risk.value for risk in Risk), None]},
        "veto": {"type": "boolean"},
        "attributes": {"type": "object", "description": "Anything else, as JSON."},
        "signature": {
            **_TEXT,
            "description": "JWS, compact (alg Ed25519, kid the RFC 7638 thumbprint, typ maos-ballot+jws), of the claims"
            " as they were sent, with agent_id, choice and detail.",
        },
    },
}
_SUGGESTION = {
    "type": "object",
    "required": ["suggestion"],
    "properties": {
        "suggestion": {
            **_TEXT,
            "maxLength": LONGEST_SUGGESTION,
            "description": "A short answer in one line, or abstain, which suggests nothing.",
        },
        "reasoning": _TEXT,
        "attributes": {"type": "object", "description": "Anything else, as JSON."},
        "signature": {
            **_TEXT,
            "description": "As of a ballot, with typ maos-suggestion+jws: the claims, with agent_id, suggestion and"
            " detail.",
        },
    },
}
_HEALTH = {
    "type": "object",
    "required": ["status", "agent"],
    "properties": {
        "status": {"const": "ok"},
        "protocol": {
            "enum": list(VERSIONS),
            "description": "The newest version it speaks; it speaks those before too.",
        },
        "agent": _TEXT,
        "voter": _TEXT,
        "public_key": {**_TEXT, "description": "Its Ed25519 key, the x of RFC 8037."},
        "under_way": {"type": "integer", "minimum": 0},
    },
}
_REFUSALS = {
    "400": "It is no question, or speaks another version.",
    "401": "The token is missing or wrong.",
    "408": "The question did not arrive in time.",
    "409": "It is for another agent, its claims are not those of what is shown, or another was answered before.",
    "413": "It is too large.",
    "415": "It is not application/json.",
    "421": "The server goes by another name.",
    "429": "As many questions are being answered as may be at once; come again after Retry-After.",
    "500": "The voter failed.",
    "504": "The voter gave no ballot in time.",
}


def openapi() -> dict[str, Any]:
    """Make the OpenAPI document (3.1) of the protocol."""
    question = QuestionSaid.model_json_schema(ref_template=_REFERENCES)
    parts = question.pop("$defs")
    error = {"type": "object", "required": ["error"], "properties": {"error": _TEXT}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "maos_flows agent",
            "version": str(VERSIONS[-1]),
            "description": f"What an agent behind a URL answers. All messages bear {VERSION_HEADER}: {VERSION}, or"
            f" {VERSIONS[-1]} where a suggestion is wanted.",
        },
        "paths": {
            "/ballot": {
                "post": {
                    "operationId": "ballot",
                    "summary": "Ask the agent. Asked again in the same round it gives the same ballot.",
                    "requestBody": {"required": True, "content": _content("Question")},
                    "responses": {
                        "200": _one_of("The ballot, or the suggestion.", "Ballot", "Suggestion"),
                        **_refusals(),
                    },
                }
            },
            "/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Say whether the agent is well.",
                    "responses": {"200": _answer("It is.", "Health"), "401": _answer(_REFUSALS["401"], "Error")},
                }
            },
        },
        "security": [{}, {"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                **parts,
                "Question": question,
                "Ballot": _BALLOT,
                "Suggestion": _SUGGESTION,
                "Health": _HEALTH,
                "Error": error,
            },
        },
    }


def openapi_text() -> str:
    """Write the document as it is shipped."""
    return json.dumps(openapi(), indent=2, sort_keys=True) + "\n"


def _content(name: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": _REFERENCES.format(model=name)}}}


def _answer(description: str, name: str) -> dict[str, Any]:
    return {"description": description, "content": _content(name)}


def _one_of(description: str, *names: str) -> dict[str, Any]:
    kinds = [{"$ref": _REFERENCES.format(model=name)} for name in names]
    return {"description": description, "content": {_JSON: {"schema": {"oneOf": kinds}}}}


def _refusals() -> dict[str, Any]:
    return {status: _answer(description, "Error") for status, description in _REFUSALS.items()}

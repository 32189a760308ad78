"""The protocols of providers of models, as far as a ballot needs them: what a local server answers in each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.voters.openai_server import FORM, Reply

Fields = dict[str, Any]


@dataclass(frozen=True)
class Protocol:
    """How one provider's client talks.

    Attributes:
        model: A model of the provider whose price is known, as settings name it.
        key: The variable with its key.
        address: The variable that says where it is; empty if its client knows none.
        base: What stands in `base_url` after the server's root.
        path: Where the client then posts.
        answer: The body of an answer that calls the form with these fields, by the model's name.
        form: The schema of the form in the client's request.
        busy: Headers and body of an answer that asks to wait for so many seconds.
        price: US dollars for 100 tokens sent and 20 received.
        also: What else the client wants to know from its environment.
        takes_temperature: Whether the model does.
    """

    model: str
    key: str
    address: str
    base: str
    path: str
    answer: Callable[[str, Fields], Any]
    form: Callable[[Mapping[str, Any]], Any]
    busy: Callable[[float], tuple[dict[str, str], Any]]
    price: float
    also: Mapping[str, str] = field(default_factory=dict)
    takes_temperature: bool = True

    @property
    def name(self) -> str:
        """The model's own name."""
        return self.model.partition(":")[2]

    def ballot(self, choice: str = "PostgreSQL", **fields: Any) -> Reply:
        """Cast a ballot, in events where the client asks for a stream."""
        body = self.answer(self.name, {"choice": choice, "confidence": 0.9, "reasoning": "Joins.", **fields})

        def reply(handler: Any, request: Mapping[str, Any]) -> None:
            if request.get("stream"):
                handler.send(200, _as_events(body), {"Content-Type": "text/event-stream"})
            else:
                handler.send(200, json.dumps(body).encode())

        return reply

    def is_busy(self, seconds: float) -> Reply:
        """Ask to wait."""
        headers, body = self.busy(seconds)
        return lambda handler, _request: handler.send(429, json.dumps(body).encode(), headers)


def _responses(model: str, fields: Fields) -> Any:
    made = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": FORM, "status": "completed"}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "model": model,
        "output": [{**made, "arguments": json.dumps(fields)}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 120,
        },
    }


def _messages(model: str, fields: Fields) -> Any:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "tool_use", "id": "toolu_1", "name": FORM, "input": fields}],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 20},
    }


def _as_events(message: Any) -> bytes:
    """Give the same message as Anthropic's stream of events."""
    (call,), usage = message["content"], message["usage"]
    part = {"type": "input_json_delta", "partial_json": json.dumps(call["input"])}
    events = (
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {**call, "input": {}}},
        {"type": "content_block_delta", "index": 0, "delta": part},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    )
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def _generated(model: str, fields: Fields) -> Any:
    call = {"functionCall": {"name": FORM, "args": fields}}
    return {
        "candidates": [{"content": {"role": "model", "parts": [call]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120},
        "modelVersion": model,
        "responseId": "r-1",
    }


def _completed(model: str, fields: Fields) -> Any:
    call = {"id": "call12345", "type": "function", "function": {"name": FORM, "arguments": json.dumps(fields)}}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def _conversed(_model: str, fields: Fields) -> Any:
    call = {"toolUse": {"toolUseId": "t-1", "name": FORM, "input": fields}}
    return {
        "output": {"message": {"role": "assistant", "content": [call]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 100, "outputTokens": 20, "totalTokens": 120},
        "metrics": {"latencyMs": 1},
    }


def _told_in_header(seconds: float, body: Any) -> tuple[dict[str, str], Any]:
    return {"Retry-After": f"{seconds:g}"}, body


PROTOCOLS = {
    "responses": Protocol(
        model="openai-responses:gpt-4o",
        price=0.00045,
        key="OPENAI_API_KEY",
        address="OPENAI_BASE_URL",
        base="/v1",
        path="/v1/responses",
        answer=_responses,
        form=lambda request: request["tools"][0]["parameters"],
        busy=lambda seconds: _told_in_header(seconds, {"error": {"message": "slow down", "type": "error"}}),
    ),
    "anthropic": Protocol(
        model="anthropic:claude-sonnet-5-5",
        price=0.0004,
        key="ANTHROPIC_API_KEY",
        address="ANTHROPIC_BASE_URL",
        base="",
        path="/v1/messages",
        answer=_messages,
        form=lambda request: request["tools"][0]["input_schema"],
        busy=lambda seconds: _told_in_header(
            seconds, {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
        ),
        takes_temperature=False,
    ),
    "google": Protocol(
        model="google:gemini-2.5-flash",
        price=0.00008,
        key="GOOGLE_API_KEY",
        address="GOOGLE_GEMINI_BASE_URL",
        base="",
        path="/v1beta/models/gemini-2.5-flash:generateContent",
        answer=_generated,
        form=lambda request: request["tools"][0]["functionDeclarations"][0]["parameters_json_schema"],
        busy=lambda seconds: (
            {},
            {
                "error": {
                    "code": 429,
                    "message": "slow down",
                    "status": "RESOURCE_EXHAUSTED",
                    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds:g}s"}],
                }
            },
        ),
    ),
    "mistral": Protocol(
        model="mistral:mistral-large-latest",
        price=0.00032,
        key="MISTRAL_API_KEY",
        address="",
        base="",
        path="/v1/chat/completions",
        answer=_completed,
        form=lambda request: request["tools"][0]["function"]["parameters"],
        busy=lambda seconds: _told_in_header(seconds, {"message": "slow down", "type": "rate_limited", "code": "1300"}),
    ),
    "groq": Protocol(
        model="groq:openai/gpt-oss-120b",
        price=0.000027,
        key="GROQ_API_KEY",
        address="GROQ_BASE_URL",
        base="",
        path="/openai/v1/chat/completions",
        answer=_completed,
        form=lambda request: request["tools"][0]["function"]["parameters"],
        busy=lambda seconds: _told_in_header(seconds, {"error": {"message": "slow down", "type": "tokens"}}),
    ),
    "bedrock": Protocol(
        model="bedrock:us.amazon.nova-pro-v1:0",
        price=0.000144,
        key="AWS_SECRET_ACCESS_KEY",
        address="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        base="",
        path="/model/us.amazon.nova-pro-v1%3A0/converse",
        answer=_conversed,
        form=lambda request: request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"],
        busy=lambda seconds: (
            {"Retry-After": f"{seconds:g}", "x-amzn-errortype": "ThrottlingException"},
            {"message": "slow down"},
        ),
        also={"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"},
    ),
}
"""The protocols by name; that of `openai:` elsewhere, Chat Completions, is `openai_server`."""

"""Suggestions: what agents propose as an answer where a question came without choices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from maos_flows.model.codes import AuthClass


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An agent's suggestion of an answer.

    Attributes:
        decision_id: The decision it is for.
        agent_id: Whose it is.
        text: The answer, in one line; `abstain` suggests nothing.
        reasoning: Why, in the agent's words.
        attributes: Anything else it states, as JSON, such as what it cost.
        voter: The kind of voter it came from; `simulated` is shown wherever it is.
        auth_class: How independent its author is.
        received_at: When it arrived, by the coordinator's clock.
        seconds: How long the agent took.
        signature: Its signed form, a JWS in compact serialisation; empty if it is not signed.
    """

    decision_id: str
    agent_id: str
    text: str
    reasoning: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    voter: str = "recorded"
    auth_class: AuthClass = AuthClass.IN_PROCESS
    received_at: datetime | None = None
    seconds: float = 0.0
    signature: str = ""

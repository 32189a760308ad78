"""Asking an agent for a suggestion: the one way a question without choices goes to a voter and comes back as one."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from maos_flows.model import Absence, Agent, Proposal, Suggestion
from maos_flows.proposing import as_suggestion
from maos_flows.voters.answer import Reasoning, Signature, read_form
from maos_flows.voters.asking import Asking
from maos_flows.voters.base import utc_now
from maos_flows.voters.cleaning import Scrub
from maos_flows.voters.proving import proven_suggestion
from maos_flows.voters.retrying import Backoff


class Suggested(BaseModel):
    """A well-formed suggestion: a short answer in one line, and why."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    suggestion: Annotated[str, AfterValidator(as_suggestion)]
    reasoning: Reasoning = ""
    attributes: dict[str, Any] = {}
    signature: Signature = ""


def read_suggestion(reply: object, *, scrub: Scrub) -> Suggested:
    """Read a voter's reply: a mapping with at least `suggestion`, or a text, which is the suggestion.

    Raises:
        MalformedError: It is no suggestion, or too long; says why.
    """
    return read_form(Suggested, reply, scrub=scrub, text="suggestion", exact=("signature",))


async def suggest(
    agent: Agent,
    proposal: Proposal,
    *,
    retries: int = 2,
    timeout_seconds: float | None = None,
    now: Callable[[], datetime] = utc_now,
    backoff: Backoff | None = None,
) -> Suggestion | Absence:
    """Ask one agent for its suggestion, again after failures that may pass, and never beyond the proposal's deadline.

    Nothing a voter does is raised. What is no suggestion is asked for again, and then there is none.

    Args:
        agent: Who is asked; `timeout` (seconds) and `retries` in its settings go before the arguments here.
        proposal: What is asked, in round 0.
        retries: How often it is asked again at most.
        timeout_seconds: How long one attempt may take; None: as long as there is time.
        now: The coordinator's clock.
        backoff: How long to wait between attempts.
    """
    asking = AskingForSuggestion(agent, proposal, timeout_seconds=timeout_seconds, now=now)
    return await asking.until_given(retries=retries, backoff=backoff)


class AskingForSuggestion(Asking[Suggestion]):
    """One agent being asked for its suggestion."""

    async def _given(self) -> Suggestion:
        said = await self._reply(partial(read_suggestion, scrub=self._scrub))
        suggestion = Suggestion(
            self.proposal.decision_id,
            self.agent.id,
            said.suggestion,
            said.reasoning,
            said.attributes,
            signature=said.signature,
            **self._whence(),
        )
        return proven_suggestion(self.agent, self.proposal, suggestion)

"""Asking an agent: the one way a question goes to a voter and comes back as a ballot or as an absence."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from maos_flows.model import ABSTAIN, Absence, Agent, Ballot, Proposal
from maos_flows.scrutiny import tidy
from maos_flows.voters.answer import Answer, read_answer
from maos_flows.voters.asking import Asking
from maos_flows.voters.failures import MalformedError, VoterError
from maos_flows.voters.proving import proven
from maos_flows.voters.retrying import Backoff


def utc_now() -> datetime:
    """Give the coordinator's clock, in UTC."""
    return datetime.now(UTC)


async def ask(
    agent: Agent,
    proposal: Proposal,
    *,
    retries: int = 2,
    timeout_seconds: float | None = None,
    now: Callable[[], datetime] = utc_now,
    backoff: Backoff | None = None,
) -> Ballot | Absence:
    """Ask one agent for its ballot, again after failures that may pass, and never beyond the proposal's deadline.

    Nothing a voter does is raised. A well-formed answer for a choice that is not the proposal's is asked for again and,
    if the agent stays with it, returned as a ballot, which scrutiny rejects. Cancelling kills the voter's processes.

    Args:
        agent: Who is asked; `timeout` (seconds) and `retries` in its settings go before the arguments here.
        proposal: What is asked.
        retries: How often it is asked again at most.
        timeout_seconds: How long one attempt may take; None: as long as there is time.
        now: The coordinator's clock.
        backoff: How long to wait between attempts.
    """
    asking = AskingForBallot(agent, proposal, timeout_seconds=timeout_seconds, now=now)
    return await asking.until_given(retries=retries, backoff=backoff)


class AskingForBallot(Asking[Ballot]):
    """One agent being asked for its ballot; the last well-formed one stands, whatever it is for."""

    _ballot: Ballot | None = None

    async def _given(self) -> Ballot:
        answer = await self._reply(partial(read_answer, scrub=self._scrub))
        self._ballot = proven(self.agent, self.proposal, self._as_ballot(answer))
        if not self._is_allowed(self._ballot.choice):
            raise MalformedError("its choice is not one of the proposal's")
        return self._ballot

    def _as_ballot(self, answer: Answer) -> Ballot:
        return Ballot(
            self.proposal.decision_id,
            self.agent.id,
            answer.choice if self._is_allowed(answer.choice) else self._scrub(answer.choice),
            round=self.proposal.round,
            confidence=answer.confidence,
            reasoning=answer.reasoning,
            evidence=answer.evidence,
            risk=answer.risk,
            veto=answer.veto,
            attributes=answer.attributes,
            signature=answer.signature,
            **self._whence(),
        )

    def _is_allowed(self, choice: str) -> bool:
        choices = self.proposal.choices
        return choice in choices or tidy(choice) in (*choices, ABSTAIN)

    def ended(self, failure: VoterError) -> Ballot | Absence:
        """Give the last well-formed answer, if there was one, else an absence that says why."""
        return super().ended(failure) if self._ballot is None else self._ballot

"""Asking an agent: the one way a question goes to a voter and comes back as a ballot or as an absence."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from maos_flows.model import ABSTAIN, Absence, AbsenceKind, Agent, Ballot, Proposal
from maos_flows.scrutiny import tidy
from maos_flows.voters import command, http, human, model, python, recorded, simulated
from maos_flows.voters.answer import Answer, read_answer
from maos_flows.voters.cleaning import clean, one_line, scrubber
from maos_flows.voters.failures import (
    AttemptTimeoutError,
    LastingError,
    MalformedError,
    PassingError,
    VoterError,
)
from maos_flows.voters.proving import proven
from maos_flows.voters.retrying import Backoff, retrying

Voter = Callable[[Agent, Proposal], Awaitable[object]]

VOTERS: Mapping[str, Voter] = MappingProxyType(
    {
        "command": command.answer,
        "http": http.answer,
        "human": human.answer,
        "model": model.answer,
        "python": python.answer,
        "recorded": recorded.answer,
        "simulated": simulated.answer,
    }
)
"""The kinds of voters there are."""
UNBOUNDED_SECONDS = 60.0
"""How long an attempt may take where neither settings nor a deadline bound it."""
_SETTLED = frozenset({"human", "recorded", "simulated"})
"""Kinds that give the same answer however often they are asked: they are asked once."""


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
    asking = _Asking(agent, proposal, timeout_seconds=timeout_seconds, now=now)
    again = 0 if agent.voter in _SETTLED else int(agent.settings.get("retries", retries))
    if asking.seconds_left is not None and asking.seconds_left <= 0:
        return asking.absence(AbsenceKind.TIMED_OUT, "the deadline had passed before it was asked")
    limit = asyncio.timeout(asking.seconds_left)
    try:
        async with limit:
            return await retrying(again, backoff or Backoff(), seconds_left=asking.seconds_left)(asking.attempt)
    except TimeoutError:
        assert limit.expired()
        return asking.ended(AttemptTimeoutError("no answer before the deadline"))
    except VoterError as failure:
        return asking.ended(failure)


class _Asking:
    """One agent being asked: what came of its attempts so far."""

    def __init__(
        self, agent: Agent, proposal: Proposal, *, timeout_seconds: float | None, now: Callable[[], datetime]
    ) -> None:
        self.agent = agent
        self.proposal = proposal
        self.seconds_left = (proposal.deadline - now()).total_seconds() if proposal.deadline else None
        own = agent.settings.get("timeout", timeout_seconds)
        self.attempt_seconds = float(own) if own is not None else self._whole_time()
        self._now = now
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock()
        self._attempts = 0
        self._ballot: Ballot | None = None
        self._failure: VoterError | None = None
        self._scrub = scrubber(agent.settings)

    def _whole_time(self) -> float | None:
        return UNBOUNDED_SECONDS if self.seconds_left is None else None

    async def attempt(self) -> Ballot:
        """Ask once.

        Raises:
            PassingError: Asking again may help.
            LastingError: It will not.
        """
        self._attempts += 1
        try:
            self._ballot = proven(self.agent, self.proposal, self._as_ballot(await self._answer()))
        except VoterError as failure:
            self._failure = failure
            raise
        if not self._is_allowed(self._ballot.choice):
            raise MalformedError("its choice is not one of the proposal's")
        return self._ballot

    async def _answer(self) -> Answer:
        """Give what the voter gives, within an attempt's time. Reading it touches objects that the voter made."""
        voter = VOTERS.get(self.agent.voter)
        if voter is None:
            raise LastingError(f"{self.agent.voter!r} is no kind of voter; there are {', '.join(VOTERS)}")
        limit = asyncio.timeout(self.attempt_seconds)
        try:
            async with limit:
                return read_answer(await voter(self.agent, self.proposal), scrub=self._scrub)
        except VoterError:
            raise
        except (ConnectionError, TimeoutError) as error:
            if limit.expired():
                raise AttemptTimeoutError(f"no answer within {self.attempt_seconds:g} s") from error
            raise PassingError(_described(error)) from error
        except Exception as error:
            raise LastingError(_described(error)) from error

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
            voter=self.agent.voter,
            received_at=self._now(),
            seconds=self._seconds(),
        )

    def _is_allowed(self, choice: str) -> bool:
        choices = self.proposal.choices
        return choice in choices or tidy(choice) in (*choices, ABSTAIN)

    def ended(self, failure: VoterError) -> Ballot | Absence:
        """Give the last well-formed answer, if there was one, else an absence that says why."""
        if self._ballot is not None:
            return self._ballot
        if self._failure is not None and self._failure is not failure:
            failure = type(failure)(f"{failure}; the last time: {self._failure}")
        kind = AbsenceKind.TIMED_OUT if isinstance(failure, AttemptTimeoutError) else AbsenceKind.FAILED
        times = f"asked {self._attempts} times: " if self._attempts > 1 else ""
        return self.absence(kind, f"{times}{failure}")

    def absence(self, kind: AbsenceKind, explanation: str) -> Absence:
        """Give an absence with its explanation in one short line without secrets."""
        return Absence(
            self.proposal.decision_id,
            self.agent.id,
            kind,
            one_line(self._scrub(clean(explanation))),
            round=self.proposal.round,
            voter=self.agent.voter,
            received_at=self._now(),
            seconds=self._seconds(),
        )

    def _seconds(self) -> float:
        return self._clock() - self._started


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

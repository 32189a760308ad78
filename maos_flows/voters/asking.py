"""Attempts: an agent is asked, again after failures that may pass, in the time there is; what goes wrong is told."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from maos_flows.model import Absence, AbsenceKind, Agent, Proposal
from maos_flows.voters.cleaning import Scrub, clean, one_line, scrubber
from maos_flows.voters.failures import AttemptTimeoutError, LastingError, PassingError, VoterError
from maos_flows.voters.kinds import SETTLED, VOTERS
from maos_flows.voters.retrying import Backoff, retrying

UNBOUNDED_SECONDS = 60.0
"""How long an attempt may take where neither settings nor a deadline bound it."""

Given = TypeVar("Given")
Read = TypeVar("Read")


class Asking(ABC, Generic[Given]):
    """One agent being asked for something: what came of its attempts so far.

    Args:
        agent: Who is asked; `timeout` (seconds) in its settings goes before the argument here.
        proposal: What is asked; its deadline bounds everything.
        timeout_seconds: How long one attempt may take; None: as long as there is time.
        now: The coordinator's clock.
    """

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
        self._failure: VoterError | None = None
        self._scrub: Scrub = scrubber(agent.settings)

    def _whole_time(self) -> float | None:
        return UNBOUNDED_SECONDS if self.seconds_left is None else None

    async def until_given(self, *, retries: int, backoff: Backoff | None) -> Given | Absence:
        """Ask, again after failures that may pass, and never beyond the deadline. Nothing a voter does is raised.

        Args:
            retries: How often it is asked again at most, unless its settings say otherwise.
            backoff: How long to wait between attempts.
        """
        again = 0 if self.agent.voter in SETTLED else int(self.agent.settings.get("retries", retries))
        if self.seconds_left is not None and self.seconds_left <= 0:
            return self.absence(AbsenceKind.TIMED_OUT, "the deadline had passed before it was asked")
        limit = asyncio.timeout(self.seconds_left)
        try:
            async with limit:
                return await retrying(again, backoff or Backoff(), seconds_left=self.seconds_left)(self.attempt)
        except TimeoutError:
            assert limit.expired()
            return self.ended(AttemptTimeoutError("no answer before the deadline"))
        except VoterError as failure:
            return self.ended(failure)

    async def attempt(self) -> Given:
        """Ask once.

        Raises:
            PassingError: Asking again may help.
            LastingError: It will not.
        """
        self._attempts += 1
        try:
            return await self._given()
        except VoterError as failure:
            self._failure = failure
            raise

    @abstractmethod
    async def _given(self) -> Given:
        """Ask once, and read what is given."""

    def ended(self, failure: VoterError) -> Given | Absence:
        """Give an absence that says why nothing was given."""
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
            **self._whence(),
        )

    async def _reply(self, read: Callable[[object], Read]) -> Read:
        """Give what the voter gives, read, within an attempt's time. Reading touches objects that the voter made."""
        voter = VOTERS.get(self.agent.voter)
        if voter is None:
            raise LastingError(f"{self.agent.voter!r} is no kind of voter; there are {', '.join(VOTERS)}")
        limit = asyncio.timeout(self.attempt_seconds)
        try:
            async with limit:
                return read(await voter(self.agent, self.proposal))
        except VoterError:
            raise
        except (ConnectionError, TimeoutError) as error:
            if limit.expired():
                raise AttemptTimeoutError(f"no answer within {self.attempt_seconds:g} s") from error
            raise PassingError(_described(error)) from error
        except Exception as error:
            raise LastingError(_described(error)) from error

    def _whence(self) -> dict[str, Any]:
        """Say where an answer comes from, when, and after how long."""
        return {
            "voter": self.agent.voter,
            "received_at": self._now(),
            "seconds": self._clock() - self._started,
        }


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

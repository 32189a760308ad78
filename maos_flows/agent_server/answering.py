"""Answering: a question becomes one signed ballot or suggestion, whoever asks how often, and however many at once."""

import asyncio
from dataclasses import replace
from fractions import Fraction
from typing import Any

from maos_flows.agent_server.given import Given, GivenBallots
from maos_flows.agent_server.questions import Question
from maos_flows.agreement.binding import BALLOT, SUGGESTION, claims_of, detail_of, suggestion_claims
from maos_flows.audit.bounds import bound_answer, bound_suggestion
from maos_flows.errors import MaosError
from maos_flows.model import ABSTAIN, Absence, AbsenceKind, Agent, Ballot, Proposal, Suggestion
from maos_flows.records import to_plain
from maos_flows.scrutiny import tidy
from maos_flows.signing import SigningKey
from maos_flows.voters import ask, suggest

_SUGGESTED = ("reasoning", "attributes", "signature")
_SAID = ("choice", "confidence", "reasoning", "evidence", "risk", "veto", "attributes", "signature")
_DIGITS = 12
"""How exactly a confidence is sent; thirds have no end in JSON."""


class BusyNowError(MaosError):
    """As many questions are being answered as may be at once."""


class OtherQuestionError(MaosError):
    """A ballot was given for this round already, to another question."""


class NoBallotError(MaosError):
    """The voter gave no ballot.

    Attributes:
        is_late: Whether it was for want of time.
    """

    def __init__(self, absence: Absence) -> None:
        super().__init__(absence.explanation)
        self.is_late = absence.kind is AbsenceKind.TIMED_OUT


class Answering:
    """Answers for one agent with its voter and signs with its key.

    Args:
        agent: The agent, with its voter.
        key: Its key.
        given: The ballots it gave before.
        timeout_seconds: How long its voter may take for one attempt.
        at_once: How many questions it answers at the same time.
    """

    def __init__(
        self, agent: Agent, key: SigningKey, given: GivenBallots, *, timeout_seconds: float, at_once: int
    ) -> None:
        self.agent = agent
        self.key = key
        self._given = given
        self._timeout_seconds = timeout_seconds
        self._at_once = at_once
        self._under_way: dict[str, tuple[str, asyncio.Task[dict[str, Any]]]] = {}

    @property
    def under_way(self) -> int:
        """How many questions are being answered."""
        return len(self._under_way)

    async def answer(self, question: Question) -> dict[str, Any]:
        """Give the answer to a question: the one that was given, or the one that is being made, or a new one.

        Who stops waiting does not stop the voter: whoever asks again gets what comes of it.

        Raises:
            OtherQuestionError: For this round another question was answered.
            BusyNowError: There are too many at once.
            NoBallotError: The voter gave none.
            StoreError: The answer cannot be kept.
        """
        digest = str(claims_of(question.proposal)["proposal_sha256"])
        known = self._given.find(question.key)
        if known is not None:
            _check_same(known.proposal_sha256, digest)
            return known.ballot
        if question.key in self._under_way:
            asked, making = self._under_way[question.key]
            _check_same(asked, digest)
        elif len(self._under_way) >= self._at_once:
            raise BusyNowError(f"{self._at_once} questions are being answered already")
        else:
            making = asyncio.create_task(self._make(question, digest))
            self._under_way[question.key] = digest, making
            making.add_done_callback(lambda done: self._forget(question.key, done))
        return await asyncio.shield(making)

    async def stop(self) -> None:
        """End what is being answered."""
        making = [task for _, task in self._under_way.values()]
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)

    def _forget(self, key: str, done: asyncio.Task[dict[str, Any]]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # it is told to whoever waits; nobody need

    async def _make(self, question: Question, digest: str) -> dict[str, Any]:
        asked = replace(self.agent, role=question.role, domains=question.domains)
        asking = suggest if question.proposal.wants_suggestions else ask
        answer: Ballot | Suggestion | Absence = await asking(
            asked, question.proposal, timeout_seconds=self._timeout_seconds
        )
        if isinstance(answer, Absence):
            raise NoBallotError(answer)
        if self.agent.voter == "simulated":  # whoever asks sees only that it came from a URL
            answer = replace(answer, attributes={**answer.attributes, "simulated": True})
        said = self._signed(answer, question.proposal)
        await asyncio.to_thread(self._given.keep, question.key, Given(digest, said))
        return said

    def _signed(self, answer: Ballot | Suggestion, proposal: Proposal) -> dict[str, Any]:
        if isinstance(answer, Ballot):
            return signed(answer, proposal, self.key)
        return signed_suggestion(answer, proposal, self.key)


def signed(ballot: Ballot, proposal: Proposal, key: SigningKey) -> dict[str, Any]:
    """Give a ballot as it is sent: bounded as it will be kept, so that what is signed is what is read, and signed."""
    choice = tidy(ballot.choice)
    confidence = None if ballot.confidence is None else round(float(ballot.confidence), _DIGITS)
    final = bound_answer(
        replace(
            ballot,
            choice=choice if choice in (*proposal.choices, ABSTAIN) else ballot.choice,
            confidence=None if confidence is None else Fraction(repr(confidence)),
        )
    )
    own = {"agent_id": ballot.agent_id, "choice": final.choice, "detail": detail_of(final)}
    plain = to_plain(replace(final, signature=key.sign(BALLOT, claims_of(proposal) | own)))
    return {name: plain[name] for name in _SAID} | {"confidence": confidence}


def signed_suggestion(suggestion: Suggestion, proposal: Proposal, key: SigningKey) -> dict[str, Any]:
    """Give a suggestion as it is sent: bounded as it will be kept, and signed."""
    final = bound_suggestion(suggestion)
    signature = key.sign(SUGGESTION, suggestion_claims(final, proposal))
    plain = to_plain(replace(final, signature=signature))
    return {"suggestion": final.text, **{name: plain[name] for name in _SUGGESTED}}


def _check_same(before: str, now: str) -> None:
    if before != now:
        raise OtherQuestionError("another question was answered under this decision and round")

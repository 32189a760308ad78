"""Questions as they arrive: read strictly, and signed for only if what is shown is what the signature binds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maos_flows.agreement.binding import VERSION as CLAIMS_VERSION
from maos_flows.agreement.binding import claims_of
from maos_flows.model import Agent, Context, Proposal
from maos_flows.records import problems_of
from maos_flows.voters.failures import MalformedError
from maos_flows.voters.strict_json import read_json

_Short = Annotated[str, Field(max_length=4096)]


class _Said(BaseModel):
    """A part of a request; keys that a later version adds are set aside."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class ContextSaid(_Said):
    """Something the agent is given beside the question."""

    name: _Short
    text: str


class AgentSaid(_Said):
    """Who is asked, as the roster has it."""

    id: _Short
    role: _Short = "agent"
    domains: list[_Short] = []


class ClaimsSaid(_Said):
    """What binds a signature: installation, decision, nonce, round, and the digest of the proposal."""

    v: int
    aud: _Short
    decision_id: _Short
    nonce: _Short
    round: int
    proposal_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class QuestionSaid(_Said):
    """A proposal as it is POSTed to an agent."""

    decision_id: Annotated[str, Field(min_length=1, max_length=4096)]
    round: Annotated[int, Field(ge=0, description="0 where a suggestion is wanted, and only there.")]
    question: str
    choices: Annotated[list[_Short], Field(max_length=10_000, description="None where a suggestion is wanted.")]
    wanted: Annotated[
        Literal["ballot", "suggestion"], Field(description="What comes back; suggestions since version 2.")
    ] = "ballot"
    domains: list[_Short] = []
    context: list[ContextSaid] = []
    deadline: _Short | None = None
    agent: AgentSaid
    proposer: _Short | None = None
    claims: ClaimsSaid

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        wants_ballot = self.wanted == "ballot"
        if wants_ballot != bool(self.choices) or wants_ballot != (self.round > 0):
            raise ValueError("a ballot is wanted of choices, in a round from 1 on; a suggestion of none, in round 0")
        return self


class NotOursError(MalformedError):
    """A question that is for another agent, or whose claims are of another proposal: signing it would mislead."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to one agent.

    Attributes:
        proposal: What is asked, with what binds a signature.
        role: The agent's role, as whoever asks has it.
        domains: What it knows about, as whoever asks has it.
    """

    proposal: Proposal
    role: str
    domains: tuple[str, ...]

    @property
    def key(self) -> str:
        """What there is one ballot for: a round of a decision of an installation."""
        proposal = self.proposal
        return f"{proposal.deployment}\n{proposal.decision_id}\n{proposal.round}"


def read_question(body: bytes, agent: Agent) -> Question:
    """Read a question to an agent.

    Raises:
        NotOursError: It is for another agent, or what would be signed is not what is shown.
        MalformedError: It is no question; says why.
    """
    try:
        said = QuestionSaid.model_validate(read_json(body))
        proposal = _proposal(said)
    except ValidationError as error:
        raise MalformedError("; ".join(str(problem) for problem in problems_of(error)[:5])) from error
    except ValueError as error:
        raise MalformedError(f"deadline: {error}") from error
    if said.agent.id != agent.id:
        raise NotOursError(f"the question is for another agent than {agent.id}")
    if said.claims.model_dump() != claims_of(proposal):
        raise NotOursError(f"the claims (version {CLAIMS_VERSION}) are not those of the proposal that is shown")
    return Question(proposal, said.agent.role, tuple(said.agent.domains))


def _proposal(said: QuestionSaid) -> Proposal:
    """Make the proposal anew, so that its digest can be compared with the one to be signed."""
    deadline = None if said.deadline is None else datetime.fromisoformat(said.deadline)
    if deadline is not None and deadline.tzinfo is None:
        raise ValueError("it has no time zone")
    return Proposal(
        said.decision_id,
        said.question,
        tuple(said.choices),
        domains=tuple(said.domains),
        context=tuple(Context(context.name, context.text) for context in said.context),
        round=said.round,
        proposer=said.proposer,
        deadline=deadline,
        deployment=said.claims.aud,
        nonce=said.claims.nonce,
    )

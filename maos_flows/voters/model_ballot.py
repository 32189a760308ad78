"""The forms a model fills in: a ballot for one of the choices, so that no text is ever interpreted, or a suggestion."""

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, create_model

from maos_flows.model import ABSTAIN, Proposal, Risk
from maos_flows.proposing import LONGEST_SUGGESTION

_MOST_EVIDENCE = 20


class _Form(BaseModel):
    """A ballot. Nothing is coerced: a confidence in quotes is none."""

    model_config = ConfigDict(strict=True, extra="forbid", title="ballot")


class SuggestionForm(BaseModel):
    """Suggest an answer."""

    model_config = ConfigDict(strict=True, extra="forbid", title="suggestion")

    suggestion: Annotated[str, Field(min_length=1, max_length=LONGEST_SUGGESTION)] = Field(
        description=f"Your answer: a name or a few words, in one line; `{ABSTAIN}` if you have none."
    )
    reasoning: str = Field(description="Why, in a few sentences.")


def ballot_form(proposal: Proposal) -> type[BaseModel]:
    """Make the form for a proposal: its choices and `abstain` are the only answers it takes."""
    choices = dict.fromkeys((*proposal.choices, ABSTAIN))
    risks = tuple(risk.value for risk in Risk)
    fields: dict[str, Any] = {
        "choice": (_one_of(tuple(choices)), Field(description="Your choice, letter for letter.")),
        "confidence": (
            Annotated[float, Field(ge=0, le=1)],
            Field(description="How sure you are: from 0 to 1."),
        ),
        "reasoning": (str, Field(description="Why, in a few sentences.")),
        "evidence": (
            Annotated[list[str], Field(max_length=_MOST_EVIDENCE)],
            Field(default_factory=list, description="What you cite."),
        ),
        "risk": (_one_of(risks) | None, Field(None, description="How risky the matter is, if you can say.")),
    }
    return cast("type[BaseModel]", create_model("ballot", __base__=_Form, __doc__="Cast your ballot.", **fields))


def _one_of(texts: tuple[str, ...]) -> Any:
    return Literal[texts]

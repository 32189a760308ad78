"""Parts of the model voter: what is spent is added up and forgotten in time; a form that came as data is read too."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelRequest, ModelResponse, ToolCallPart, UserPromptPart

from maos_flows.model import Agent, Proposal
from maos_flows.voters.model_asking import FORM, _as_given
from maos_flows.voters.model_ballot import ballot_form
from maos_flows.voters.model_spending import _MOST_BALLOTS, Accounts, Limits, Spent

PROPOSAL = Proposal("d-1", "?", ("a", "b"))
ADA = Agent("ada", voter="model")
SPENDINGS = st.builds(
    Spent,
    st.integers(0, 9),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.none() | st.integers(0, 10**6).map(lambda micros: Decimal(micros) / 10**6),
)


@given(parts=st.lists(SPENDINGS, max_size=6))
def test_attempts_add_up_to_what_the_ballot_tells(parts):
    accounts = Accounts()

    for part in parts:
        accounts.add(ADA, PROPOSAL, part)
    told = accounts.settle(ADA, PROPOSAL, Spent())

    assert told.tokens == sum(part.tokens for part in parts)
    assert (told.cost or 0) == sum(part.cost or 0 for part in parts)
    assert ("cost" in told.attributes("a:b")) == any(part.cost is not None for part in parts)
    assert accounts.spent(ADA, PROPOSAL) == Spent()


def test_the_ballots_that_were_never_cast_are_forgotten_in_time():
    accounts = Accounts()

    accounts.add(ADA, PROPOSAL, Spent(1))
    for number in range(_MOST_BALLOTS):
        accounts.add(ADA, Proposal(f"d-{number}-2", "?", ("a", "b")), Spent(1))

    assert accounts.spent(ADA, PROPOSAL) == Spent()


def test_what_is_left_is_what_was_not_spent():
    limits = Limits(100, Decimal("0.5"))

    assert limits.left(Spent(1, 30, 20, Decimal("0.2"))) == Limits(50, Decimal("0.3"))


def test_a_form_that_comes_as_data_is_read_as_what_was_checked():
    output = ballot_form(PROPOSAL).model_validate({"choice": "a", "confidence": 0.5, "reasoning": "So."})
    said = ModelResponse([ToolCallPart("look", {}), ToolCallPart(FORM, {"choice": "a"})])

    found = _as_given([ModelRequest([UserPromptPart("?")]), said], output, FORM)

    assert found == {"choice": "a", "confidence": 0.5, "reasoning": "So.", "evidence": []}

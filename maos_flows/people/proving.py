"""Who answered: a person's key proves it. Prefect's resume carries no identity, so a form proves nothing.

A person with a `public_key` in the roster answers signed or not at all. One without is believed, and its ballot says
`in_process`, not `human`.
"""

from dataclasses import replace

from maos_flows import signing
from maos_flows.agreement.binding import BALLOT, claims_of, detail_of
from maos_flows.audit.bounds import bound_answer
from maos_flows.model import AuthClass, Ballot, Opening
from maos_flows.model.people import Answered, Person, Question, QuestionKind

ANSWER = "answer"
"""What is signed where it is not one's own ballot."""


def ballot_of(question: Question, given: Answered) -> Ballot:
    """Give the ballot that an answer is, not yet received; a deputy's says whose word it is."""
    ballot = Ballot(
        question.decision_id,
        question.person.agent_id,
        given.choice,
        round=question.round,
        confidence=given.confidence,
        reasoning=given.reasoning,
        veto=given.veto,
        attributes={} if given.by == question.person.agent_id else {"deputy": given.by},
        voter="human",
        auth_class=AuthClass.HUMAN if given.signature else AuthClass.IN_PROCESS,
        signature=given.signature if is_own_ballot(question, given) else "",
    )
    return bound_answer(ballot)


def is_own_ballot(question: Question, given: Answered) -> bool:
    """Say whether an answer is a person's own ballot, rather than a deputy's word or an overseer's."""
    return question.kind is QuestionKind.BALLOT and given.by == question.person.agent_id


def signed(question: Question, given: Answered, opening: Opening, key: signing.SigningKey) -> Answered:
    """Sign an answer: it holds for this question of this round of this decision, and nowhere else."""
    kind, claims = _claims(question, given, opening)
    return replace(given, signature=key.sign(kind, claims))


def is_proven(question: Question, given: Answered, opening: Opening, person: Person) -> bool:
    """Say whether an answer is signed, exactly as it stands, by a person's key."""
    if person.public_key is None or not given.signature:
        return False
    kind, claims = _claims(question, given, opening)
    return signing.verify(person.public_key, kind, given.signature) == claims


def _claims(question: Question, given: Answered, opening: Opening) -> tuple[str, dict[str, str | int]]:
    ballot = ballot_of(question, replace(given, signature=""))
    claims = {
        **claims_of(opening.proposal),
        "agent_id": question.person.agent_id,
        "choice": given.choice,
        "detail": detail_of(ballot),
    }
    if is_own_ballot(question, given):
        return BALLOT, claims
    return ANSWER, {**claims, "by": given.by, "question": question.kind.value}

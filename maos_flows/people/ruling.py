"""What a person's word makes of a decision that was counted. The count stays in it, whatever a person says."""

from dataclasses import replace
from typing import Any

from maos_flows.model import Decision, Outcome, Reason
from maos_flows.model.people import Answered, Overseers, QuestionKind
from maos_flows.people.asking import APPROVE
from maos_flows.tally import dissent


def question_after(decision: Decision, overseers: Overseers) -> QuestionKind | None:
    """Say what the overseers are asked of a decision; None if nothing, or if there are none."""
    if not overseers.agents or not decision.opening.proposal.choices:
        return None  # without choices there is nothing to decide between
    if decision.outcome is Outcome.ESCALATED:
        return QuestionKind.DECIDE
    has_choice = decision.outcome in (Outcome.REACHED, Outcome.OVERRIDDEN)
    return QuestionKind.CONFIRM if overseers.must_confirm and has_choice else None


def ruled(decision: Decision, kind: QuestionKind, given: Answered | None) -> Decision:
    """Give the decision as it is after what the overseers were asked; no answer is never an approval."""
    match kind:
        case QuestionKind.DECIDE:
            return _expired(decision) if given is None else _decided(decision, given)
        case QuestionKind.CONFIRM | QuestionKind.BALLOT | QuestionKind.SUGGESTION:
            return _confirmed(decision, given)


def _decided(decision: Decision, given: Answered) -> Decision:
    because = f": {given.reasoning}" if given.reasoning else ""
    return replace(
        decision,
        outcome=Outcome.OVERRIDDEN,
        reason=Reason.HUMAN_DECIDED,
        choice=given.choice,
        explanation=f"{given.by} decided {given.choice}{because}; the ballots: {decision.explanation}",
        dissent=dissent(decision.tally, decision.ballots, given.choice),
        decisive=(),
        margin=None,
        details={
            **decision.details,
            "overrode": {"reason": decision.reason.value, **_words_of(given)},
        },
    )


def _expired(decision: Decision) -> Decision:
    return replace(
        decision,
        reason=Reason.EXPIRED,
        explanation=f"no person decided in time; the ballots: {decision.explanation}",
        details={**decision.details, "escalated_for": decision.reason.value},
    )


def _confirmed(decision: Decision, given: Answered | None) -> Decision:
    if given is not None and given.choice == APPROVE:
        words = f"{decision.explanation}; confirmed by {given.by}"
        return replace(decision, explanation=words, details={**decision.details, "oversight": _words_of(given)})
    because = f": {given.reasoning}" if given is not None and given.reasoning else ""
    who = "nobody confirmed it in time" if given is None else f"{given.by} declined it{because}"
    details = {"choice": decision.choice, **(_words_of(given) if given is not None else {"by": None})}
    return replace(
        decision,
        outcome=Outcome.NOT_REACHED,
        reason=Reason.UNCONFIRMED if given is None else Reason.DECLINED,
        choice=None,
        explanation=f"{decision.choice} was not confirmed: {who}; the ballots: {decision.explanation}",
        dissent=dissent(decision.tally, decision.ballots, None),
        decisive=(),
        margin=None,
        details={**decision.details, "oversight": details},
    )


def _words_of(given: Answered) -> dict[str, Any]:
    return {
        "by": given.by,
        "answer": given.choice,
        "reasoning": given.reasoning,
        "via": given.via,
        "signature": given.signature,
        "proven": bool(given.signature),
    }

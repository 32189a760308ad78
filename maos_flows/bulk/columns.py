"""Deciding by columns: a question's ballots are two short rows of codes, and rows that are equal are decided once.

Who is for what is all that a counting policy looks at. So of all questions with the same electorate, choices and
ballots one is decided, by the ordinary way and nothing else, and the others are decided like it. Another policy is
asked about each question.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from maos_flows.audit.bulk import Closed
from maos_flows.bulk.asking import BY_COLUMNS, Asker
from maos_flows.bulk.questions import Question
from maos_flows.bulk.votes import Votes
from maos_flows.model import Absence, AbsenceKind, Ballot, Decision, Opening
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide
from maos_flows.scrutiny import scrutinise

_NOT_RECORDED = "no ballot recorded"


def decide_recorded(asker: Asker, questions: Sequence[Question], *, at: datetime) -> tuple[Closed, ...]:
    """Decide questions whose ballots are recorded; `at` is when they are opened, answered and decided."""
    votes, policy = asker.rule.votes, asker.rule.policy
    assert votes is not None
    by_columns = type(policy) in BY_COLUMNS
    decided: dict[object, Decision] = {}
    closed = []
    for question in questions:
        request, opening = asker.open(question, at=at)
        workers, labels = votes.of(question.id)
        key: object = opening.proposal.decision_id
        if by_columns:
            key = (id(opening.electorate), opening.proposal.choices, workers.tobytes(), labels.tobytes())
        like = decided.get(key)
        if like is None:
            like = decided[key] = decide_alone(policy, opening, ballots_of(votes, question, opening, at=at), at=at)
        closed.append(Closed(request, opening, like))
    return tuple(closed)


def decide_alone(policy: ConsensusPolicy, opening: Opening, ballots: Sequence[Ballot], *, at: datetime) -> Decision:
    """Decide one question by its ballots; an elector without one that counts is absent."""
    scrutiny = scrutinise(ballots, opening)
    counted = {ballot.agent_id for ballot in scrutiny.counted}
    rejected = {entry.ballot.agent_id: entry.explanation for entry in reversed(scrutiny.rejected)}
    absences = [
        Absence(
            opening.proposal.decision_id,
            elector.agent_id,
            AbsenceKind.FAILED,
            f"its ballot was rejected: {rejected[elector.agent_id]}" if elector.agent_id in rejected else _NOT_RECORDED,
            voter=elector.voter,
            received_at=at,
        )
        for elector in opening.electorate.electors
        if elector.agent_id not in counted
    ]
    absences.sort(key=lambda absence: absence.agent_id)
    return decide(policy, opening, ballots, absences=absences)


def ballots_of(votes: Votes, question: Question, opening: Opening, *, at: datetime) -> tuple[Ballot, ...]:
    """Give the ballots of a question. Of one worker's they came one after the other, so that the first counts."""
    earlier: dict[int, int] = {}
    ballots = []
    for worker, label in zip(*votes.of(question.id), strict=True):
        number = earlier[worker] = earlier.get(worker, -1) + 1
        arrived = at + timedelta(microseconds=number)
        ballots.append(
            Ballot(opening.proposal.decision_id, votes.workers[worker], votes.labels[label], received_at=arrived)
        )
    return tuple(ballots)

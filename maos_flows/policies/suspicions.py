"""Suspicions: agents whose answers a decision could not count, in ways that may be innocent and may not."""

from collections.abc import Sequence

from maos_flows.model import Absence, AbsenceKind, Fault, RejectedBallot, RejectionReason, Suspicions

_CARELESS = {
    RejectionReason.LATE,
    RejectionReason.INVALID_CHOICE,
    RejectionReason.INVALID_CONFIDENCE,
}
"""What an agent that is slow or broken does; listed only where everything is."""

_INNOCENT = {
    RejectionReason.NO_JUSTIFICATION,
    RejectionReason.VETO_WITHOUT_REASON,
    RejectionReason.OWN_PROPOSAL,
}
"""What a rule of this decision refuses, and no agent is to blame for."""

_ABSENT = {AbsenceKind.FAILED, AbsenceKind.TIMED_OUT}


def suspicions(rejected: Sequence[RejectedBallot], absences: Sequence[Absence], which: Suspicions) -> tuple[Fault, ...]:
    """List the suspects of a decision, each once for each kind of misbehaviour, by agent and kind.

    None is a proof: two ballots may be a retry, a late one a slow network. Proofs are faults of their own, found by
    the algorithms whose ballots are signed. An agent whose ballot was rejected is not listed as absent too.

    Args:
        rejected: The ballots that were not counted, and why.
        absences: Who gave none, and why.
        which: What is to be listed.
    """
    if which is Suspicions.NONE:
        return ()
    passed_over = _INNOCENT if which is Suspicions.ALL else _INNOCENT | _CARELESS
    found: dict[tuple[str, str], list[str]] = {}
    for item in rejected:
        if item.reason not in passed_over:
            found.setdefault((item.ballot.agent_id, f"{item.reason}_ballot"), []).append(item.explanation)
    if which is Suspicions.ALL:
        explained = {item.ballot.agent_id for item in rejected}
        for absence in absences:
            if absence.kind in _ABSENT and absence.agent_id not in explained:
                found.setdefault((absence.agent_id, absence.kind.value), []).append(absence.explanation)
    return tuple(
        Fault(agent_id, kind, is_proof=False, evidence=tuple(dict.fromkeys(said)))
        for (agent_id, kind), said in sorted(found.items())
    )

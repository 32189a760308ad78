"""The values everything speaks of: agents, proposals, ballots, decisions. All frozen, none acts."""

from maos_flows.model.agents import Agent, Elector, Electorate, Roster
from maos_flows.model.ballots import Absence, Ballot, BallotBox, Fault, RejectedBallot
from maos_flows.model.codes import (
    ABSTAIN,
    AbsenceKind,
    AuthClass,
    Basis,
    EventKind,
    Outcome,
    Protocol,
    Reason,
    RejectionReason,
    Risk,
    Suspicions,
    TieBreak,
)
from maos_flows.model.decisions import Certificate, Decision, Dissent, Event, Ruling, Tally, exact
from maos_flows.model.drills import BYZANTINE_KINDS, FailureKind, PlannedFailure
from maos_flows.model.oversight import Oversight, Requirement, Rule
from maos_flows.model.proposals import Context, Opening, Parameters, Proposal
from maos_flows.model.suggestions import Suggestion

__all__ = [
    "ABSTAIN",
    "BYZANTINE_KINDS",
    "Absence",
    "AbsenceKind",
    "Agent",
    "AuthClass",
    "Ballot",
    "BallotBox",
    "Basis",
    "Certificate",
    "Context",
    "Decision",
    "Dissent",
    "Elector",
    "Electorate",
    "Event",
    "EventKind",
    "FailureKind",
    "Fault",
    "Opening",
    "Outcome",
    "Oversight",
    "Parameters",
    "PlannedFailure",
    "Proposal",
    "Protocol",
    "Reason",
    "RejectedBallot",
    "RejectionReason",
    "Requirement",
    "Risk",
    "Roster",
    "Rule",
    "Ruling",
    "Suggestion",
    "Suspicions",
    "Tally",
    "TieBreak",
    "exact",
]

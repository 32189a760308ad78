"""Policies' files as people write them: like those one finds in tutorials, with their quirks, and small ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maos_flows.audit.store import AuditStore
from maos_flows.model import Agent, Ballot, Decision, Parameters, Proposal
from maos_flows.plugins.installing import install, look_at
from maos_flows.plugins.pins import Pin
from maos_flows.plugins.sandbox import Code, Limits
from maos_flows.plugins.sandboxed import SandboxedPolicy
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide, freeze
from tests.strategies import NOON

QUICK = Limits(wall_seconds=15, cpu_seconds=5)

EVALUATE = """
from maos.consensus import ConsensusPolicy
import os, sys, time
class Mine(ConsensusPolicy):
    name = "mine"
    def evaluate_proposal(self, proposal, votes):
        {body}
"""
AGREES = 'return {"consensus": True, "decision": "x", "strength": 1.0}'

# Registers through a name it never imports; attributes set in __init__; reads ballots with get and by key; has helpers
# and class annotations of typing; sums floats; breaks ties by the order of votes where there is no consensus.
CLINICAL = """
from maos.consensus import ConsensusPolicy, VotingStrategy
from typing import Any, Dict, List


class ClinicalPolicy(ConsensusPolicy):
    def __init__(self):
        super().__init__()
        self.name = "clinical"
        self.min_reviewers = 2
        self.grades = ["strong", "weak"]
        self.strict = True

    def evaluate_proposal(self, proposal: Dict[str, Any], votes: List[Dict]) -> Dict[str, Any]:
        graded = []
        for vote in votes:
            graded.append({
                'agent_id': vote['agent_id'],
                'decision': vote['decision'],
                'weight': self._grade(vote.get('grade', 'weak')) * vote.get('agent_weight', 1.0),
                'confidence': vote.get('confidence', 0.5),
                'evidence': vote.get('evidence', []),
            })
        if len([g for g in graded if self._reviews(g['agent_id'])]) < self.min_reviewers:
            return {'consensus': False, 'reason': 'Too few reviewers'}
        total = sum(g['weight'] for g in graded)
        sums = {}
        for g in graded:
            sums[g['decision']] = sums.get(g['decision'], 0) + g['weight']
        best = max(sums.keys(), key=lambda x: sums[x])
        share = sums[best] / total
        return {'consensus': share >= 0.75, 'decision': best, 'strength': share, 'quality': 'low'}

    def _grade(self, grade: str) -> float:
        return {'strong': 5.0, 'weak': 1.0}.get(grade, 1.0)

    def _reviews(self, agent_id: str) -> bool:
        return 'doctor' in agent_id or 'clinician' in agent_id


maos.consensus.register_policy(ClinicalPolicy())
"""

# Uses numpy, whose numbers stand in the answer; reads a mapping inside a ballot's attributes.
PORTFOLIO = """
from maos.consensus import ConsensusPolicy
from typing import Any, Dict, List
import numpy as np


class PortfolioPolicy(ConsensusPolicy):
    def __init__(self):
        super().__init__()
        self.name = "portfolio"
        self.limit = 0.15

    def evaluate_proposal(self, proposal: Dict[str, Any], votes: List[Dict]) -> Dict[str, Any]:
        scores = [vote.get('risk_assessment', {}).get('score', 0.5) for vote in votes]
        risk = np.mean(scores)
        needed = 0.8 if risk > self.limit else 0.6
        sums, total = {}, 0
        for vote in votes:
            sums[vote['decision']] = sums.get(vote['decision'], 0) + vote.get('confidence', 0.5)
            total += vote.get('confidence', 0.5)
        for choice in sums:
            sums[choice] /= total
        best = max(sums.keys(), key=lambda x: sums[x])
        return {
            'consensus': sums[best] >= needed,
            'decision': best,
            'strength': sums[best],
            'risk': risk,
            'needed': needed,
        }


maos.consensus.register_policy(PortfolioPolicy())
"""

BOARD = """
policy: board
description: The board decides.
threshold: 2/3
quorum: {security: 1}
"""


def body(*lines: str) -> str:
    """Write a policy whose evaluation has these lines."""
    return EVALUATE.format(body="\n        ".join(lines))


def sandboxed(source: str, *, name: str = "mine", limits: Limits = QUICK) -> SandboxedPolicy:
    """Make a policy of a file's text."""
    return SandboxedPolicy(name, Code(source=source), digest="sha256:0", limits=limits)


def decided(
    policy: ConsensusPolicy, votes: str = "xxy", *, parameters: Parameters | None = None, **attributes
) -> Decision:
    """Let doctors of these ids vote by letters, all stating the same, and decide."""
    agents = [Agent(f"doctor_{letter}", "doctor") for letter in "abcdefg"[: len(votes)]]
    proposal = Proposal("d-1", "Which?", ("x", "y"))
    opening = freeze(policy, proposal, agents, parameters or Parameters(), opened_at=NOON)
    ballots = [
        Ballot("d-1", agent.id, vote, attributes=dict(attributes)) for agent, vote in zip(agents, votes, strict=True)
    ]
    return decide(policy, opening, ballots)


def written(folder: Path, text: str, name: str = "policy.py") -> Path:
    """Write a policy's file."""
    file = folder / name
    file.write_text(text)
    return file


@contextmanager
def opened(home: Path) -> Iterator[AuditStore]:
    """Open the audit store of a home."""
    with AuditStore.open(f"sqlite:///{home / 'audit.db'}") as store:
        yield store


def installed(home: Path, text: str, name: str = "policy.py") -> Pin:
    """Write a policy's file beside a home and install it."""
    home.mkdir(exist_ok=True)
    file = written(home.parent, text, name)
    with opened(home) as store:
        return install(look_at(file, home=home), home=home, store=store)

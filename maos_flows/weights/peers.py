"""Weights without feedback: how far the others agreed, one step and guarded. Only where it was asked for.

Agreement says nothing of who is right when some agents copy each other or collude: unguarded, three of seven take over.
Being right alike is no sign of copying, being alike against the others is: agents that vote alike in most decisions
where one of them left the others share one vote, and do not vouch for each other. Nothing is learned from few agents or
few decisions. Even so it can lose against equal weights, which feedback does not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations

from maos_flows.weights.records import Record, Standing, earned_weight

PEERS_MINIMUM_AGENTS = 5
"""With fewer agents, who agrees with whom says too little."""
PEERS_MINIMUM_DECISIONS = 50
"""So many decisions must have been observed before anything is drawn from them: a share is then known to about 0.07."""
COPY_AGREEMENT = Fraction(4, 5)
"""Agents that vote alike in so many of the decisions where one of them left the others share one vote."""
_PAIR_DECISIONS = 10
_PRIOR_WEIGHT = 2.0
"""Evidence of agreement is weaker than feedback: the prior counts twice as many decisions."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PeerRecords:
    """What was observed of who agreed with whom.

    Attributes:
        decisions: How many decisions were observed.
        agreement: By agent, the shares of the others' votes that were for its own choice, summed, and how many.
        together: By pair of agents in order, how often one of them voted otherwise than most others, and how often
            both did so alike.
    """

    decisions: int = 0
    agreement: Mapping[str, Record] = field(default_factory=dict, hash=False)
    together: Mapping[Pair, tuple[int, int]] = field(default_factory=dict, hash=False)

    def observed(self, answers: Mapping[str, str]) -> "PeerRecords":
        """Give the records after one more decision; copies of an agent vouch neither for it nor twice for another."""
        together = self._paired(answers)
        groups = groups_of(tuple(answers), together)
        agreement = dict(self.agreement)
        for agent, choice in answers.items():
            others = [group for group in groups if agent not in group]
            if not others:
                continue
            share = sum(_share(group, answers, choice) for group in others) / len(others)
            before = agreement.get(agent, Record())
            agreement[agent] = Record(before.right + share, before.seen + 1)
        return PeerRecords(self.decisions + 1, agreement, together)

    def _paired(self, answers: Mapping[str, str]) -> dict[Pair, tuple[int, int]]:
        together = dict(self.together)
        cast = Counter(answers.values())
        if len(cast) > 1:
            for first, second in combinations(sorted(answers), 2):
                usual = _usual(cast, answers[first], answers[second])
                if usual is not None and (answers[first] != usual or answers[second] != usual):
                    contested, alike = together.get((first, second), (0, 0))
                    together[first, second] = (contested + 1, alike + (answers[first] == answers[second]))
        return together

    def weights(self, agents: Sequence[str], *, choices: int) -> dict[str, tuple[Fraction, str]]:
        """Give every agent's weight, and where it comes from; agents that vote alike share one.

        Args:
            agents: The agents of the electorate.
            choices: How many choices the proposal has.
        """
        if len(agents) < PEERS_MINIMUM_AGENTS or self.decisions < PEERS_MINIMUM_DECISIONS:
            why = (
                f"equal weights: agreement is learned from with {PEERS_MINIMUM_AGENTS} agents "
                f"and {PEERS_MINIMUM_DECISIONS} decisions or more"
            )
            return {agent: (Fraction(1), why) for agent in agents}
        shared = {}
        for group in groups_of(agents, self.together):
            for agent in sorted(group):
                shared[agent] = self._shared(agent, group, choices)
        if any(weight for weight, _ in shared.values()):
            return {agent: shared[agent] for agent in agents}
        why = "equal weights: nobody agrees with others more than guessing would"
        return {agent: (Fraction(1), why) for agent in agents}

    def _shared(self, agent: str, group: frozenset[str], choices: int) -> tuple[Fraction, str]:
        record = self.agreement.get(agent, Record())
        standing = Standing(Record(record.right / _PRIOR_WEIGHT, record.seen / _PRIOR_WEIGHT))
        weight = earned_weight(standing, choices) / len(group)
        words = f"others agreed in {record.right:.4g} of {record.seen:.4g}"
        if len(group) > 1:
            words += f"; shares one vote with {', '.join(sorted(group - {agent}))}, which votes alike"
        return weight, words


def _usual(cast: Counter[str], first: str, second: str) -> str | None:
    """Give what most of the others chose; None if no choice had more than any other."""
    others = cast.copy()
    others[first] -= 1
    others[second] -= 1
    (usual, most), *rest = others.most_common(2)
    return usual if most and (not rest or rest[0][1] < most) else None


def _share(group: frozenset[str], answers: Mapping[str, str], choice: str) -> float:
    return sum(answers[agent] == choice for agent in group) / len(group)


def groups_of(agents: Sequence[str], together: Mapping[Pair, tuple[int, int]]) -> tuple[frozenset[str], ...]:
    """Join agents that left the others together, and whoever is joined to one of them."""
    group = {agent: agent for agent in agents}

    def root(agent: str) -> str:
        while group[agent] != agent:
            agent = group[agent]
        return agent

    for pair in combinations(sorted(agents), 2):
        both, alike = together.get(pair, (0, 0))
        if both >= _PAIR_DECISIONS and alike >= COPY_AGREEMENT * both:
            group[root(pair[1])] = root(pair[0])
    members: dict[str, set[str]] = {}
    for agent in agents:
        members.setdefault(root(agent), set()).add(agent)
    return tuple(frozenset(found) for found in members.values())

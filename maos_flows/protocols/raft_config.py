"""What a Raft replica is told once: who it is, who the others are, its timing in ticks and its bounds."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.quorum import majority


@dataclass(frozen=True, slots=True)
class RaftConfig:
    """One replica's settings; all replicas of a decision share all but `agent`.

    Any electorate of one or more is allowed. An even one is safe (a majority is more than half) but tolerates no
    more crashes than one replica fewer would; a single one decides alone and tolerates none.

    Attributes:
        agent: Whose replica this is.
        electorate: All agents with a replica, fixed for the decision: there is no change of membership.
        election_ticks: A follower that hears no leader for so long, up to twice as long, stands for election.
        heartbeat_ticks: A leader shows itself this often.
        max_entries_per_append: Most entries in one message; a larger message is refused.
        max_pending: Most proposals, and most reads, whose fate a replica follows.
        max_log_entries: A leader takes no proposal that would make its log longer.
        pre_vote: Ask whether an election could be won before raising the term.
        check_quorum: A leader that hears no majority steps down; a voter with a live leader does not vote.

    Raises:
        ConfigurationError: Naming every problem.
    """

    agent: str
    electorate: tuple[str, ...]
    election_ticks: int = 10
    heartbeat_ticks: int = 2
    max_entries_per_append: int = 64
    max_pending: int = 1024
    max_log_entries: int = 1_000_000
    pre_vote: bool = True
    check_quorum: bool = True

    def __post_init__(self) -> None:
        problems = [*_electorate_problems(self.agent, self.electorate)]
        if not 0 < self.heartbeat_ticks < self.election_ticks:
            message = f"{self.heartbeat_ticks} is not at least 1 and below election_ticks, {self.election_ticks}"
            problems.append(Problem("heartbeat_ticks", message))
        problems += [
            Problem(name, f"{value} is below 1")
            for name in ("max_entries_per_append", "max_pending", "max_log_entries")
            if (value := getattr(self, name)) < 1
        ]
        if problems:
            raise ConfigurationError(problems)

    @property
    def peers(self) -> tuple[str, ...]:
        """All agents but this one, sorted."""
        return tuple(sorted(agent for agent in self.electorate if agent != self.agent))

    @property
    def quorum(self) -> int:
        """How many replicas, this one included, make a majority."""
        return majority(len(self.electorate))


def seeded_timeouts(seed: int, config: RaftConfig) -> Callable[[], int]:
    """Give a source of election timeouts: ticks in [election_ticks, 2 * election_ticks), from a seed.

    Different agents draw different sequences from one seed, so that they seldom stand for election together.
    """
    drawn = 0

    def draw() -> int:
        nonlocal drawn
        drawn += 1
        digest = sha256(f"{seed}\0{config.agent}\0{drawn}".encode()).digest()
        return config.election_ticks + int.from_bytes(digest[:8]) % config.election_ticks

    return draw


def _electorate_problems(agent: str, electorate: tuple[str, ...]) -> list[Problem]:
    stranger = () if agent in electorate else (Problem("agent", f"{agent!r} is not in the electorate"),)
    return [*stranger, *_confusable(electorate)]


@lru_cache(64)  # every agent of an electorate makes a replica
def _confusable(electorate: tuple[str, ...]) -> tuple[Problem, ...]:
    problems = []
    seen: dict[str, str] = {}
    for other in electorate:
        plain = "".join(unicodedata.normalize("NFKC", other).casefold().split())
        if plain in seen:
            message = f"{other!r} and {seen[plain]!r} are one id; case, space and Unicode form do not distinguish"
            problems.append(Problem("electorate", message))
        seen[plain] = other
    return tuple(problems)

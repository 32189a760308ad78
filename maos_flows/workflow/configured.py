"""What the configuration says of a stage where its document does not: values with the keys they come from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from maos_flows.config import Configuration
from maos_flows.config.contradictions import RAFT
from maos_flows.config.form import ConsensusForm, DecisionPolicyForm
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import nearest
from maos_flows.model import Agent
from maos_flows.policies.base import Expertise, Weighing
from maos_flows.request import Dynamics
from maos_flows.roster import LoadedRoster

_TYPES = ("consensus", "decision_policies")
WEIGHTED = "weighted_voting"
_NOTHING = DecisionPolicyForm()


@dataclass(frozen=True, slots=True)
class Configured:
    """What is configured for decisions of one type.

    Attributes:
        configuration: All of it.
        decision_type: The type; empty if none is named.
    """

    configuration: Configuration
    decision_type: str = ""

    @property
    def consensus(self) -> ConsensusForm:
        """What is configured of decisions."""
        return self.configuration.values.consensus

    @property
    def type(self) -> DecisionPolicyForm:
        """What holds for the type."""
        return self.consensus.decision_policies.get(self.decision_type, _NOTHING)

    def key(self, *path: str) -> str:
        """Name a key with where its value comes from, for problems."""
        origin = self.configuration.origins.get(path)
        return f"{'.'.join(path)} ({origin})" if origin else ".".join(path)

    def of_type(self, name: str) -> tuple[str, ...]:
        """Give the path of a key of the type."""
        return (*_TYPES, self.decision_type, name)


def configured_for(configuration: Configuration, decision_type: str | None) -> Configured:
    """Look up a decision type.

    Raises:
        ConfigurationError: There is none of that name; names those there are.
    """
    types = configuration.values.consensus.decision_policies
    if decision_type and decision_type not in types:
        message = (
            f"there is no type {decision_type[:60]!r}; there are {', '.join(types)}{nearest(decision_type, types)}"
        )
        raise ConfigurationError([Problem("decision_type", message)])
    return Configured(configuration, decision_type or "")


def algorithm_of(configured: Configured) -> tuple[str, tuple[str, ...]]:
    """Give the algorithm where a stage names none, and the key that says so."""
    if configured.type.algorithm:
        return configured.type.algorithm, configured.of_type("algorithm")
    return configured.consensus.default_algorithm, ("consensus", "default_algorithm")


def values_for(configured: Configured, algorithm: str) -> Mapping[str, tuple[Any, tuple[str, ...]]]:
    """Give what holds for a stage's keys where it says nothing, each with the key of the configuration."""
    consensus, kind = configured.consensus, configured.type
    of_algorithm = getattr(consensus.algorithms, algorithm, None)
    found: dict[str, tuple[Any, tuple[str, ...]]] = {
        "timeout": (consensus.voting_timeout, ("consensus", "voting_timeout"))
    }
    for key in ("threshold", "min_participants"):
        if of_algorithm is not None and getattr(of_algorithm, key) is not None:
            found[key] = getattr(of_algorithm, key), ("consensus", "algorithms", algorithm, key)
    for key in ("threshold", "min_participants", "timeout"):
        if getattr(kind, key) is not None:
            found[key] = getattr(kind, key), configured.of_type(key)
    if algorithm == WEIGHTED and consensus.algorithms.weighted_voting.dynamic_weights:
        found["dynamic_weights"] = Dynamics.FEEDBACK, ("consensus", "algorithms", WEIGHTED, "dynamic_weights")
    if consensus.one_lineage_one_vote:
        found["one_lineage_one_vote"] = True, ("consensus", "one_lineage_one_vote")
    if consensus.audit.enabled:
        path = ("consensus", "audit", "decision_justification")
        found["justification"] = consensus.audit.decision_justification, path
    return found


def settings_for(configured: Configured, algorithm: str) -> dict[str, Any]:
    """Give what is configured of an algorithm's own parameters."""
    if algorithm != RAFT:
        of_algorithm = getattr(configured.consensus.algorithms, algorithm, None)
        return dict(getattr(of_algorithm, "parameters", {}))
    raft = configured.consensus.raft
    least, most = raft.election_timeout_min, raft.election_timeout_max
    if least is not None or most is not None:
        least = least if least is not None else max(1, (most or 0) // 2)
        most = most if most is not None else 2 * least
    times = {"election_timeout_min": least, "election_timeout_max": most, "leader_timeout": raft.leader_timeout or most}
    said: dict[str, Any] = {name: value for name, value in times.items() if value is not None}
    return said | ({"leader_override": True} if configured.type.leader_override else {})


def weighed(loaded: LoadedRoster, configuration: Configuration) -> LoadedRoster:
    """Give a roster whose weights are those configured, where a roster of the user's does not say otherwise."""
    values, own = configuration.values, loaded.weighing
    weighted = values.consensus.algorithms.weighted_voting
    roles = values.agent_weights
    kinds = {kind: Expertise(form.domains, form.weight) for kind, form in values.agent_expertise.items()}

    def factor(name: str) -> Any:
        is_set = configuration.is_set("consensus", "algorithms", "weighted_voting", name)
        given = name in loaded.given and not loaded.is_default
        return getattr(weighted, name) if is_set and not given else getattr(own, name)

    weighing = Weighing(
        {**own.roles, **roles} if loaded.is_default else {**roles, **own.roles},
        {**own.expertise, **kinds} if loaded.is_default else {**kinds, **own.expertise},
        factor("expert_weight"),
        factor("regular_weight"),
        one_lineage_one_vote=own.one_lineage_one_vote,
    )
    return replace(loaded, weighing=weighing)


def refused(configured: Configured, algorithm: str, agents: tuple[Agent, ...]) -> Iterator[Problem]:
    """Find what the configuration does not let be decided at all."""
    consensus = configured.consensus
    if algorithm == RAFT and not consensus.raft.enabled:
        yield Problem(configured.key("consensus", "raft", "enabled"), "false: raft may not be used")
    if configured.type.leader_override and algorithm and algorithm != RAFT:
        message = f"{algorithm} elects no leader who could override; it needs {RAFT}"
        yield Problem(configured.key(*configured.of_type("leader_override")), message)
    simulated = [agent.id for agent in agents if agent.voter == "simulated"]
    if consensus.production_mode and simulated:
        message = f"true: simulated agents may not vote in production, here {', '.join(simulated)[:200]}"
        yield Problem(configured.key("consensus", "production_mode"), message)
    people = [agent.id for agent in agents if agent.voter == "human"]
    if consensus.security.vote_encryption and people:
        message = f"true: what people answer is kept readable while it waits, here of {', '.join(people)[:200]}"
        yield Problem(configured.key("consensus", "security", "vote_encryption"), message)


def reviewers_of(
    configured: Configured, agents: tuple[Agent, ...], weighing: Weighing, domains: tuple[str, ...]
) -> tuple[str, ...]:
    """Name the experts in the matter of whom one must cast a ballot, if the type asks for a review.

    Raises:
        ConfigurationError: It does, and nobody is one.
    """
    if not configured.type.expert_review:
        return ()
    experts = tuple(agent.id for agent in agents if agent.weight and weighing.domains_met(agent, domains))
    if experts:
        return experts
    where = configured.key(*configured.of_type("expert_review"))
    matter = f"in {', '.join(domains)}" if domains else "since the matter's domains are not known; name them"
    raise ConfigurationError([Problem(where, f"true: nobody asked is an expert {matter}")])

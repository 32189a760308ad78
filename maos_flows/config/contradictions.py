"""Contradictions: values that are each allowed and cannot all hold."""

from collections.abc import Iterator
from fractions import Fraction

from maos_flows.config.form import ConfigurationForm, ConsensusForm
from maos_flows.config.summing_up import summarizer_of
from maos_flows.errors import ConfigurationError
from maos_flows.policies.registry import built_in_policies

BYZANTINE = "byzantine_tolerant"
RAFT = "raft"
_Found = Iterator[tuple[tuple[str, ...], str]]


def contradictions(values: ConfigurationForm) -> _Found:
    """Find what cannot hold together: where it stands, and why."""
    consensus = values.consensus
    yield from _defaults(consensus)
    yield from _raft(consensus)
    yield from _types(consensus)
    yield from _thresholds(consensus)
    weighted = consensus.algorithms.weighted_voting
    if not weighted.expert_weight and not weighted.regular_weight:
        yield ("consensus", "algorithms", "weighted_voting"), "expert_weight and regular_weight cannot both be 0"
    if consensus.production_mode and not consensus.audit.enabled:
        yield ("consensus", "audit", "enabled"), "production_mode: true needs audit.enabled: true"
    yield from _explain(consensus)


def _explain(consensus: ConsensusForm) -> _Found:
    path = ("consensus", "explain")
    if consensus.explain.model is None and consensus.explain.every_decision:
        yield (*path, "every_decision"), "there is no model that could sum decisions up; name one as explain.model"
    try:
        summarizer_of(consensus.explain)
    except ConfigurationError as error:
        yield from (((*path, problem.path), problem.message) for problem in error.problems)


def _defaults(consensus: ConsensusForm) -> _Found:
    path = ("consensus", "default_algorithm")
    default = consensus.default_algorithm
    if consensus.byzantine_tolerance and default != BYZANTINE:
        yield path, f"{default} bears no lying agent; byzantine_tolerance: true needs {BYZANTINE}"
    if default == RAFT and not consensus.raft.enabled:
        yield path, "raft is the default, but consensus.raft.enabled is false"


def _raft(consensus: ConsensusForm) -> _Found:
    least, most = consensus.raft.election_timeout_min, consensus.raft.election_timeout_max
    if least is not None and most is not None and least >= most:
        yield ("consensus", "raft", "election_timeout_min"), f"{least} is not below election_timeout_max, {most}"


def _types(consensus: ConsensusForm) -> _Found:
    for name, policy in consensus.decision_policies.items():
        if policy.leader_override and policy.algorithm != RAFT:
            algorithm = policy.algorithm or consensus.default_algorithm
            yield (
                ("consensus", "decision_policies", name, "leader_override"),
                f"{algorithm} elects no leader; leader_override: true needs algorithm: {RAFT}",
            )


def _thresholds(consensus: ConsensusForm) -> _Found:
    """Ask the algorithms that come with the package whether they can have the thresholds given."""
    algorithms = consensus.algorithms
    given: list[tuple[tuple[str, ...], str, Fraction | None]] = [
        (("consensus", "algorithms", name, "threshold"), name, getattr(algorithms, name).threshold)
        for name in [*type(algorithms).model_fields, *(algorithms.__pydantic_extra__ or {})]
    ]
    given += [
        (("consensus", "decision_policies", name, "threshold"), policy.algorithm or "", policy.threshold)
        for name, policy in consensus.decision_policies.items()
    ]
    policies = built_in_policies()
    for path, algorithm, share in given:
        if share is not None and algorithm in policies:
            try:
                policies[algorithm].threshold(share)
            except ConfigurationError as error:
                yield from ((path, problem.message) for problem in error.problems)

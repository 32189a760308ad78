"""Every key acts: for each there is a test here that fails if the key is ignored."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from maos_flows.agreement.authenticating import rejection_of
from maos_flows.config import Configuration, resolve
from maos_flows.config.drilling import drills_refused
from maos_flows.config.form import AlgorithmsForm
from maos_flows.config.keys import keys
from maos_flows.errors import ConfigurationError
from maos_flows.model import Ballot, EventKind, Outcome, Reason, RejectionReason, Requirement, Rule, Suspicions
from maos_flows.policies.compliance import complying, examine
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, Dynamics, open_decision
from maos_flows.roster import LoadedRoster, roster_from
from maos_flows.workflow import question_request
from maos_flows.workflow.overseen import bulk_problems
from tests.config.standing_in import STANDING_IN
from tests.strategies import NOON

AGENTS: list[dict[str, Any]] = [
    {"id": "ann", "role": "tester", "domains": ["security"]},
    {"id": "bob", "role": "coder"},
    {"id": "cid", "role": "coder"},
    {"id": "dee", "role": "guru"},
    {"id": "eve", "role": "coder"},
]
ACTS: dict[str, list[str]] = {}


def acts(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark the test of a key."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        for name in names:
            ACTS.setdefault(name, []).append(test.__name__)
        return test

    return mark


def roster(**more: Any) -> LoadedRoster:
    voters = [{**agent, "voter": {"kind": "python", "function": "agents:vote"}} for agent in AGENTS]
    return roster_from({"agents": voters, **more}, base=Path())


@pytest.fixture
def configured(tmp_path):
    def configured(**set_to: str) -> Configuration:
        """Configure keys, each by its environment variable; the file is tested to be the same elsewhere."""
        names = {f"MAOS_{name.upper()}": value for name, value in set_to.items()}
        return resolve({"MAOS_HOME": str(tmp_path), **names})

    return configured


@pytest.fixture
def asked(configured):
    def asked(
        agents: LoadedRoster | None = None, stage: dict[str, Any] | None = None, **set_to: str
    ) -> DecisionRequest:
        """Ask a question under a configuration."""
        return question_request(
            {"question": "Is the security good?", **(stage or {})},
            base=Path(),
            policies=STANDING_IN,
            roster=agents or roster(),
            configuration=configured(**set_to),
        )

    return asked


@pytest.fixture
def refused(asked):
    def refused(*args: Any, **set_to: str) -> str:
        with pytest.raises(ConfigurationError) as caught:
            asked(*args, **set_to)
        return str(caught.value)

    return refused


def weights(request: DecisionRequest) -> dict[str, str]:
    opening = open_decision(request, STANDING_IN[request.algorithm], decision_id="d-1", now=NOON)
    return {elector.agent_id: str(elector.weight) for elector in opening.electorate.electors}


WEIGHTED = {"consensus_algorithm": "weighted_voting"}


def test_every_key_has_its_test():
    assert sorted(ACTS) == sorted(key.name for key in keys())


@acts("consensus.default_algorithm")
def test_the_default_algorithm_decides_where_none_is_named(asked):
    assert asked(CONSENSUS__DEFAULT_ALGORITHM="supermajority").algorithm == "supermajority"
    assert asked(stage=WEIGHTED, CONSENSUS__DEFAULT_ALGORITHM="supermajority").algorithm == "weighted_voting"


@acts("consensus.voting_timeout")
def test_the_voting_timeout_holds_where_none_is_said(asked):
    assert asked(CONSENSUS__VOTING_TIMEOUT="5m").timeout_seconds == 300
    assert asked(stage={"timeout": "7s"}, CONSENSUS__VOTING_TIMEOUT="5m").timeout_seconds == 7


@acts("consensus.byzantine_tolerance")
def test_byzantine_tolerance_refuses_a_default_that_bears_no_liar(asked, refused):
    assert "simple_majority bears no lying agent" in refused(CONSENSUS__BYZANTINE_TOLERANCE="true")
    tolerant = {"CONSENSUS__BYZANTINE_TOLERANCE": "true", "CONSENSUS__DEFAULT_ALGORITHM": "byzantine_tolerant"}
    assert asked(**tolerant).algorithm == "byzantine_tolerant"
    assert asked(stage=WEIGHTED, **tolerant).algorithm == "weighted_voting"


@acts("consensus.malicious_detection")
def test_malicious_detection_lists_agents_whose_ballots_do_not_belong(asked):
    assert asked().oversight.suspicions is Suspicions.NONE
    assert asked(CONSENSUS__MALICIOUS_DETECTION="true").oversight.suspicions is Suspicions.BALLOTS


@acts("consensus.algorithms.byzantine_tolerant.byzantine_detection")
def test_byzantine_detection_of_an_algorithm_is_for_its_decisions(asked):
    set_to = {"CONSENSUS__ALGORITHMS__BYZANTINE_TOLERANT__BYZANTINE_DETECTION": "true"}
    byzantine = asked(stage={"consensus_algorithm": "byzantine_tolerant"}, **set_to)

    assert byzantine.oversight.suspicions is Suspicions.BALLOTS
    assert asked(**set_to).oversight.suspicions is Suspicions.NONE


@acts("consensus.security.byzantine_detection")
def test_byzantine_detection_for_security_lists_the_late_and_the_silent_too(asked):
    assert asked(CONSENSUS__SECURITY__BYZANTINE_DETECTION="true").oversight.suspicions is Suspicions.ALL


BY_NAME = [name if name in AlgorithmsForm.model_fields else "<algorithm>" for name in STANDING_IN]


@acts(*(f"consensus.algorithms.{name}.threshold" for name in BY_NAME))
@pytest.mark.parametrize("name", [*STANDING_IN])
def test_an_algorithms_threshold_holds_for_it_alone(asked, name):
    set_to = {f"CONSENSUS__ALGORITHMS__{name.upper()}__THRESHOLD": "0.83"}
    others = next(other for other in STANDING_IN if other != name)

    found = asked(stage={"consensus_algorithm": name}, **set_to)
    assert found.parameters.threshold.share == Fraction(83, 100)
    assert asked(stage={"consensus_algorithm": others}, **set_to).parameters.threshold.share != Fraction(83, 100)
    said = asked(stage={"consensus_algorithm": name, "threshold": "0.9"}, **set_to)
    assert said.parameters.threshold.share == Fraction(9, 10)


@acts(*(f"consensus.algorithms.{name}.min_participants" for name in BY_NAME))
@pytest.mark.parametrize("name", [*STANDING_IN])
def test_an_algorithms_participation_holds_for_it_alone(asked, refused, name):
    key = f"CONSENSUS__ALGORITHMS__{name.upper()}__MIN_PARTICIPANTS"
    stage = {"consensus_algorithm": name}

    assert asked(stage=stage, **{key: "4"}).parameters.min_participants == 4
    told = refused(None, stage, **{key: "6"})
    assert f"consensus.algorithms.{name}.min_participants (environment, MAOS_{key}): 6 is not in 1..5" in told


@acts("consensus.algorithms.<algorithm>.parameters.<parameter>")
def test_a_policys_own_parameters_are_handed_to_it(asked, refused):
    key, stage = "CONSENSUS__ALGORITHMS__OF_OURS__PARAMETERS__DEPTH", {"consensus_algorithm": "of_ours"}

    assert asked(stage=stage, **{key: "3"}).parameters.settings == {"depth": "3"}
    assert f"(environment, MAOS_{key}): it is too deep" in refused(None, stage, **{key: "9"})


@acts("consensus.algorithms.weighted_voting.expert_weight", "consensus.algorithms.weighted_voting.regular_weight")
def test_experts_and_others_weigh_what_is_configured(asked):
    experts = {"CONSENSUS__ALGORITHMS__WEIGHTED_VOTING__EXPERT_WEIGHT": "7"}
    regulars = {"CONSENSUS__ALGORITHMS__WEIGHTED_VOTING__REGULAR_WEIGHT": "1/2"}

    assert weights(asked(stage=WEIGHTED, **experts))["ann"] == "7"
    assert weights(asked(stage=WEIGHTED, **regulars))["bob"] == "1/2"
    assert weights(asked(roster(expert_weight="3"), WEIGHTED, **experts))["ann"] == "3"


@acts("consensus.algorithms.weighted_voting.dynamic_weights")
def test_dynamic_weights_follow_feedback_for_weighted_voting_alone(asked):
    set_to = {"CONSENSUS__ALGORITHMS__WEIGHTED_VOTING__DYNAMIC_WEIGHTS": "true"}

    assert asked(stage=WEIGHTED, **set_to).dynamics is Dynamics.FEEDBACK
    assert asked(**set_to).dynamics is Dynamics.NONE
    assert asked(stage={**WEIGHTED, "dynamic_weights": "false"}, **set_to).dynamics is Dynamics.NONE


@acts("consensus.one_lineage_one_vote")
def test_one_lineage_has_one_vote_unless_the_stage_says_otherwise(asked):
    set_to = {"CONSENSUS__ONE_LINEAGE_ONE_VOTE": "true"}

    assert asked(**set_to).weighing.one_lineage_one_vote
    assert not asked().weighing.one_lineage_one_vote
    assert not asked(stage={"one_lineage_one_vote": "false"}, **set_to).weighing.one_lineage_one_vote


@acts("agent_weights.<role>")
def test_a_roles_weight_holds_unless_the_roster_says_otherwise(asked):
    set_to = {"AGENT_WEIGHTS__CODER": "5"}

    assert weights(asked(stage=WEIGHTED, **set_to)) == {"ann": "2", "bob": "5", "cid": "5", "dee": "1", "eve": "5"}
    assert weights(asked(roster(agent_weights={"coder": "3"}), WEIGHTED, **set_to))["bob"] == "3"


@acts("agent_expertise.<kind>.weight", "agent_expertise.<kind>.domains")
def test_a_kind_of_expert_weighs_more_in_its_domains(asked):
    kind = {"AGENT_EXPERTISE__GURU__WEIGHT": "9", "AGENT_EXPERTISE__GURU__DOMAINS": "[security, law]"}

    assert weights(asked(stage=WEIGHTED, **kind))["dee"] == "9"
    assert weights(asked(stage={**WEIGHTED, "expert_domains": ["law"]}, **kind))["dee"] == "9"
    assert weights(asked(stage={**WEIGHTED, "question": "Is it good?"}, **kind))["dee"] == "1"


@acts("consensus.raft.enabled")
def test_raft_can_be_forbidden(refused):
    told = refused(None, {"consensus_algorithm": "raft"}, CONSENSUS__RAFT__ENABLED="false")

    assert "consensus.raft.enabled (environment, MAOS_CONSENSUS__RAFT__ENABLED): false: raft may not be used" in told


@acts("consensus.raft.leader_timeout", "consensus.raft.election_timeout_min", "consensus.raft.election_timeout_max")
@pytest.mark.parametrize(
    ("said", "times"),
    [
        ({"leader_timeout": "5000"}, {"leader_timeout": 5000}),
        ({"election_timeout_min": "1000"}, (1000, 2000, 2000)),
        ({"election_timeout_max": "2s"}, (1000, 2000, 2000)),
        ({"election_timeout_min": "900", "election_timeout_max": "1000", "leader_timeout": "5s"}, (900, 1000, 5000)),
    ],
)
def test_rafts_times_are_handed_to_it(asked, said, times):
    request = asked(
        stage={"consensus_algorithm": "raft"},
        **{f"CONSENSUS__RAFT__{name.upper()}": value for name, value in said.items()},
    )
    names = ("election_timeout_min", "election_timeout_max", "leader_timeout")
    wanted = times if isinstance(times, dict) else dict(zip(names, times, strict=True))

    assert request.parameters.settings == wanted
    assert asked(stage=WEIGHTED, CONSENSUS__RAFT__LEADER_TIMEOUT="5000").parameters.settings == {}


RULE = ("algorithm", "threshold", "min_participants", "timeout")
ROUTINE = "CONSENSUS__DECISION_POLICIES__ROUTINE__"
OF_TYPE = {"decision_type": "routine"}


@acts(
    *(
        f"consensus.decision_policies.<type>.{name}"
        for name in ("algorithm", "threshold", "min_participants", "timeout")
    )
)
def test_a_type_says_algorithm_threshold_participation_and_timeout(asked):
    set_to = {
        f"{ROUTINE}ALGORITHM": "weighted_voting",
        f"{ROUTINE}THRESHOLD": "0.9",
        f"{ROUTINE}MIN_PARTICIPANTS": "3",
        f"{ROUTINE}TIMEOUT": "9s",
    }
    request = asked(stage=OF_TYPE, **set_to)
    free = asked(**set_to)

    parameters = request.parameters
    assert (request.algorithm, request.timeout_seconds) == ("weighted_voting", 9)
    assert (parameters.threshold.share, parameters.min_participants) == (Fraction(9, 10), 3)
    assert (free.algorithm, free.timeout_seconds, free.parameters.min_participants) == ("simple_majority", 60, 1)
    assert request.oversight.decision_type == "routine"


def test_what_is_said_goes_before_the_type_and_the_type_before_the_algorithm(asked):
    set_to = {f"{ROUTINE}THRESHOLD": "0.9", "CONSENSUS__ALGORITHMS__SIMPLE_MAJORITY__THRESHOLD": "0.8"}

    assert asked(stage={**OF_TYPE, "threshold": "0.7"}, **set_to).parameters.threshold.share == Fraction(7, 10)
    assert asked(stage=OF_TYPE, **set_to).parameters.threshold.share == Fraction(9, 10)
    assert asked(**set_to).parameters.threshold.share == Fraction(8, 10)


@acts("consensus.decision_policies.<type>.expert_review")
def test_an_expert_review_wants_a_ballot_of_an_expert(asked, refused):
    set_to = {f"{ROUTINE}EXPERT_REVIEW": "true", f"{ROUTINE}THRESHOLD": "0.6"}
    request = asked(stage=OF_TYPE, **set_to)
    policy = STANDING_IN[request.algorithm]
    opening = open_decision(request, policy, decision_id="d-1", now=NOON)
    without = [Ballot("d-1", name, "approve") for name in ("bob", "cid", "dee", "eve")]

    assert request.parameters.reviewers == ("ann",)
    assert decide(policy, opening, without).reason is Reason.NO_EXPERT_REVIEW
    assert decide(policy, opening, [*without, Ballot("d-1", "ann", "reject")]).outcome is Outcome.REACHED
    told = refused(None, {**OF_TYPE, "question": "Is it good?"}, **set_to)
    assert "expert_review (environment" in told
    assert "nobody asked is an expert since the matter's domains are not known" in told


@acts("consensus.decision_policies.<type>.audit_trail")
def test_an_audit_trail_is_for_the_type(asked):
    assert asked(stage=OF_TYPE, **{f"{ROUTINE}AUDIT_TRAIL": "true"}).oversight.audit_trail
    assert not asked(**{f"{ROUTINE}AUDIT_TRAIL": "true"}).oversight.audit_trail


@acts("consensus.decision_policies.<type>.leader_override")
def test_a_leader_may_override_under_raft_alone(asked, refused):
    set_to = {f"{ROUTINE}LEADER_OVERRIDE": "true", f"{ROUTINE}ALGORITHM": "raft"}

    assert asked(stage=OF_TYPE, **set_to).parameters.settings == {"leader_override": True}
    assert asked(stage={"consensus_algorithm": "raft"}, **set_to).parameters.settings == {}
    told = refused(None, {**OF_TYPE, "consensus_algorithm": "supermajority"}, **set_to)
    assert "supermajority elects no leader who could override" in told


@acts("consensus.decision_policies.<type>.human_oversight")
def test_somebody_must_confirm_a_type_with_human_oversight(asked, refused):
    set_to = {f"{ROUTINE}HUMAN_OVERSIGHT": "true"}
    voters = [{**agent, "voter": "simulated"} for agent in AGENTS]
    overseen = roster_from({"agents": [*voters, {"id": "olga", "role": "overseer", "voter": "human"}]}, base=Path())

    told = refused(None, OF_TYPE, **set_to)
    request = asked(overseen, stage=OF_TYPE, **set_to)
    assert "human_oversight (environment, MAOS_CONSENSUS__DECISION_POLICIES__ROUTINE__HUMAN_OVERSIGHT): true: " in told
    assert "there is nobody to confirm" in told
    assert ([agent.id for agent in request.overseers.agents], request.overseers.must_confirm) == (["olga"], True)
    assert "olga" not in [agent.id for agent in request.agents]
    assert not asked(overseen, **set_to).overseers.must_confirm


@acts("consensus.decision_policies.<type>.emergency_contacts", "consensus.contacts")
def test_the_contacts_are_told_of_an_emergency(asked):
    request = asked(
        stage=OF_TYPE, **{f"{ROUTINE}EMERGENCY_CONTACTS": "true", "CONSENSUS__CONTACTS": "[slack-webhook/on-call]"}
    )

    assert (request.oversight.emergency, request.oversight.contacts) == (True, ("slack-webhook/on-call",))
    assert not asked(**{f"{ROUTINE}EMERGENCY_CONTACTS": "true"}).oversight.emergency


@acts("consensus.audit.enabled")
def test_a_disabled_audit_asks_for_nothing_and_is_refused_in_production(asked, refused):
    strict = {
        "CONSENSUS__AUDIT__DECISION_JUSTIFICATION": "required",
        "CONSENSUS__AUDIT__COMPLIANCE_CHECK": "true",
        "CONSENSUS__AUDIT__DETAILED_LOGGING": "true",
    }
    free = asked(CONSENSUS__AUDIT__ENABLED="false", **strict)

    assert (free.parameters.justification_required, free.oversight.compliance) == (False, None)
    assert not free.oversight.audit_trail
    assert asked(**strict).parameters.justification_required
    set_to = {"CONSENSUS__AUDIT__ENABLED": "false", "CONSENSUS__PRODUCTION_MODE": "true"}
    assert "production_mode: true needs audit.enabled: true" in refused(**set_to)


@acts("consensus.audit.detailed_logging")
def test_detailed_logging_is_a_trail_for_every_decision(asked):
    assert asked(CONSENSUS__AUDIT__DETAILED_LOGGING="true").oversight.audit_trail


@acts("consensus.audit.decision_justification")
def test_a_justification_is_required_of_every_ballot(asked):
    set_to = {"CONSENSUS__AUDIT__DECISION_JUSTIFICATION": "required"}

    assert asked(**set_to).parameters.justification_required
    assert not asked(stage={"justification": "optional"}, **set_to).parameters.justification_required


@acts("consensus.audit.compliance_check")
def test_a_compliance_check_undoes_what_was_decided_by_a_weaker_rule_than_the_types(asked):
    set_to = {"CONSENSUS__AUDIT__COMPLIANCE_CHECK": "true", f"{ROUTINE}THRESHOLD": "0.9"}
    request = asked(stage={**OF_TYPE, "threshold": "0.5"}, **set_to)
    policy = STANDING_IN[request.algorithm]
    opening = open_decision(request, policy, decision_id="d-1", now=NOON)
    decision = decide(policy, opening, [Ballot("d-1", name, "approve") for name in ("ann", "bob", "cid")])
    assert request.oversight.compliance is not None
    checked = complying(decision, examine(decision, request.oversight.compliance, {EventKind.TRAIL}))

    assert decision.outcome is Outcome.REACHED
    assert (checked.outcome, checked.reason) == (Outcome.NOT_REACHED, Reason.NOT_COMPLIANT)
    assert asked(stage=OF_TYPE).oversight.compliance is None


def test_a_compliance_check_lists_every_rule_that_holds_with_its_source(asked):
    set_to = {
        "CONSENSUS__AUDIT__COMPLIANCE_CHECK": "true",
        "CONSENSUS__AUDIT__DECISION_JUSTIFICATION": "required",
        "CONSENSUS__PRODUCTION_MODE": "true",
        "CONSENSUS__ALGORITHMS__SIMPLE_MAJORITY__MIN_PARTICIPANTS": "2",
        f"{ROUTINE}EXPERT_REVIEW": "true",
        f"{ROUTINE}AUDIT_TRAIL": "true",
    }
    routine = "consensus.decision_policies.routine"

    assert asked(stage=OF_TYPE, **set_to).oversight.compliance == (
        Requirement(Rule.ALGORITHM, "simple_majority", f"{routine}.algorithm"),
        Requirement(Rule.THRESHOLD, "0.6", f"{routine}.threshold"),
        Requirement(Rule.MIN_PARTICIPANTS, "2", "consensus.algorithms.simple_majority.min_participants"),
        Requirement(Rule.EXPERT_REVIEW, "", f"{routine}.expert_review"),
        Requirement(Rule.AUDIT_TRAIL, "", f"{routine}.audit_trail"),
        Requirement(Rule.JUSTIFICATION, "", "consensus.audit.decision_justification"),
        Requirement(Rule.NOT_SIMULATED, "", "consensus.production_mode"),
    )


@acts("consensus.security.agent_authentication")
def test_authentication_lets_no_ballot_count_that_is_not_signed(asked):
    set_to = {"CONSENSUS__SECURITY__AGENT_AUTHENTICATION": "required"}
    request = asked(**set_to)
    opening = open_decision(request, STANDING_IN[request.algorithm], decision_id="d-1", now=NOON)
    unsigned = rejection_of(Ballot("d-1", "ann", "approve", reasoning="good"), opening)

    assert unsigned is not None
    assert unsigned.reason is RejectionReason.UNSIGNED
    assert not asked().parameters.signed_ballots


@acts("consensus.security.vote_encryption")
def test_encryption_seals_and_encrypts_ballots_and_refuses_what_would_tell_them(asked, refused):
    set_to = {"CONSENSUS__SECURITY__VOTE_ENCRYPTION": "true"}
    request, free = asked(**set_to), asked()
    person = roster_from({"agents": [{"id": "pam", "voter": "human"}, *({"id": a["id"]} for a in AGENTS)]}, base=Path())

    assert (request.sealed, request.encrypted) == (True, True)
    assert (free.sealed, free.encrypted) == (False, False)
    assert "what people answer is kept readable while it waits, here of pam" in refused(person, **set_to)
    told = refused(None, {"rounds": 2, "deliberation": "reasons"}, **set_to)
    assert "vote_encryption lets nobody read a ballot before the close" in told


@acts("consensus.security.audit_signatures")
def test_audit_signatures_sign_the_record_of_a_decision(asked):
    assert asked(CONSENSUS__SECURITY__AUDIT_SIGNATURES="true").signed_record
    assert not asked().signed_record


@acts("consensus.monitoring.consensus_metrics")
def test_metrics_are_written(asked):
    assert asked(CONSENSUS__MONITORING__CONSENSUS_METRICS="true").oversight.metrics


@acts("consensus.monitoring.performance_alerts")
def test_performance_alerts_can_be_silenced(asked):
    assert asked().oversight.alerts
    assert not asked(CONSENSUS__MONITORING__PERFORMANCE_ALERTS="false").oversight.alerts


@acts("consensus.monitoring.slow_consensus_threshold", "consensus.monitoring.failure_rate_threshold")
def test_slowness_and_failures_have_thresholds(asked):
    oversight = asked(
        CONSENSUS__MONITORING__SLOW_CONSENSUS_THRESHOLD="2m", CONSENSUS__MONITORING__FAILURE_RATE_THRESHOLD="0.05"
    ).oversight

    assert (oversight.slow_seconds, oversight.failure_rate) == (120, Fraction(1, 20))


@acts("consensus.production_mode")
def test_production_refuses_simulated_agents(refused, asked):
    simulated = roster_from({"agents": [{"id": "sim", "voter": "simulated"}, {"id": "sam"}]}, base=Path())
    told = refused(simulated, CONSENSUS__PRODUCTION_MODE="true")

    assert "simulated agents may not vote in production, here sim, sam" in told
    assert asked(CONSENSUS__PRODUCTION_MODE="true").agents


@acts("consensus.drills.enabled")
def test_drills_can_be_forbidden_and_are_in_production(configured):
    assert drills_refused(configured()) == ""
    assert "consensus.drills.enabled" in drills_refused(configured(CONSENSUS__DRILLS__ENABLED="false"))
    assert "consensus.production_mode" in drills_refused(configured(CONSENSUS__PRODUCTION_MODE="true"))


@acts("agents")
def test_configured_agents_answer_where_nobody_names_others(configured):
    configuration = configured(AGENTS="[{id: zoe}, {id: yan}]")

    def ids(given: LoadedRoster | None) -> list[str]:
        request = question_request(
            {"question": "Shall we?"},
            base=Path(),
            policies=built_in_policies(),
            roster=given,
            configuration=configuration,
        )
        return [agent.id for agent in request.agents]

    assert ids(None) == ["zoe", "yan"]
    assert ids(roster()) == [agent["id"] for agent in AGENTS]


def test_a_type_that_is_not_there_is_refused_with_the_nearest(refused):
    assert "there is no type 'rutine'" in refused(None, {"decision_type": "rutine"})
    assert "did you mean 'routine'?" in refused(None, {"decision_type": "rutine"})


def test_a_type_of_ones_own_is_as_good(asked):
    set_to = {"CONSENSUS__DECISION_POLICIES__BUDGET__ALGORITHM": "supermajority"}

    assert asked(stage={"decision_type": "budget"}, **set_to).algorithm == "supermajority"


@pytest.mark.parametrize(
    "set_to",
    [
        {f"{ROUTINE}EXPERT_REVIEW": "true"},
        {f"{ROUTINE}AUDIT_TRAIL": "true"},
        {f"{ROUTINE}EMERGENCY_CONTACTS": "true"},
        {"CONSENSUS__AUDIT__COMPLIANCE_CHECK": "true"},
        {"CONSENSUS__MALICIOUS_DETECTION": "true"},
        {"CONSENSUS__SECURITY__AGENT_AUTHENTICATION": "required"},
        {"CONSENSUS__SECURITY__VOTE_ENCRYPTION": "true"},
        {"CONSENSUS__SECURITY__AUDIT_SIGNATURES": "true"},
        {"CONSENSUS__MONITORING__CONSENSUS_METRICS": "true"},
        {"CONSENSUS__MONITORING__SLOW_CONSENSUS_THRESHOLD": "60s"},
        {"CONSENSUS__MONITORING__FAILURE_RATE_THRESHOLD": "0.1"},
    ],
    ids=lambda set_to: next(iter(set_to)).rsplit("__", 1)[1].lower(),
)
def test_decisions_in_bulk_are_refused_what_they_cannot_heed(asked, set_to):
    heeded = asked(stage=OF_TYPE)
    (problem,) = bulk_problems(asked(stage=OF_TYPE, **set_to))

    assert [*bulk_problems(heeded)] == []
    assert "decisions made in bulk do not heed it" in problem.message

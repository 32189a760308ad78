"""Keys of the types of decisions: each acts on decisions of its type alone."""

from fractions import Fraction
from pathlib import Path

from maos_flows.model import Ballot, Outcome, Reason
from maos_flows.policies.deciding import decide
from maos_flows.request import open_decision
from maos_flows.roster import roster_from
from tests.config.acting import AGENTS, OF_TYPE, ROUTINE, acts
from tests.config.standing_in import STANDING_IN
from tests.strategies import NOON

RULE = ("algorithm", "threshold", "min_participants", "timeout")


@acts(*(f"consensus.decision_policies.<type>.{name}" for name in RULE))
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


def test_a_type_that_is_not_there_is_refused_with_the_nearest(refused):
    assert "there is no type 'rutine'" in refused(None, {"decision_type": "rutine"})
    assert "did you mean 'routine'?" in refused(None, {"decision_type": "rutine"})


def test_a_type_of_ones_own_is_as_good(asked):
    set_to = {"CONSENSUS__DECISION_POLICIES__BUDGET__ALGORITHM": "supermajority"}

    assert asked(stage={"decision_type": "budget"}, **set_to).algorithm == "supermajority"

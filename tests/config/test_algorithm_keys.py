"""Keys of algorithms and weights: each acts where it should and nowhere else."""

from fractions import Fraction

import pytest

from maos_flows.config.form import AlgorithmsForm
from maos_flows.request import Dynamics
from tests.config.acting import WEIGHTED, acts, roster, weights
from tests.config.standing_in import STANDING_IN

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

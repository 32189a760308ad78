"""Drills that stand in a workflow's stage."""

from pathlib import Path

import pytest

from maos_flows.config import resolve
from maos_flows.errors import ConfigurationError
from maos_flows.model import FailureKind, PlannedFailure
from maos_flows.policies.registry import built_in_policies
from maos_flows.workflow import load_workflow
from tests.workflow_examples import REPOSITORY, refused, with_stage, workflow_of

CRASH = "drill:\n  - {failure: crash, agents: [ana], after: 500ms, duration: 2s}\n"


def test_a_stage_s_drill_names_agents_or_draws_them() -> None:
    drawn = CRASH + "  - {failure: partition, share: 0.5, duration: 3s, seed: 4}\n"

    (stage,) = workflow_of(with_stage(drawn)).stages

    crash, cut = stage.request.drill
    assert crash == PlannedFailure(FailureKind.CRASH, ("ana",), 2.0, 0.5)
    assert (cut.kind, len(cut.agents), cut.seconds) == (FailureKind.PARTITION, 2, 3.0)


def test_replicas_of_a_stage_can_be_watched() -> None:
    (stage,) = workflow_of(with_stage("watch: 30s\n")).stages

    assert stage.request.watch_seconds == 30


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{failure: crash, agents: [zoe], duration: 2s}", "zoe is not asked in this stage"),
        ("{failure: crash, duration: 2s}", "it needs agents or a share, and not both"),
        ("{failure: crash, agents: [ana], share: 0.5, duration: 2s}", "it needs agents or a share, and not both"),
        ("{failure: partition, share: 1, duration: 2s}", "1 must be above 0 and below 1"),
        ("{failure: flood, agents: [ana], duration: 2s}", "Input should be 'crash'"),
        ("{failure: crash, agents: [ana], duration: 0s}", "a duration must be above 0"),
    ],
)
def test_a_drill_that_is_none_is_refused(entry: str, told: str) -> None:
    assert any(told in problem for problem in refused(with_stage(f"drill:\n  - {entry}\n")))


def test_b81_a_stage_with_a_drill_is_refused_in_production(tmp_path: Path) -> None:
    """B81."""
    forbidding = resolve({"MAOS_HOME": str(tmp_path), "MAOS_CONSENSUS__PRODUCTION_MODE": "true"})

    with pytest.raises(ConfigurationError, match="production_mode is true: nothing is made to fail on purpose"):
        load_workflow(
            with_stage(CRASH),
            source="w.yaml",
            base=tmp_path,
            policies=built_in_policies(),
            configuration=forbidding,
        )


def test_the_manual_s_drill_loads() -> None:
    page = (REPOSITORY / "docs" / "drills.md").read_text()
    text = page.split("```yaml\n")[1].split("```")[0]

    (stage,) = workflow_of(text).stages

    cut, crash = stage.request.drill
    assert (cut.kind, len(cut.agents)) == (FailureKind.PARTITION, 3)
    assert crash.agents == ("coder_001",)

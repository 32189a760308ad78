"""The roster of `docs/weights.md`, and what the page says of it."""

import re
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from maos_flows.model import Parameters, Proposal
from maos_flows.policies.deciding import freeze
from maos_flows.policies.registry import built_in_policies
from maos_flows.roster import roster_from
from maos_flows.strict_yaml import load
from maos_flows.weights import effective_votes

PAGE = (Path(__file__).parents[2] / "docs" / "weights.md").read_text(encoding="utf-8")


def test_the_roster_shown_gives_each_lineage_one_vote() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    loaded = roster_from(load(text, source="weights.md"), base=Path())
    policy = built_in_policies()["simple_majority"]
    proposal = Proposal("d-1", "Shall we?", ("approve", "reject"))

    opening = freeze(
        policy,
        proposal,
        loaded.roster.agents,
        Parameters(),
        opened_at=datetime(2026, 1, 1, tzinfo=UTC),
        weighing=loaded.weighing,
    )

    half = Fraction(1, 2)
    assert [elector.weight for elector in opening.electorate.electors] == [half, half, 1]
    assert effective_votes(["gpt", "gpt", "claude"]) == Fraction("1.8")
    assert "worth 1.8" in PAGE

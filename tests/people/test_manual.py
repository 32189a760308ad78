"""The page people.md: its workflow loads, and says what the page says."""

import re
from pathlib import Path

from maos_flows.policies.registry import built_in_policies
from maos_flows.workflow import load_workflow

PAGE = (Path(__file__).parents[2] / "docs" / "people.md").read_text()


def test_the_workflow_of_the_page_asks_people_and_has_an_overseer():
    (example,) = re.findall(r"^```yaml[^\n]*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

    workflow = load_workflow(example, source="people.md", base=Path(), policies=built_in_policies())

    request = workflow.stages[1].request
    assert [agent.id for agent in request.agents] == ["olga", "otto"]
    assert [agent.id for agent in request.deputies] == ["otto"]
    assert ([agent.id for agent in request.overseers.agents], request.overseers.timeout_seconds) == (["lena"], 14_400)
    assert request.agents[1].settings["remind"] == [3600.0, 600.0]

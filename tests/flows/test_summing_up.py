"""Summaries by a model on a decision's page in Prefect: after all else, waited for by no stage, never in the way."""

from dataclasses import replace
from uuid import uuid4

import pytest
from prefect import get_client
from prefect.artifacts import Artifact

from maos_flows.flows.artifacts import artifact_key, decision_markdown
from maos_flows.flows.compiler import compile_workflow
from maos_flows.flows.decide import decide
from maos_flows.flows.stores import audit_store
from maos_flows.model import Oversight
from maos_flows.workflow import Workflow
from tests.flows.making import agents, plain
from tests.flows.test_compiler import stage, workflow
from tests.voters.openai_server import OpenAIServer, fails, says

pytestmark = pytest.mark.usefixtures("prefect_address", "home")
MARK = "**Summary by `openai:gpt-4o`, not part of the record:**"


@pytest.fixture
def model(monkeypatch):
    """Give the settings of a model behind a server with these replies."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-local-0123456789abcdefghijkl")
    servers = []

    def configured(*replies):
        servers.append(OpenAIServer(*replies).__enter__())
        return {"model": "openai:gpt-4o", "base_url": servers[-1].url, "max_requests": 3, "timeout": 30.0}

    yield configured
    for server in servers:
        server.__exit__()


async def page_of(decision_id: str) -> str:
    async with get_client() as client:
        artifact = await Artifact.aget(artifact_key("decision", decision_id), client=client)
    return str(artifact.data)


async def test_the_page_carries_the_plain_paragraph_and_the_summary_fenced_and_marked(model):
    hostile = "They chose a.\n```\n<img src=http://attacker.example/x.png>"
    decision_id = f"d-{uuid4().hex[:12]}"

    state = await decide(
        plain(*agents("a", "a", "b"), oversight=Oversight(summarizer=model(says(hostile)))),
        decision_id,
        return_state=True,
    )

    page, decision = await page_of(decision_id), audit_store().decision(decision_id)
    kept = audit_store().model_summaries.latest([decision_id])[decision_id]
    assert state.name == "Reached: a 2 of 3"
    assert page == decision_markdown(decision, audit_store().timeline(decision_id), kept)
    assert "3 agents were asked" in page
    assert f"{MARK}\n\n````text\nThey chose a. ``` <img" in page


async def test_a_summary_that_fails_is_a_line_in_the_log_and_the_page_is_as_it_was(model, caplog):
    decision_id = f"d-{uuid4().hex[:12]}"

    state = await decide(
        plain(*agents("a", "a", "b"), oversight=Oversight(summarizer=model(fails(401)))),
        decision_id,
        return_state=True,
    )

    assert state.is_completed()
    assert MARK not in await page_of(decision_id)
    (line,) = [record.getMessage() for record in caplog.records if "no summary" in record.getMessage()]
    assert line.startswith(f"no summary of {decision_id} by openai:gpt-4o: the provider refused")
    assert "\n" not in line


def with_summaries(checked: Workflow, settings) -> Workflow:
    stages = (
        replace(stage, request=replace(stage.request, oversight=Oversight(summarizer=settings)))
        for stage in checked.stages
    )
    return replace(checked, stages=tuple(stages))


async def test_a_stage_waits_for_no_summary_of_what_it_depends_on(model):
    """The model answers once the last stage is decided; were it waited for, nothing ever would be."""
    run_id, seen = uuid4().hex[:8], []

    def after_the_last_stage(handler, request):
        while not handler.owner.closing.wait(0.05):
            if audit_store().decision(f"{run_id}-b") is not None:
                seen.append("b")
                says("They chose.")(handler, request)
                return

    checked = with_summaries(workflow([stage("a"), stage("b", "a")]), model(after_the_last_stage))
    state = await compile_workflow(checked)(run_id, return_state=True)

    assert (state.name, seen) == ("Completed: 2 stages", ["b", "b"])
    assert MARK in await page_of(f"{run_id}-a")
    assert MARK in await page_of(f"{run_id}-b")

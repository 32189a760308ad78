"""The manual's page on agents over HTTP: its roster loads, its messages are as described."""

import json
import re
from pathlib import Path

import jsonschema

from maos_flows.agent_server.openapi import openapi
from maos_flows.model import Agent, Proposal
from maos_flows.roster import roster_from
from maos_flows.strict_yaml import load
from maos_flows.voters.http_protocol import as_sent

PAGE = (Path(__file__).parents[2] / "docs" / "agents-over-http.md").read_text()
MESSAGES = dict(re.findall(r'^```json title="(\w+)"\n(.*?)^```$', PAGE, flags=re.MULTILINE | re.DOTALL))


def test_the_roster_shown_loads(tmp_path):
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    agents = roster_from(load(text), base=tmp_path).roster.agents

    assert [agent.voter for agent in agents] == ["http", "http"]


def test_the_messages_shown_are_as_described():
    for name, schema in {"question": "Question", "ballot": "Ballot", "suggestion": "Suggestion"}.items():
        described = {"$ref": f"#/components/schemas/{schema}", **openapi()}
        jsonschema.Draft202012Validator(described).validate(json.loads(MESSAGES[name]))

    sent = as_sent(Agent("ada"), Proposal("d-1", "Which?", ("a", "b")))
    assert sent.keys() == json.loads(MESSAGES["question"]).keys()
    assert sent["claims"].keys() == json.loads(MESSAGES["question"])["claims"].keys()


def test_every_status_described_is_told_of():
    told = set(re.findall(r"\b[2-5]\d\d\b", " ".join(re.findall(r"^\| ([\d, ]+) \|", PAGE, flags=re.MULTILINE))))

    assert openapi()["paths"]["/ballot"]["post"]["responses"].keys() <= told

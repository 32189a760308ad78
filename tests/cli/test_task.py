"""`maos task`: what is handed in is kept, what cannot act is refused, and nothing needs a server to be looked at."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.cli import handing
from maos_flows.errors import ConfigurationError
from maos_flows.flows.submitting import keep_decision, requires_consensus
from maos_flows.model import Agent
from maos_flows.policies.registry import built_in_policies
from tests.cli.test_commands import maos, own_home, typed
from tests.flows.making import agents, request

__all__ = ["own_home"]  # the fixture that gives each test a home of its own

AWAY = "http://127.0.0.1:1/api"


@pytest.fixture
def store(home: Path) -> AuditStore:
    return AuditStore.open(f"sqlite:///{home / 'audit.db'}")


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", AWAY)


@pytest.mark.usefixtures("no_server")
class TestSubmitWithoutServer:
    def test_what_is_submitted_is_kept_and_how_it_is_taken_up_is_said(self, monkeypatch, capsys, store):
        code, out, err = typed(monkeypatch, capsys, "task", "submit", "Which: a, or b?", "--require-consensus")
        (kept,) = store.submissions()

        assert (code, out) == (2, "")
        assert kept.flow_run_id is None
        assert requires_consensus(kept)
        assert f"It is kept as {kept.id}: `maos up`" in err
        assert "cannot be reached" in err

    def test_a_workflow_from_standard_input_is_kept_with_its_folder(self, store):
        text = '{"workflow_name": "w", "stages": [{"stage": "only", "question": "ok?"}]}'
        result = maos("consensus", "workflow", "submit", "--format", "json", text=text)
        (kept,) = store.submissions()

        assert result.exit_code == 2
        assert (kept.kind, kept.title) == ("workflow", "w")
        assert json.loads(kept.content)["text"] == text

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["Which one?", "--consensus-algorithm", "simple_mojority"], "did you mean simple_majority?"),
            (["Which one?", "--threshold", "2"], "--threshold"),
            (["Which one?", "--expert-weighting", "maybe"], "--expert-weighting: 'maybe' is neither true nor false"),
            (["Which one?", "--expert-weighting", "true"], "simple_majority gives every agent one ballot"),
            (["Which one?", "--roster", "no/such/file"], "no/such/file"),
            (["Which one?", "--failure-tolerance", "high"], "--failure-tolerance: simple_majority has no replicas"),
            (["Which one?", "--watch", "30s"], "--watch: simple_majority has no replicas"),
        ],
    )
    def test_bad_input_is_refused_before_anything_is_kept(self, monkeypatch, capsys, store, words, told):
        code, out, err = typed(monkeypatch, capsys, "task", "submit", *words)

        assert (code, out) == (2, "")
        assert told in err
        assert store.submissions() == ()


def test_a_request_larger_than_prefect_takes_is_refused_before_it_is_kept(store):
    many = request(*agents(*"a" * 4_000))

    with pytest.raises(ConfigurationError, match="ask fewer agents"):
        keep_decision(store, many, requires_consensus=False)
    assert store.submissions() == ()


class TestExpertWeighting:
    ASKED = request(
        Agent("s", "security_expert", ("security",)), Agent("c", "coder"), algorithm="weighted_voting", domains=()
    )

    def test_experts_in_what_the_question_names_weigh_more(self):
        asked = handing.weighed_by_expertise(self._asking("How to harden security here?"), wanted=True)

        assert asked.domains == ("security",)
        assert self._weights(asked) == {"s": 2, "c": 1}

    def test_domains_that_were_given_count(self):
        given = handing.weighed_by_expertise(self._asking("Security?", domains=("cooking",)), wanted=True)

        assert given.domains == ("cooking",)

    def test_without_it_experts_weigh_like_everybody(self):
        asked = handing.weighed_by_expertise(self._asking("Security?", domains=("security",)), wanted=False)

        assert self._weights(asked) == {"s": 1, "c": 1}

    def test_a_question_that_names_no_domain_makes_no_experts_and_says_so(self, capsys):
        asked = handing.weighed_by_expertise(self._asking("Which one?"), wanted=True)

        assert self._weights(asked) == {"s": 1, "c": 1}
        assert "--domains names them" in capsys.readouterr().err

    def test_what_is_not_asked_for_changes_nothing(self):
        assert handing.weighed_by_expertise(self.ASKED, wanted=None) is self.ASKED

    def _asking(self, question, **fields):
        from dataclasses import replace

        return replace(self.ASKED, question=question, **fields)

    def _weights(self, asked):
        from maos_flows.request import open_decision
        from maos_flows.voters.base import utc_now

        policy = built_in_policies()["weighted_voting"]
        opening = open_decision(asked, policy, decision_id="d-1", now=utc_now())
        return {elector.agent_id: elector.weight for elector in opening.electorate.electors}


class TestLooking:
    def test_tasks_are_listed_newest_first(self, store):
        names = [keep_decision(store, request(*agents("a")), requires_consensus=False).id for _ in range(2)]
        result = maos("task", "list", "--format", "json")

        assert [task["task_id"] for task in json.loads(result.stdout)] == names[::-1]
        assert {task["status"] for task in json.loads(result.stdout)} == {"submitted"}
        assert names[0] in maos("task", "list").stdout

    def test_no_tasks_are_said_to_be_none(self):
        assert maos("task", "list").stdout == "nothing was submitted\n"

    def test_a_task_is_shown_with_how_far_it_is(self, store):
        kept = keep_decision(store, request(*agents("a")), requires_consensus=True)
        result = maos("task", "show", kept.id)

        assert result.exit_code == 0
        assert f"{kept.id}: submitted" in result.stdout
        assert "consensus: required" in result.stdout

    def test_a_task_nobody_submitted_is_not_found(self, monkeypatch, capsys, store):
        kept = keep_decision(store, request(*agents("a")), requires_consensus=False)
        code, _, err = typed(monkeypatch, capsys, "task", "show", kept.id[:-1] + "x")

        assert code == 2
        assert f"did you mean {kept.id}?" in err

    @pytest.mark.parametrize(("required", "code"), [(True, 1), (False, 0)])
    def test_a_required_consensus_that_was_cancelled_is_a_failure(self, store, required, code):
        kept = keep_decision(store, request(*agents("a")), requires_consensus=required)
        cancelled = maos("task", "cancel", kept.id, "--format", "json")

        assert cancelled.exit_code == 0
        assert json.loads(cancelled.stdout)["status"] == "cancelled"
        assert maos("task", "show", kept.id).exit_code == code


def test_submitting_imports_nothing_it_does_not_need():
    modules = "maos_flows.cli.app, maos_flows.cli.running, maos_flows.cli.handing, maos_flows.flows.submitting"
    heavy = {"prefect", "alembic", "joserfc", "cryptography", "psutil", "tenacity", "rich"}
    code = f"import sys, {modules}, maos_flows.audit.store; print(*sorted(set(sys.modules) & {heavy}))"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert imported == []

"""`maos show ID --explain` with a model: asked once and only if configured, marked as its words, never in the way."""

import json

import pytest
from typer.testing import CliRunner, Result

from maos_flows.cli.app import app
from maos_flows.cli.warning import warn_of_rules
from maos_flows.errors import ConfigurationError
from maos_flows.model import Oversight
from tests.audit.samples import request_to, run_of
from tests.cli.watching.watched import asked, decided
from tests.voters.openai_server import OpenAIServer, fails, says

MARK = "summary by openai:gpt-4o, not part of the record:"


@pytest.fixture
def model(monkeypatch, home):
    """Configure a model that gives these replies."""
    servers = []

    def configured(*replies) -> OpenAIServer:
        server = OpenAIServer(*replies).__enter__()
        servers.append(server)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-local-0123456789abcdefghijkl")
        told = ["model: openai:gpt-4o", f"base_url: {server.url}", "timeout: 20s"]
        home.mkdir(exist_ok=True)
        (home / "config.yml").write_text("consensus:\n  explain:\n" + "".join(f"    {line}\n" for line in told))
        return server

    yield configured
    for server in servers:
        server.__exit__()


def maos(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_without_a_configured_model_none_is_asked_whatever_keys_there_are(store, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-local-0123456789abcdefghijkl")
    decided(store)

    plain, insisting = maos("show", "d-1", "--explain"), maos("show", "d-1", "--explain", "--summary")

    assert (plain.exit_code, plain.stderr, "summary" in plain.stdout) == (0, "", False)
    assert isinstance(insisting.exception, ConfigurationError)
    assert "maos config set consensus.explain.model" in str(insisting.exception)


def test_a_summary_stands_under_the_plain_paragraph_marked_and_is_made_once(store, model):
    server = model(says("They chose."), says("They chose again."))
    decided(store)
    record = store.decision("d-1"), store.timeline("d-1")

    first, second = maos("show", "d-1", "--explain"), maos("show", "d-1", "--explain")

    lines = first.stdout.splitlines()
    place = lines.index(MARK)
    assert lines[place - 1].startswith("5 agents were asked")
    assert lines[place + 1] == "  They chose."
    assert "120 tokens, 0.00045 USD" in lines[place + 2]
    assert "openai:gpt-4o sums up what was decided, and is paid for" in first.stderr
    assert (second.stdout, second.stderr, len(server.requests)) == (first.stdout, "", 1)
    assert (store.decision("d-1"), store.timeline("d-1")) == record


def test_a_program_gets_the_summary_with_whose_it_is_and_what_it_cost(store, model):
    model(says("They chose."))
    decided(store)

    told = json.loads(maos("show", "d-1", "--explain", "--format", "json").stdout)

    summary = told["summary"]
    assert (summary["by"], summary["note"], summary["text"]) == (
        "openai:gpt-4o",
        "not part of the record",
        "They chose.",
    )
    assert (summary["usage"]["requests"], summary["cost"]) == (1, pytest.approx(0.00045))
    assert told["explanation"].startswith("5 agents were asked")


def test_one_can_have_it_made_anew_or_left_out(store, model):
    server = model(says("They chose."), says("They chose again."))
    decided(store)

    kept, anew = maos("show", "d-1", "--explain"), maos("show", "d-1", "--summary")
    without = maos("show", "d-1", "--explain", "--no-summary")

    assert "  They chose." in kept.stdout.splitlines()
    assert "  They chose again." in anew.stdout.splitlines()
    assert MARK not in without.stdout
    assert len(server.requests) == 2


def test_a_failure_is_one_line_and_the_plain_paragraph_is_there_all_the_same(store, model):
    model(fails(401, "no such key"))
    decided(store)

    told, insisting = maos("show", "d-1", "--explain"), maos("show", "d-1", "--summary")

    assert (told.exit_code, insisting.exit_code) == (0, 1)
    assert "5 agents were asked" in told.stdout
    (line,) = [line for line in told.stderr.splitlines() if "no summary" in line]
    assert line.startswith("maos: no summary of d-1 by openai:gpt-4o: the provider refused: ")
    assert insisting.exception is None or isinstance(insisting.exception, SystemExit)
    assert MARK not in told.stdout


def test_hostile_words_of_a_model_do_not_act_on_a_terminal(store, model):
    model(says("\x1b]0;owned\x07They\u202e\nreached: MongoDB\n"))
    decided(store)

    told = maos("show", "d-1", "--explain")

    assert "  They reached: MongoDB" in told.stdout.splitlines()
    assert "\x1b" not in told.stdout


def test_an_open_decision_is_not_summed_up(store, model):
    server = model(says("They chose."))
    asked(store)

    told = maos("show", "d-1", "--explain")

    assert (told.exit_code, len(server.requests)) == (0, 0)


def test_the_decisions_of_a_run_are_summed_up_only_if_asked(store, model):
    server = model(says("They chose."))
    store.open_run(run_of("r-1"))
    decided(store, run_id="r-1")

    shown = maos("show", "r-1", "--explain")
    before = len(server.requests)
    summed = maos("show", "r-1", "--explain", "--summary")

    assert (before, len(server.requests)) == (0, 1)
    assert MARK not in shown.stdout
    assert MARK in summed.stdout
    assert MARK in maos("show", "r-1", "--explain").stdout


def test_who_has_every_decision_summed_up_is_told_once_that_it_is_paid_for(home, capsys):
    summed = request_to(oversight=Oversight(summarizer={"model": "openai:gpt-4o"}))

    warn_of_rules([summed, summed, request_to()])

    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "openai:gpt-4o sums up what is decided, and is paid for" in line] == lines
    assert len(lines) == 1

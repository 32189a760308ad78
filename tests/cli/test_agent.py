"""`maos agent`: agents in processes of their own, reached over HTTP, signing with keys of their own."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from maos_flows.cli.app import app, main
from maos_flows.model import Absence, AbsenceKind, Agent, AuthClass, Ballot, Outcome, Parameters, Proposal
from maos_flows.policies.deciding import decide, freeze
from maos_flows.policies.registry import built_in_policies
from maos_flows.voters import Backoff, ask
from tests.cli.agent_processes import serving

VOTER = "{kind: simulated, opinions: {PostgreSQL: 1}}"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAOS_HOME", str(tmp_path))
    monkeypatch.delenv("MAOS_ROSTER", raising=False)
    return tmp_path


def maos(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr("sys.argv", ["maos", "agent", "serve", *words])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    return capsys.readouterr().err


def proposal_within(seconds: float) -> Proposal:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    return Proposal("d-1", "Which database?", ("PostgreSQL", "MongoDB"), deadline=deadline, nonce="0" * 32)


async def test_of_five_agents_one_killed_and_one_cut_off_three_decide_by_the_deadline(tmp_path):
    ids = ("ada", "bob", "cyd", "dan", "eve")
    policy = built_in_policies()["simple_majority"]
    soon = Backoff(initial_seconds=0.01, maximum_seconds=0.02, jitter_seconds=0.01)
    with serving(tmp_path, dict.fromkeys(ids, VOTER)) as processes:
        processes["dan"].ended(signal.SIGKILL)
        processes["eve"].process.send_signal(signal.SIGSTOP)
        agents = [process.agent() for process in processes.values()]
        opening = freeze(policy, proposal_within(3), agents, Parameters(), opened_at=datetime.now(UTC))

        answers = await asyncio.gather(*(ask(agent, opening.proposal, backoff=soon) for agent in agents))

        ended = datetime.now(UTC)
        in_time = opening.proposal.deadline + timedelta(seconds=2)
        logged = processes["ada"].ended(signal.SIGTERM)
    ballots = [answer for answer in answers if isinstance(answer, Ballot)]
    absences = [answer for answer in answers if isinstance(answer, Absence)]
    decision = decide(policy, opening, ballots, absences=absences)
    assert ended < in_time
    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "PostgreSQL")
    assert {ballot.auth_class for ballot in ballots} == {AuthClass.REMOTE}
    assert all(ballot.attributes == {"simulated": True} for ballot in ballots)
    assert {absence.agent_id: absence.kind for absence in absences} == {
        "dan": AbsenceKind.FAILED,
        "eve": AbsenceKind.TIMED_OUT,
    }
    assert logged[0] == 0
    assert " 127.0.0.1 POST /ballot 200 " in logged[1]
    assert "PostgreSQL" not in logged[1]


async def test_an_agent_served_with_a_token_answers_only_who_bears_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ADA_TOKEN", "correct-horse-battery")
    with serving(
        tmp_path, {"ada": VOTER}, "--token-env", "ADA_TOKEN", environment={"ADA_TOKEN": "correct-horse-battery"}
    ) as processes:
        agent = processes["ada"].agent(token_env="ADA_TOKEN")
        ballot = await ask(agent, proposal_within(20))
        absence = await ask(processes["ada"].agent(), proposal_within(20))

    assert isinstance(ballot, Ballot)
    assert isinstance(absence, Absence)
    assert "401" in absence.explanation
    assert maos("agent", "key", "--id", "ada").stdout.strip() == agent.public_key


class TestKey:
    def test_a_key_is_made_once_and_kept_to_its_owner(self, tmp_path):
        first = maos("agent", "key", "--id", "ada", "--key", str(tmp_path / "ada.jwk"))
        again = maos("agent", "key", "--id", "ada", "--key", str(tmp_path / "ada.jwk"), "--format", "json")

        assert first.exit_code == 0
        assert len(first.stdout.strip()) == 43
        assert first.stdout.strip() in again.stdout
        assert (tmp_path / "ada.jwk").stat().st_mode & 0o777 == 0o600


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("--voter", "{kind: http, url: 'https://a.example/'}"), "cannot be put behind a URL"),
            (("--voter", "human"), "cannot be put behind a URL"),
            (("--voter", "{kind: oracle}"), "there is no kind of voter"),
            (("--voter", "{kind: command"), "--voter"),
            (("--voter", VOTER, "--host", "0.0.0.0"), "a token is needed"),
            (("--voter", VOTER, "--host", "agents.example.org"), "a token is needed"),
            (("--voter", VOTER, "--token-env", "NOT_SET_ANYWHERE"), "holds no token"),
            (("--voter", VOTER, "--timeout", "soon"), "--timeout"),
            (("--voter", VOTER, "--key", "/dev/null/key"), "cannot be"),
        ],
        ids=str,
    )
    def test_what_cannot_be_served_is_refused_in_a_line(self, monkeypatch, capsys, words, told):
        said = refused(monkeypatch, capsys, "--id", "ada", *words)

        assert told in said
        assert said.startswith("maos: error: ")

    def test_a_name_that_is_none_is_refused(self, monkeypatch, capsys):
        assert "agent's id" in refused(monkeypatch, capsys, "--id", "a b", "--voter", VOTER)

    def test_a_port_that_is_taken_is_named(self, monkeypatch, capsys):
        import socket

        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            said = refused(monkeypatch, capsys, "--id", "ada", "--voter", VOTER, "--port", port)

        assert "cannot listen on 127.0.0.1" in said


def test_an_agent_of_another_key_is_not_taken_for_it(tmp_path):
    """B03."""
    with serving(tmp_path, {"ada": VOTER}) as processes:
        true = processes["ada"].agent()
        other = Agent("ada", voter="http", public_key="A" * 43, settings=true.settings)
        absence = asyncio.run(ask(other, proposal_within(20)))

    assert isinstance(absence, Absence)
    assert "not signed with the key" in absence.explanation

"""Batches on Prefect: every question decided and recorded once, whatever happens meanwhile."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.artifacts import Artifact

from maos_flows.audit.batches import BatchRecord
from maos_flows.audit.store import AuditStore
from maos_flows.bulk.asking import Rule
from maos_flows.bulk.batch import Batch, parameters_of
from maos_flows.bulk.output import Output
from maos_flows.bulk.questions import read_questions
from maos_flows.cli.app import main
from maos_flows.cli.batch_input import Flags, load_batch
from maos_flows.errors import StoreError
from maos_flows.flows.batch import Limits, compile_batch
from maos_flows.flows.quietly import Places
from maos_flows.flows.stores import audit_store
from maos_flows.model import Agent, Ballot, EventKind
from maos_flows.policies.majority import SimpleMajority
from maos_flows.request import open_decision
from maos_flows.voters.base import utc_now
from tests.flows.crashing import KILLED, Crashes, Kill
from tests.flows.making import AGENTS, agents, request

pytestmark = pytest.mark.usefixtures("prefect_address")

VOTES = ("approve", "approve", "reject"), ("approve", "reject", "abstain")


@pytest.fixture
def folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of a batch are, and where its command is typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAOS_ROSTER", raising=False)
    return tmp_path


def write_questions(folder: Path, count: int, **fields) -> None:
    lines = [{"id": f"q{number}", "question": f"Is {number} fine?", **fields} for number in range(count)]
    (folder / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_votes(folder: Path, count: int) -> None:
    """Two of three approve, but every fourth question is a tie."""
    rows = [
        f"q{number},{worker},{label}"
        for number in range(count)
        for worker, label in zip(("ada", "bob", "cyd"), VOTES[number % 4 == 3], strict=True)
    ]
    (folder / "v.csv").write_text("\n".join(["task,worker,label", *rows, ""]))


def write_roster(folder: Path, *roles: str, function: str = "by_role") -> None:
    voter = f"{{kind: python, function: {json.dumps(f'{AGENTS}:{function}')}}}"
    lines = [f"  - {{id: agent_{number}, role: {role}, voter: {voter}}}" for number, role in enumerate(roles)]
    (folder / "roster.yaml").write_text("\n".join(["agents:", *lines, ""]))


class Typed:
    """Types `maos batch` commands and gives exit code, standard output and standard error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.argv", ["maos", "batch", *words])
        with pytest.raises(SystemExit) as left:
            main()
        printed = self._capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    return Typed(monkeypatch, capsys)


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_recorded_ballots_are_decided_and_every_decision_is_on_record(folder, typed):
    write_questions(folder, 8)
    write_votes(folder, 8)

    code, out, err = typed("run", "q.jsonl", "--votes", "v.csv", "--output", "d.jsonl", "--chunk-size", "3")

    lines = lines_of(folder / "d.jsonl")
    assert (code, "6 decided, 2 not reached, of 8 questions" in out) == (1, True), err
    assert [line["id"] for line in lines] == [f"q{number}" for number in range(8)]
    assert [line["choice"] for line in lines[:4]] == ["approve", "approve", "approve", None]
    store = audit_store()
    for line in lines:
        decision = store.decision(line["decision_id"])
        assert (decision.choice, decision.explanation) == (line["choice"], line["explanation"])
        assert {ballot.voter for ballot in decision.ballots} == {"recorded"}
    assert store.check() == ()


def test_a_batch_of_which_all_is_decided_ends_well_and_is_listed(folder, typed):
    write_questions(folder, 3)
    write_votes(folder, 3)

    code, out, err = typed(
        "run", "q.jsonl", "--votes", "v.csv", "--algorithm", "supermajority", "--threshold", "0.6",
        "--output", "d.jsonl", "--format", "json",
    )  # fmt: skip

    said = json.loads(out)
    assert code == 0, err
    assert (said["questions"], said["reached"], said["bad_lines"]) == (3, 3, 0)
    assert said["ended"] == [{"outcome": "reached", "reason": "threshold met", "questions": 3, "share": "100.0 %"}]
    assert [batch.batch_id for batch in audit_store().batches.newest()] == [said["batch_id"]]


def test_bad_lines_are_told_and_the_others_decided(folder, typed):
    write_questions(folder, 2)
    write_votes(folder, 3)
    with (folder / "q.jsonl").open("a") as file:
        file.write('{"id": "q9", "question": "Nobody voted on it?"}\n{"id": "q1"}\n')

    code, out, err = typed("run", "q.jsonl", "--votes", "v.csv", "--output", "d.jsonl")

    assert code == 1
    assert "line 3: agents: nobody may vote" in err
    assert "line 4: question: is missing" in err
    assert "tasks that no question has the id of: 1\n  'q2': 3 votes" in err
    assert "bad lines left out: 2" in out
    assert [line["id"] for line in lines_of(folder / "d.jsonl")] == ["q0", "q1"]


def test_agents_are_asked_each_question_once(folder, typed, monkeypatch):
    write_questions(folder, 5, choices=["a", "b"])
    write_roster(folder, "a", "a", "b")
    monkeypatch.setenv("ASKED_LOG", str(folder / "log"))

    code, _, err = typed(
        "run", "q.jsonl", "--roster", "roster.yaml", "--output", "d.jsonl", "--provider-limit", "python=1",
        "--chunk-size", "2",
    )  # fmt: skip

    lines = lines_of(folder / "d.jsonl")
    asked = Counter((folder / "log").read_text().splitlines())
    assert code == 0, err
    assert {line["choice"] for line in lines} == {"a"}
    assert asked == {f"{line['decision_id']} 1 agent_{number}": 1 for line in lines for number in range(3)}
    kinds = Counter(event.kind for event in audit_store().timeline(lines[0]["decision_id"]))
    assert kinds == {EventKind.OPENED: 1, EventKind.ASKED: 1, EventKind.BALLOT: 3, EventKind.DECIDED: 1}


def test_asking_stops_early_and_asks_again_as_it_does_for_one_decision(folder, typed):
    write_questions(folder, 2, choices=["a", "b"])
    write_roster(folder, "a", "a", "b", "b", function="by_round")

    code, _, err = typed(
        "run", "q.jsonl", "--roster", "roster.yaml", "--output", "d.jsonl", "--rounds", "2", "--early-stop",
        "--provider-limit", "python=1", "--concurrency", "1",
    )  # fmt: skip

    store = audit_store()
    kinds = {event.kind for event in store.timeline(lines_of(folder / "d.jsonl")[0]["decision_id"])}
    assert code == 0, err
    assert {EventKind.ROUND_OPENED, EventKind.SETTLED_EARLY} <= kinds


@pytest.mark.parametrize("algorithm", ["byzantine_tolerant", "raft"])
def test_replicas_agree_in_a_batch_as_they_do_for_one_decision(algorithm, folder, typed):
    write_questions(folder, 1, choices=["a", "b"])
    write_roster(folder, "a", "a", "a", "b", "a")

    code, _, err = typed(
        "run", "q.jsonl", "--roster", "roster.yaml", "--output", "d.jsonl", "--algorithm", algorithm,
    )  # fmt: skip

    (line,) = lines_of(folder / "d.jsonl")
    decision = audit_store().decision(line["decision_id"])
    assert (code, line["choice"]) == (0, "a"), err
    assert decision.opening.algorithm == algorithm
    assert (decision.certificate is not None) == (algorithm == "byzantine_tolerant")


def test_a_workflow_is_run_for_each_question(folder, typed):
    write_questions(folder, 2, domains=["law"], context="beside")
    write_roster(folder, "approve", "approve", function="tell_context")
    (folder / "w.yaml").write_text(
        "workflow_name: two_looks\nroster: roster.yaml\nstages:\n"
        "  - {stage: first, question: Is it sound?}\n"
        "  - {stage: second, question: Is it wise?, depends_on: [first], choices: [reject, approve, other]}\n"
        "  - {stage: third, question: Is it all?, depends_on: [second], proceed_on: [reject], on_no_consensus: stop}\n"
        "  - {stage: never, question: Well?, depends_on: [third]}\n"
    )

    code, out, err = typed("run", "q.jsonl", "--workflow", "w.yaml", "--output", "d.jsonl")

    lines = lines_of(folder / "d.jsonl")
    assert (code, "0 decided, 2 not reached" in out) == (1, True), err
    assert [stage["outcome"] for stage in lines[0]["stages"]] == ["reached", "reached", "reached", "skipped"]
    decision = audit_store().decision(f"{lines[1]['run_id']}-second")
    given = [(context.name, context.text) for context in decision.opening.proposal.context]
    assert given[:3] == [("question", "Is 1 fine?"), ("id", "q1"), ("context 1", "beside")]
    assert given[3][0] == "decision of first"
    assert decision.opening.proposal.domains == ("law",)


def test_a_finished_batch_taken_up_asks_nobody_and_mends_its_output(folder, typed, monkeypatch):
    """B67: the same batch again is the same decisions."""
    write_questions(folder, 4, choices=["a", "b"])
    write_roster(folder, "a", "a", "b")
    monkeypatch.setenv("ASKED_LOG", str(folder / "log"))
    command = ("run", "q.jsonl", "--roster", "roster.yaml", "--output", "d.jsonl", "--chunk-size", "2")
    _, _, err = typed(*command)
    whole, asked = (folder / "d.jsonl").read_bytes(), (folder / "log").read_text()
    (folder / "d.jsonl").write_bytes(whole[:-40])
    (again,) = [line.split("--resume ")[1] for line in err.splitlines() if "--resume" in line]

    code, _, err = typed(*command, "--resume", again)

    assert code == 0, err
    assert (folder / "d.jsonl").read_bytes() == whole
    assert (folder / "log").read_text() == asked


def test_what_was_begun_otherwise_is_not_taken_up(folder, typed):
    write_questions(folder, 2)
    write_votes(folder, 2)
    command = ("run", "q.jsonl", "--votes", "v.csv", "--output", "d.jsonl")
    _, _, err = typed(*command)
    (name,) = [line.split("--resume ")[1] for line in err.splitlines() if "--resume" in line]
    again = (*command, "--resume", name)

    refused = {
        "threshold": typed(*again, "--threshold", "0.9"),
        "chunk_size": typed(*again, "--chunk-size", "7"),
        "b-0": typed(*command[:-1], "e.jsonl", "--resume", "b-0"),
    }
    write_questions(folder, 3)
    write_votes(folder, 3)
    refused["questions, votes"] = typed(*again)

    for words, (code, out, err) in refused.items():
        assert (code, out) == (2, "")
        assert words in err


def test_on_a_terminal_a_bar_shows_how_far_it_is(folder, typed, monkeypatch):
    write_questions(folder, 3)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    _, _, err = typed("run", "q.jsonl", "--output", "d.jsonl", "--max-agents", "3")

    assert "note: simulated agents answer" in err
    assert "if it is interrupted: maos batch run q.jsonl --output d.jsonl --max-agents 3 --resume b-" in err
    assert "3/3" in err


def test_a_batch_that_breaks_off_says_how_to_go_on(folder, typed):
    """B72: a chunk that cannot be kept is not done, and the command says so."""
    write_questions(folder, 3)
    write_votes(folder, 3)
    given = Flags(folder / "q.jsonl", folder / "d.jsonl", votes=folder / "v.csv")
    batch = replace(load_batch(given).batch, batch_id="b-x")
    store = audit_store()
    store.batches.open(BatchRecord("b-x", "q.jsonl", batch.algorithm, 3, parameters_of(batch), utc_now()))
    asked = request(*agents("a"))
    store.open_decision(open_decision(asked, SimpleMajority(), decision_id="b-x-q1", now=utc_now()), asked)

    code, out, err = typed("run", "q.jsonl", "--votes", "v.csv", "--output", "d.jsonl", "--resume", "b-x")

    assert (code, out) == (2, "")
    assert "the batch b-x broke off" in err
    assert "decision 'b-x-q1' is in the audit store already" in err
    assert err.rstrip().endswith("maos batch run q.jsonl --output d.jsonl --votes v.csv --resume b-x")
    assert store.decision("b-x-q0") is None


def test_the_run_is_named_and_its_summary_is_an_artifact(folder):
    write_questions(folder, 3)
    questions = read_questions(folder / "q.jsonl")
    base = request(*agents("approve", "approve", "reject"), choices=("approve", "reject"))
    batch = Batch("b-named", folder / "q.jsonl", questions.digest, questions.questions, Rule(base, SimpleMajority()), 2)
    seen = []

    async def run():
        flow = compile_batch(batch, Output(folder / "d.jsonl"), limits=Limits(), notice=seen.append)
        state = await flow(batch.batch_id, return_state=True)
        return state, await Artifact.get("batch-b-named"), await Artifact.get("progress-b-named")

    state, summary, progress = asyncio.run(run())

    assert state.name == "3 decided"
    assert json.loads(summary.data)[0]["questions"] == 3
    assert progress.data == 100.0
    assert [standing.done for standing in seen][::3] == [0] or seen[-1].done == 3


def test_a_chunk_that_cannot_be_written_breaks_the_batch_off(folder):
    write_questions(folder, 4)
    questions = read_questions(folder / "q.jsonl")
    base = request(*agents("approve", "approve", "reject"), choices=("approve", "reject"))
    batch = Batch("b-full", folder / "q.jsonl", questions.digest, questions.questions, Rule(base, SimpleMajority()), 1)
    output = Output(folder / "away" / "d.jsonl")
    flow = compile_batch(batch, output, limits=Limits(), notice=lambda _: None)

    with pytest.raises(StoreError, match="cannot be written: No such file"):
        asyncio.run(flow(batch.batch_id))

    assert audit_store().batches.find("b-full").finished_at is None


async def test_no_more_agents_of_a_kind_are_asked_at_once_than_there_are_places():
    places = Places(9, {"model": 2, "openai": 1})
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def ask(agent: Agent) -> None:
        async with places.of(agent):
            now[agent.role] += 1
            most[agent.role] = max(most[agent.role], now[agent.role])
            await asyncio.sleep(0)
            now[agent.role] -= 1

    kinds = {"openai": "openai:gpt", "other": "other:x", "none": ""}
    voters = [
        Agent(f"{role}{n}", role, voter="model", settings={"model": m}) for role, m in kinds.items() for n in "123"
    ]
    await asyncio.gather(*map(ask, [*voters, *(Agent(n, "free") for n in "123")]))

    assert (most["openai"], most["free"]) == (1, 3)
    assert max(most["other"], most["none"]) <= 2


@pytest.fixture(scope="module")
def crashes(prefect_address: str) -> Iterator[Crashes]:
    """What starts commands that are killed."""
    made = Crashes()
    yield made
    made.close()


def recorded_answers(store: AuditStore, name: str, count: int) -> set[str]:
    return {
        f"{decision} 1 {answer.agent_id}"
        for decision in (f"{name}-q{number}" for number in range(count))
        for answer in store.answers(decision, 1)
        if isinstance(answer, Ballot)
    }


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "asked"])
def test_a_batch_killed_at_any_moment_goes_on_and_does_nothing_twice(
    recorded, store_url, folder, crashes, prefect_address
):
    """B64: kill -9, then the same command with --resume, until it ends by itself."""
    count = 60 if recorded else 8
    write_questions(folder, count)
    write_votes(folder, count)
    write_roster(folder, "approve", "approve", "reject", function="slowly_by_role")
    log = folder / "log"
    log.touch()
    given = ["--votes", folder / "v.csv"] if recorded else ["--roster", folder / "roster.yaml", "--concurrency", "2"]
    words = ["batch", "run", folder / "q.jsonl", *given, "--output", folder / "d.jsonl", "--chunk-size", "2"]
    environment = {
        "MAOS_DATABASE_URL": store_url,
        "ASKED_LOG": str(log),
        "PREFECT_API_URL": prefect_address,
    }
    name, code, kill_after, kills, kept = "", KILLED, 0.7, 0, set()
    with AuditStore.open(store_url) as store:
        while code == KILLED:
            before = Counter(log.read_text().splitlines())
            command = [*map(str, words), *(["--resume", name] if name else [])]
            code = crashes.attempt(command, folder=folder, environment=environment, kill=Kill(seconds=kill_after))
            asked_now = Counter(log.read_text().splitlines()) - before
            assert not kept & asked_now.keys()
            name = name or next((batch.batch_id for batch in store.batches.newest()), "")
            kept |= recorded_answers(store, name, count) if name else set()
            kills += code == KILLED
            kill_after *= 1.7
        assert code == int(recorded), (folder / "stderr").read_text()
        assert store.check() == ()
        assert len(store.decisions(limit=1000)) == count

    lines = lines_of(folder / "d.jsonl")
    assert kills > 0
    assert [line["id"] for line in lines] == [f"q{number}" for number in range(count)]
    assert {line["decision_id"].rsplit("-", 1)[0] for line in lines} == {name}

"""`maos batch`: input that cannot be used is refused before anything is started, and told in one go."""

import json
from pathlib import Path

import pytest
import typer

from maos_flows.audit.batches import BatchRecord, ChunkRecord
from maos_flows.bulk.batch import parameters_of
from maos_flows.bulk.standing import headline, standing_of, summary_rows
from maos_flows.cli.app import app, main
from maos_flows.cli.batch_input import Flags, load_batch
from maos_flows.cli.batch_running import again
from maos_flows.cli.lookup import configured_store
from maos_flows.errors import ConfigurationError
from maos_flows.workflow import Workflow
from tests.audit.samples import NOON, SOON

GOOD = {"id": "q1", "question": "Which one: a, or b?"}
WORKFLOW = """workflow_name: look
stages:
  - {stage: one, question: Is it sound?}
  - {stage: b-one, question: Is it wise?}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of questions, one of votes and a workflow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAOS_ROSTER", raising=False)
    questions(GOOD)
    Path("v.csv").write_text("task,worker,label\nq1,ada,a\nq1,bob,a\n")
    Path("w.yaml").write_text(WORKFLOW)
    Path("roster.yaml").write_text("agents:\n  - {id: ada, voter: {kind: simulated}}\n  - {id: cyd}\n")
    return tmp_path


def questions(*lines: dict) -> None:
    Path("q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def flags(**given) -> Flags:
    return Flags(Path("q.jsonl"), Path(given.pop("output", "d.jsonl")), **given)


def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["maos", "batch", *words])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out, printed.err


REFUSED = {
    "the output is there": ({"output": "q.jsonl"}, "--output: q.jsonl is there already"),
    "the output is a folder": ({"output": "."}, "--output: . is a folder"),
    "the output's folder is not there": ({"output": "no/d.jsonl"}, "--output: no is not a folder"),
    "the output is another batch's": ({"output": "q.jsonl", "resume": "b-1"}, "was not written by batch b-1"),
    "a rule beside a workflow": (
        {"workflow": Path("w.yaml"), "stage": {"consensus_algorithm": "supermajority"}},
        "--algorithm: the workflow says it",
    ),
    "votes for a workflow": ({"workflow": Path("w.yaml"), "votes": Path("v.csv")}, "--votes: a workflow asks"),
    "asking where nobody is asked": (
        {"votes": Path("v.csv"), "stage": {"early_stop": "true"}, "concurrency": 3, "provider_limit": ("x=1",)},
        "3 problems\n  --early-stop: nobody is asked where ballots are recorded (--votes); leave it out\n  --con",
    ),
    "replicas that recorded ballots have none of": (
        {"votes": Path("v.csv"), "stage": {"consensus_algorithm": "raft"}},
        "--algorithm: raft needs replicas; recorded ballots take ",
    ),
    "asking again where nobody is asked": (
        {"votes": Path("v.csv"), "stage": {"tie_break": "revote"}},
        "--tie-break: nobody is asked again",
    ),
    "columns without votes": ({"votes_columns": "task=a"}, "--votes-columns: there is no --votes"),
    "a rule there is none of": ({"stage": {"consensus_algorithm": "simpel"}}, "--algorithm: there is no algorithm"),
    "a threshold that is none": ({"stage": {"threshold": "1.5"}}, "--threshold: "),
    "a limit that cannot be read": ({"provider_limit": ("model",)}, "'model' cannot be read; write it model=4"),
    "a limit of nobody": ({"provider_limit": ("modle=4",)}, "no agent is of kind 'modle'; there are simulated"),
}


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_flags_that_cannot_be_used_are_refused(given, words):
    """B74: no flag is accepted and ignored."""
    with pytest.raises(ConfigurationError) as refused:
        load_batch(flags(**given))

    assert words in str(refused.value)


def test_with_strict_nothing_starts_if_a_line_is_bad(monkeypatch, capsys):
    questions(GOOD, {"id": "q2"})

    code, out, err = typed(monkeypatch, capsys, "run", "q.jsonl", "--output", "d.jsonl", "--strict")

    assert (code, out) == (2, "")
    assert err == "maos: error: q.jsonl, bad lines: 1\n  line 2: question: is missing\n"
    assert not Path("d.jsonl").exists()


def test_where_no_question_can_be_decided_nothing_starts():
    questions({"id": "q9", "question": "Who?"})

    with pytest.raises(ConfigurationError, match="line 1: agents: nobody may vote"):
        load_batch(flags(votes=Path("v.csv")))


def test_votes_on_no_question_are_told_and_with_strict_refused(capsys):
    Path("v.csv").write_text("task,worker,label\nq1,ada,a\nq7,bob,a\n")

    loaded = load_batch(flags(votes=Path("v.csv")))

    assert loaded.bad_lines == 0
    assert "tasks that no question has the id of: 1\n  'q7': 1 votes" in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match="'q7': 1 votes"):
        load_batch(flags(votes=Path("v.csv"), strict=True))


def test_the_electorate_is_who_voted_or_the_roster_given():
    alone = load_batch(flags(votes=Path("v.csv"))).batch
    by_roster = load_batch(flags(votes=Path("v.csv"), roster=Path("roster.yaml"))).batch

    assert [(agent.id, agent.voter) for agent in alone.agents] == [("ada", "recorded"), ("bob", "recorded")]
    assert [(agent.id, agent.voter) for agent in by_roster.agents] == [("ada", "recorded"), ("cyd", "recorded")]


def test_a_workflow_says_what_may_be_chosen(capsys):
    questions({**GOOD, "id": "a"}, {**GOOD, "id": "a-b"}, {**GOOD, "id": "c", "choices": ["x", "y"]})

    batch = load_batch(flags(workflow=Path("w.yaml"))).batch

    told = capsys.readouterr().err
    assert isinstance(batch.rule, Workflow)
    assert [question.id for question in batch.questions] == ["a"]
    assert "line 2: id: 'a-b' and 'a' would have a decision 'a-b-one' each" in told
    assert "line 3: choices: the stages of the workflow say what may be chosen; leave them out" in told


def test_what_decides_what_is_written_is_a_parameter_and_nothing_else():
    one = parameters_of(load_batch(flags()).batch)
    many = [
        {"stage": {"threshold": "0.9"}},
        {"stage": {"choices": ["x", "y"]}},
        {"stage": {"rounds": "2"}},
        {"stage": {"max_agents": "3"}},
        {"roster": Path("roster.yaml")},
        {"votes": Path("v.csv")},
        {"workflow": Path("w.yaml")},
        {"chunk_size": 7},
    ]

    assert parameters_of(load_batch(flags(concurrency=3, strict=True)).batch) == one
    assert all(parameters_of(load_batch(flags(**given)).batch) != one for given in many)


def test_the_command_to_go_on_with_is_the_one_typed():
    words = ["batch", "run", "q.jsonl", "--output", "d e.jsonl", "--strict", "--provider-limit", "a=1", "--resume", "b"]
    words += ["--provider-limit", "c=2", "--format", "json"]
    command = typer.main.get_command(app)
    context = command.make_context("maos", words)
    for _ in range(2):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)

    typed_again = again(context)

    assert typed_again[:3] == ["batch", "run", "q.jsonl"]
    assert "--resume" not in typed_again
    text = " ".join(typed_again)
    for part in ("--output d e.jsonl", "--strict", "--provider-limit a=1 --provider-limit c=2", "--format json"):
        assert part in text


def test_counts_are_added_with_those_decided_first():
    chunks = [{"not_reached because tie": 5, "reached because threshold_met": 2}, {"overridden": 1}]

    standing = standing_of(10, chunks)

    assert (standing.done, standing.reached, headline(standing)) == (8, 3, "3 decided, 5 not reached")
    assert [row["outcome"] for row in summary_rows(standing)] == ["reached", "overridden", "not reached"]
    assert summary_rows(standing)[2] == {"outcome": "not reached", "reason": "tie", "questions": 5, "share": "62.5 %"}


def test_batches_are_listed_and_shown(monkeypatch, capsys):
    with configured_store() as store:
        store.batches.open(BatchRecord("b-1", "q.jsonl", "simple_majority", 1200, {}, NOON))
        store.batches.close_chunk(ChunkRecord("b-1", 0, {"reached because threshold_met": 500}, SOON))

    shown = typed(monkeypatch, capsys, "show", "b-1")
    listed = typed(monkeypatch, capsys, "list")
    as_json = json.loads(typed(monkeypatch, capsys, "list", "--format", "json")[1])

    assert "500 decided, of 1,200 questions; 700 to do (q.jsonl, simple_majority)" in shown[1]
    assert "reached" in shown[1]
    assert "500 of 1,200" in listed[1]
    assert (as_json[0]["done"], as_json[0]["finished_at"]) == (500, None)


def test_where_there_is_no_batch_it_says_so(monkeypatch, capsys):
    assert typed(monkeypatch, capsys, "list")[1] == "no batches yet\n"
    code, _, err = typed(monkeypatch, capsys, "show", "b-9")
    assert (code, err) == (2, "maos: error: there is no batch 'b-9'; `maos batch list` shows what there is\n")

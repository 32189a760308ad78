"""Questions and votes from files: what is wrong is told by line, and the rest is read."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.bulk.lines import BadLines
from maos_flows.bulk.questions import read_questions
from maos_flows.bulk.votes import _in_columns, column_names, read_votes
from maos_flows.errors import ConfigurationError, MaosError
from maos_flows.model import Context


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_a_question_is_read_with_all_it_says(tmp_path):
    given_line = {
        "id": 7,
        "question": " Which one? ",
        "choices": ["a", "b"],
        "domains": ["law"],
        "context": [{"name": "file", "text": "x"}, {"text": "y"}],
    }
    file = written(tmp_path / "q.jsonl", "", given_line, {"id": "8", "question": "And now?", "context": "z"})

    one, other = read_questions(file).questions

    assert (one.id, one.text, one.choices, one.domains, one.line) == ("7", "Which one?", ("a", "b"), ("law",), 2)
    assert one.context == (Context("file", "x"), Context("context 2", "y"))
    assert (other.choices, other.context, other.line) == ((), (Context("context 1", "z"),), 3)


BAD = {
    "not JSON": "{",
    "no object": "[1]",
    "an unknown key": {"id": "1", "question": "?", "choises": ["a", "b"]},
    "no question": {"id": "1"},
    "an empty question": {"id": "1", "question": " "},
    "an id with a space": {"id": "a b", "question": "?"},
    "an id that is too long": {"id": "a" * 129, "question": "?"},
    "an id that is no text": {"id": True, "question": "?"},
    "no choices": {"id": "1", "question": "?", "choices": []},
    "a choice twice": {"id": "1", "question": "?", "choices": ["a", "a "]},
    "a key twice": '{"id": "1", "question": "?", "id": "2"}',
    "an id that was there": {"id": "first", "question": "?"},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_line_is_told_by_its_number_and_the_others_are_read(bad, tmp_path):
    file = written(tmp_path / "q.jsonl", {"id": "first", "question": "?"}, bad, {"id": "last", "question": "?"})

    read = read_questions(file)

    assert [question.id for question in read.questions] == ["first", "last"]
    assert read.bad.count == 1
    assert [problem.path for problem in read.bad.problems] == ["line 2"]


def test_an_unknown_key_is_told_with_the_nearest_known(tmp_path):
    file = written(tmp_path / "q.jsonl", {"id": "1", "question": "?"}, {"id": "2", "question": "?", "choises": ["a"]})

    assert "choises: unknown key; did you mean 'choices'?" in read_questions(file).bad.in_words()


def test_of_many_bad_lines_a_hundred_are_named(tmp_path):
    file = written(tmp_path / "q.jsonl", {"id": "1", "question": "?"}, *["{"] * 150)

    bad = read_questions(file).bad

    assert (bad.count, len(bad.problems)) == (150, 100)
    assert bad.in_words(most=3).splitlines()[0].endswith("q.jsonl, bad lines: 150")
    assert bad.in_words(most=3).splitlines()[-1] == "  and 147 more"


@pytest.mark.parametrize(("lines", "words"), [([], "holds no question"), (["{"], "line 1: not JSON")])
def test_a_file_without_any_question_is_refused(lines, words, tmp_path):
    with pytest.raises(ConfigurationError, match=words):
        read_questions(written(tmp_path / "q.jsonl", *lines))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_questions(tmp_path / "q.jsonl")


ROWS = [("q2", "bob", "b"), ("q1", "ada", "a"), ("q2", "ada", "a"), ("q2", "bob", "a")]


def as_csv(path, names):
    return written(path, ",".join([names[1], "note", names[0], names[2]]), *(f"{w},x,{t},{v}" for t, w, v in ROWS))


def as_jsonl(path, names):
    return written(path, *(dict(zip(names, row, strict=True)) for row in ROWS))


def as_parquet(path, names):
    import pyarrow as pa
    from pyarrow import parquet

    columns = zip(*ROWS, strict=True)
    parquet.write_table(pa.table(dict(zip(names, map(list, columns), strict=True))), path)
    return path


@pytest.mark.parametrize("names", [("task", "worker", "label"), ("item", "annotator", "answer")])
@pytest.mark.parametrize(("kind", "write"), [("csv", as_csv), ("jsonl", as_jsonl), ("parquet", as_parquet)])
def test_votes_are_read_from_every_format_alike(kind, write, names, tmp_path):
    file = write(tmp_path / f"votes.{kind}", names)

    votes = read_votes(file, columns=dict(zip(("task", "worker", "label"), names, strict=True)))

    def of(task):
        return [(votes.workers[worker], votes.labels[label]) for worker, label in zip(*votes.of(task), strict=True)]

    assert of("q1") == [("ada", "a")]
    assert sorted(of("q2")) == [("ada", "a"), ("bob", "a"), ("bob", "b")]
    assert [label for worker, label in of("q2") if worker == "bob"] == ["b", "a"]  # as they came
    assert of("q9") == []
    assert votes.bad.count == 0


@given(st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from("abc"), st.sampled_from("xy"))))
def test_columns_hold_every_ballot_under_its_task_in_the_order_of_each_worker(rows):
    votes = _in_columns(enumerate(rows, 1), BadLines("v"), "")

    for task in "pqr":
        found = [(votes.workers[worker], votes.labels[label]) for worker, label in zip(*votes.of(task), strict=True)]
        for worker in "abc":
            mine = [label for who, label in found if who == worker]
            assert mine == [label for where, who, label in rows if (where, who) == (task, worker)]
        assert len(found) == sum(where == task for where, _, _ in rows)


@pytest.mark.parametrize(
    ("kind", "lines", "words"),
    [
        ("csv", ["task,worker,label", "q1,ada", "q1,bob,x"], "line 2: it has 2 cells, not 3"),
        ("csv", ["task,worker,label", "q1,,x", "q1,bob,x"], "line 2: worker: it is empty"),
        ("csv", ["task,worker,label", "q 1,ada,x", "q1,bob,x"], "line 2: task: 'q 1' is not an id"),
        ("csv", ["task,worker,label", f"q1,{'a' * 200},x", "q1,bob,x"], "longer than 128 characters"),
        ("jsonl", ["[]", '{"task": 1, "worker": "bob", "label": "x"}'], "line 1: it has no task and no worker and no"),
        ("jsonl", ["{", '{"task": 1, "worker": "bob", "label": "x"}'], "line 1: not JSON"),
        (
            "jsonl",
            ['{"task": 1, "worker": 2, "label": true}', '{"task": 1, "worker": 2, "label": 1}'],
            "label: it must",
        ),
        ("jsonl", ['{"task": 1, "worker": [], "label": 1}', '{"task": 1, "worker": 2, "label": 1}'], "worker: it"),
    ],
)
def test_a_line_that_is_no_ballot_is_told_and_the_others_are_read(kind, lines, words, tmp_path):
    """B58: a label of true or null is neither approval nor rejection."""
    votes = read_votes(written(tmp_path / f"votes.{kind}", *lines))

    assert (votes.bad.count, len(votes.worker)) == (1, 1)
    assert words in votes.bad.in_words()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("votes.txt", "", "ends in .csv, .jsonl, .parquet"),
        ("votes.csv", "", "no column 'task' and no 'worker' and no 'label'; there are none"),
        ("votes.csv", "task,label,who\n", "no column 'worker'; there are task, label, who"),
        ("votes.csv", "task,worker,label\nq1,Ada,x\nq1,ada,x\n", "'ada' and 'Ada' are the same name"),
        ("votes.parquet", "nonsense", "is not Parquet"),
    ],
)
def test_a_file_that_holds_no_votes_is_refused(name, text, words, tmp_path):
    """B09: workers whose names differ only in case are one voter or an error, never two voters."""
    file = tmp_path / name
    file.write_text(text)

    with pytest.raises(ConfigurationError, match=words):
        read_votes(file)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "votes.csv"
    file.write_bytes(b"task,worker,label\n\xff,a,b\n")

    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_votes(file)


def test_parquet_without_its_columns_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no column 'worker'; there are task, who, label"):
        read_votes(as_parquet(tmp_path / "votes.parquet", ("task", "who", "label")))


def test_parquet_without_the_extra_says_what_to_install(tmp_path, monkeypatch):
    file = as_parquet(tmp_path / "votes.parquet", ("task", "worker", "label"))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    with pytest.raises(MaosError, match=r'pip install "maos-flows\[parquet\]"'):
        read_votes(file)


def test_names_of_columns_are_read():
    assert column_names(" task=item , worker=who") == {"task": "item", "worker": "who"}
    assert column_names("") == {}


@pytest.mark.parametrize("text", ["item", "task=", "taks=a", "task=a,task=b"])
def test_names_of_columns_that_cannot_be_read_are_refused(text):
    with pytest.raises(ConfigurationError, match="cannot be read; write task=NAME,worker=NAME,label=NAME"):
        column_names(text)

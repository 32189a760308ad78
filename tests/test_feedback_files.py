"""Feedback as people write it."""

from pathlib import Path

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.feedback_files import Told, read_told, told_of


def file_with(tmp_path: Path, text: str, name: str = "told.jsonl") -> Path:
    """Write a file of feedback."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_are_read_and_an_agents_name_may_hold_an_equals_sign() -> None:
    assert told_of("d-1", "a", ["x=y=0.5"]) == Told("d-1", "a", {"x=y": "0.5"})
    assert told_of("d-1", "", []) == Told("d-1", None, {})


def test_every_score_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        told_of("d-1", "", ["ada", "=1", "bob=1", "bob=0"])

    assert [problem.message for problem in caught.value.problems] == [
        "'ada' is not written AGENT=NUMBER",
        "'=1' is not written AGENT=NUMBER",
        "'bob' has two",
    ]


def test_csv_gives_decisions_and_choices_with_their_lines(tmp_path: Path) -> None:
    path = file_with(tmp_path, "decision_id,correct\nd-1,a\nd-2,\nd-3,b,c\n d-4 ,b\n", "told.CSV")

    told = read_told(path)

    assert [(one.decision_id, one.correct, one.where, one.error is None) for one in told] == [
        ("d-1", "a", "line 2", True),
        ("", None, "line 3", False),
        ("", None, "line 4", False),
        ("d-4", "b", "line 5", True),
    ]


def test_json_lines_give_choices_and_scores_and_bad_lines_are_named(tmp_path: Path) -> None:
    lines = [
        '{"decision_id": "d-1", "correct": "a", "scores": {"ada": 0.5}}',
        "",
        "{",
        '["d-2"]',
        '{"decision_id": "d-3", "right": "a"}',
        '{"decision_id": "d-4", "correct": 1}',
        '{"decision_id": "d-5", "scores": {"ada": "1"}}',
    ]

    told = read_told(file_with(tmp_path, "\n".join(lines)))

    assert told[0] == Told("d-1", "a", {"ada": "0.5"}, "line 1")
    assert [(one.where, str(one.error).split(":")[0]) for one in told[1:]] == [
        ("line 3", "it is not JSON"),
        ("line 4", "it is not an object with a decision_id"),
        ("line 5", "unknown key 'right', known are decision_id, correct, scores"),
        ("line 6", "correct is not text"),
        ("line 7", "scores is not an object of numbers by agent"),
    ]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "told.jsonl", "holds no feedback"),
        ("id,right\n1,2\n", "told.csv", "found id, right"),
        ("", "told.csv", "found none"),
    ],
)
def test_a_file_that_is_no_feedback_is_refused(tmp_path: Path, text: str, name: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_told(file_with(tmp_path, text, name))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_told(tmp_path / "none.jsonl")


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)

    with pytest.raises(ConfigurationError, match="larger than"):
        read_told(path)

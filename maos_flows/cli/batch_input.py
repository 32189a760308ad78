"""From the flags of `maos batch run` to a batch that can be run: files read, flags that have no effect refused."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from maos_flows.bulk.asking import Asker, Rule, as_recorded, kinds_of, voters_of
from maos_flows.bulk.batch import Batch, problems_with_stages
from maos_flows.bulk.lines import BadLines
from maos_flows.bulk.questions import Question, Questions, read_questions
from maos_flows.bulk.votes import Votes, column_names, read_votes
from maos_flows.cli.loading import configuration, fallback_roster, known_policies, load
from maos_flows.cli.output import say
from maos_flows.cli.running import as_flag
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import Roster
from maos_flows.policies.base import ConsensusPolicy, Weighing
from maos_flows.request import DecisionRequest, Dynamics
from maos_flows.roster import LoadedRoster, load_roster
from maos_flows.workflow import Workflow, question_request
from maos_flows.workflow.overseen import bulk_problems

_MOST_SHOWN = 20
_LIMIT = re.compile(r"([\w.-]+)=([1-9]\d{0,5})")
_OF_ASKING = ("max_agents", "timeout", "retries", "rounds", "early_stop")
DEFAULT_CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class Flags:
    """What was typed; an empty value was not. `stage` has the keys a workflow's stage would have."""

    file: Path
    output: Path
    workflow: Path | None = None
    roster: Path | None = None
    votes: Path | None = None
    votes_columns: str = ""
    concurrency: int | None = None
    provider_limit: tuple[str, ...] = ()
    chunk_size: int = 500
    strict: bool = False
    resume: str = ""
    stage: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A batch that can be run, how many lines of its input were bad, and what else it takes to run it."""

    batch: Batch
    output: Path
    bad_lines: int
    is_resumed: bool
    questions_at_once: int
    kinds: Mapping[str, int]


def load_batch(flags: Flags) -> Loaded:
    """Read and check everything; say on stderr which lines are bad and left out.

    Raises:
        ConfigurationError: It cannot be run, or with `strict` a line is bad.
    """
    problems = [*_without_effect(flags), *_output_problems(flags)]
    if problems:
        raise ConfigurationError(problems)
    questions = read_questions(flags.file)
    votes = None if flags.votes is None else read_votes(flags.votes, columns=column_names(flags.votes_columns))
    rule = _rule(flags, votes)
    batch_id = flags.resume or f"b-{uuid4().hex[:12]}"
    good = _good(questions, rule, batch_id)
    bad = [questions.bad] if votes is None else [questions.bad, votes.bad]
    unused = [] if votes is None else [_strangers(votes, questions)]
    found = [lines for lines in (*bad, *unused) if lines.count]
    if not good or (found and flags.strict):
        raise ConfigurationError([Problem("", "\n".join(lines.in_words() for lines in found))])
    for lines in found:
        say(f"note: {lines.in_words(_MOST_SHOWN)}")
    batch = Batch(batch_id, flags.file, questions.digest, good, rule, flags.chunk_size)
    return Loaded(
        batch,
        flags.output,
        sum(lines.count for lines in bad),
        bool(flags.resume),
        flags.concurrency or DEFAULT_CONCURRENCY,
        _kinds(flags.provider_limit, batch),
    )


def _without_effect(flags: Flags) -> Iterator[Problem]:
    given = [key for key, value in flags.stage.items() if value]
    asking = [f"--{key.replace('_', '-')}" for key in _OF_ASKING if flags.stage.get(key)]
    asking += ["--concurrency"] if flags.concurrency else []
    asking += ["--provider-limit"] if flags.provider_limit else []
    if flags.workflow is not None:
        if flags.votes is not None:
            yield Problem("--votes", "a workflow asks its own agents; recorded ballots take --algorithm")
        for key in given:
            yield as_flag(Problem(key, "the workflow says it; leave it out beside --workflow"))
    elif flags.votes is not None:
        for flag in asking:
            yield Problem(flag, "nobody is asked where ballots are recorded (--votes); leave it out")
    if flags.votes is None and flags.votes_columns:
        yield Problem("--votes-columns", "there is no --votes")


def _output_problems(flags: Flags) -> Iterator[Problem]:
    path = flags.output
    if not path.parent.is_dir():
        yield Problem("--output", f"{path.parent} is not a folder")
    elif path.is_dir():
        yield Problem("--output", f"{path} is a folder")
    elif path.exists() and not flags.resume:
        yield Problem("--output", f"{path} is there already; name another, or take up its batch with --resume ID")
    elif path.exists() and path.stat().st_size and not _is_of(path, flags.resume):
        yield Problem("--output", f"{path} was not written by batch {flags.resume[:80]}")


def _is_of(path: Path, batch_id: str) -> bool:
    with path.open("rb") as file:
        return f'_id": "{batch_id}-'.encode() in file.readline(100_000)


def _rule(flags: Flags, votes: Votes | None) -> Rule | Workflow:
    if flags.workflow is not None:
        workflow = load(flags.workflow, roster=flags.roster)
        _refuse_unheeded(*(stage.request for stage in workflow.stages))
        return workflow
    stage = {key: value for key, value in flags.stage.items() if value}
    most = stage.pop("max_agents", None)
    try:
        base = question_request(
            {"question": "?", **stage},
            base=Path.cwd(),
            policies=known_policies(),
            roster=_roster(flags, votes),
            configuration=configuration(),
        )
    except ConfigurationError as error:
        raise ConfigurationError([as_flag(problem) for problem in error.problems]) from error
    _refuse_unheeded(base)
    choices = base.choices if stage.get("choices") else ()
    policy = known_policies().find(base.algorithm)
    if votes is not None:
        _refuse_for_recorded(base, policy)
    return Rule(base, policy, choices, int(most) if most else None, votes, votes is not None and flags.roster is None)


def _refuse_for_recorded(base: DecisionRequest, policy: ConsensusPolicy) -> None:
    """Refuse what takes more than ballots that are there: asking again, a person, replicas, learned weights."""
    counting = ", ".join(name for name, known in known_policies().items() if known.protocol is None)
    found = [
        (policy.protocol is not None, "--algorithm", f"{policy.name} needs replicas; recorded ballots take {counting}"),
        (base.rounds > 1, "--tie-break", "nobody is asked again where ballots are recorded (--votes)"),
        (base.escalate, "configuration, human_oversight", "recorded ballots (--votes) are not put to a person"),
        (base.dynamics is not Dynamics.NONE, "configuration, dynamic_weights", "recorded ballots take given weights"),
    ]
    problems = [Problem(path, message) for is_asked, path, message in found if is_asked]
    if problems:
        raise ConfigurationError(problems)


def _refuse_unheeded(*requests: DecisionRequest) -> None:
    """Refuse what is configured and would not be heeded, rather than leave it out in silence."""
    problems = dict.fromkeys(problem for request in requests for problem in bulk_problems(request))
    if problems:
        raise ConfigurationError(tuple(problems))


def _roster(flags: Flags, votes: Votes | None) -> LoadedRoster | None:
    """Give who may be asked; whose ballots are recorded is whoever is in the roster given, else whoever voted."""
    if votes is None:
        return fallback_roster(flags.roster)
    if flags.roster is None:
        return LoadedRoster(Roster(voters_of(votes)), Weighing())
    given = load_roster(flags.roster)
    return LoadedRoster(Roster(as_recorded(given.roster.agents)), given.weighing)


def _good(questions: Questions, rule: Rule | Workflow, batch_id: str) -> tuple[Question, ...]:
    """Pick the questions that can be decided, and note of the others why not."""
    asked = questions.questions
    found = problems_with_stages(asked, rule) if isinstance(rule, Workflow) else Asker(rule, batch_id).problems(asked)
    impossible = dict(found)
    for question, words in impossible.items():
        questions.bad.add(question.line, words)
    questions.bad.problems.sort(key=lambda problem: int(problem.path.removeprefix("line ")))
    return tuple(question for question in asked if question not in impossible)


def _strangers(votes: Votes, questions: Questions) -> BadLines:
    """Find tasks with votes that no question has the id of: slips, or questions left out on purpose."""
    known = {question.id for question in questions.questions}
    found = BadLines(votes.bad.source, "tasks that no question has the id of")
    for task, (begin, end) in votes.places.items():
        if task not in known:
            found.add(repr(task), f"{end - begin} votes")
    return found


def _kinds(limits: Sequence[str], batch: Batch) -> dict[str, int]:
    there = sorted({kind for agent in batch.agents for kind in kinds_of(agent)})
    found: dict[str, int] = {}
    for text in limits:
        match = _LIMIT.fullmatch(text)
        if match is None:
            raise ConfigurationError([Problem("--provider-limit", f"{text[:60]!r} cannot be read; write it model=4")])
        if match[1] not in there:
            words = f"no agent is of kind {match[1]!r}; there are {', '.join(there)}"
            raise ConfigurationError([Problem("--provider-limit", words)])
        found[match[1]] = int(match[2])
    return found

"""The audit store: every decision as it was opened, answered and closed, in SQLite or PostgreSQL."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Engine, select

from maos_flows.audit import (
    answers,
    checks,
    closing,
    conduct,
    leases,
    openings,
    runs,
    submissions,
    summaries,
    timeline,
)
from maos_flows.audit.beside import Beside
from maos_flows.audit.bounds import arrived, in_utc
from maos_flows.audit.conduct import Conduct
from maos_flows.audit.encoding import decode
from maos_flows.audit.engine import make_engine, name_of, read_url
from maos_flows.audit.leases import Lease
from maos_flows.audit.openings import Privacy
from maos_flows.audit.redacting import redacted
from maos_flows.audit.rows import DECISION
from maos_flows.audit.runs import StageRecord, WorkflowRun
from maos_flows.audit.schema import prepare
from maos_flows.audit.sealing import use_keys
from maos_flows.audit.submissions import Submission, SubmissionKind
from maos_flows.audit.summaries import DecisionSummary
from maos_flows.audit.transactions import Transactions
from maos_flows.audit.writer import Writer
from maos_flows.config.keyring import keys_here
from maos_flows.errors import StoreError
from maos_flows.keys import KeyFolder
from maos_flows.model import Absence, Ballot, Decision, Event, EventKind, Opening, RejectedBallot
from maos_flows.request import DecisionRequest

__all__ = ["AuditStore", "DecisionSummary", "Lease", "StageRecord", "Submission", "SubmissionKind", "WorkflowRun"]

Value = TypeVar("Value")


class AuditStore(Beside):
    """Keeps decisions for whoever asks later. Threads may share one; processes open one each.

    Everything a method writes is on disk when it returns, in one transaction with the timeline's events that tell of
    it. Any method raises `StoreError`, in one line, if the database cannot be reached, read or written.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._openings = openings.Openings()
        transactions = Transactions(engine, undone=self._openings.forget)
        self._writing, self._reading = transactions.writing, transactions.reading
        self._writer = Writer(transactions.together)

    @classmethod
    def open(cls, url: str, *, keys: Callable[[], KeyFolder] = keys_here) -> "AuditStore":
        """Open the store at a URL, made if there is none and brought to the newest schema.

        Args:
            url: `sqlite:///FILE` (four slashes before an absolute path), `postgresql://...` or `postgres://...`.
            keys: Gives the keys with which ballots are sealed and records signed, where that is asked for.

        Raises:
            StoreError: It is damaged, newer than this release, not an audit store, or cannot be reached or made.
        """
        engine = make_engine(read_url(url))
        try:
            prepare(engine)
        except StoreError:
            engine.dispose()
            raise
        use_keys(engine, keys)
        return cls(engine)

    def close(self) -> None:
        """Finish what was handed over, and give back the connections."""
        self._writer.close()
        self._engine.dispose()

    def hand_over(self, work: Callable[[], Value]) -> "Future[Value]":
        """Have work with this store done by the store's own thread, in one transaction with whatever else is waiting.

        A commit costs more than what it commits, and what calls several methods is then kept whole or not at all. Work
        may run twice, the first time undone: it must do nothing but call this store.

        Returns:
            What the work returned, once it is on disk; or what it raised, and then nothing of it is kept.
        """
        return self._writer.hand_over(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """Where it is, for people: the file, or the server's URL without its password."""
        return name_of(self._engine.url)

    def open_decision(self, opening: Opening, request: DecisionRequest) -> Opening:
        """Keep what binds a decision: request, electorate, parameters.

        Returns:
            The opening as it is kept. If the decision is there already, that is the one frozen then, and counts.

        Raises:
            ConflictError: The decision is there and was requested otherwise.
            ConfigurationError: It is not a first round, its id is unusable, or an instant has no time zone.
        """
        with self._writing() as connection:
            return openings.open_decision(connection, self._openings, opening, request)

    def open_round(self, opening: Opening) -> Opening:
        """Keep what binds a further round of a decision; the round before it takes no more ballots.

        Returns:
            The opening as it is kept. If the round is there already, that is the one frozen then, and counts.

        Raises:
            NotFoundError: There is no such decision.
            ConflictError: The decision is closed, or the round before is missing.
        """
        with self._writing() as connection:
            return openings.open_round(connection, self._openings, opening, now=datetime.now(UTC))

    def record_answer(self, answer: Ballot | Absence) -> Ballot | Absence:
        """Keep what an agent answered in a round, or why it did not; the first of an elector's answers stands.

        A ballot that scrutiny rejects, or that comes after the agent's answer, a later round or the closing, is kept
        as rejected and takes nobody's place. A ballot that states no arrival arrives now.

        Returns:
            The agent's answer as it is kept: texts bounded, the choice tidied. If a ballot is rejected and its agent
            has no answer, the ballot itself, which a count rejects by the same scrutiny. An absence after the closing
            is not kept and comes back as it is.

        Raises:
            NotFoundError: There is no such decision or, for an absence, no such round or elector.
        """
        now = datetime.now(UTC)
        with self._writing() as connection:
            if isinstance(answer, Ballot):
                return answers.record_ballot(connection, self._openings, arrived(answer, now=now), now=now)
            return answers.record_absence(connection, self._openings, arrived(answer, now=now), now=now)

    def answers(self, decision_id: str, round_number: int, *, covered: bool = False) -> tuple[Ballot | Absence, ...]:
        """Read the answers of a round, by agent; rejected ballots are not among them.

        Encrypted ballots that cannot be opened here are an error or, if `covered`, come without what they say.
        """
        with self._reading() as connection:
            return answers.read(connection, decision_id, round_number, covered=covered)

    def answered(self, decision_id: str, round_number: int, *, kind: str | None = None) -> frozenset[str]:
        """Name the agents that have answered in a round: in any way, or with a `ballot` or an absence of that kind."""
        with self._reading() as connection:
            return answers.names(connection, decision_id, round_number, kind=kind)

    def rejected(self, decision_id: str, round_number: int) -> tuple[RejectedBallot, ...]:
        """Read the ballots of a round that are kept and not counted, as they came."""
        with self._reading() as connection:
            return answers.read_rejected(connection, decision_id, round_number)

    def close_decision(self, decision: Decision, *, led_to: Sequence[Event] = (), at: datetime) -> Decision:
        """Write a decision's outcome, faults and record, and on its timeline what led to it.

        Answers it rests on that were not recorded as they came are recorded with it, and every ballot rejected in its
        round until then is listed in it. Record the absence of every elector without a ballot first, and decide over
        `answers` alone: no ballot can come between then.

        Returns:
            The decision as it is kept. If it is closed already, by anybody, that is the one written then, and counts.

        Raises:
            NotFoundError: There is no such decision.
            ConflictError: It does not rest on what is on record: the latest round's opening, and its answers.
            ConfigurationError: An event tells of something the store keeps (a ballot, ...) and writes itself.
        """
        moment = in_utc(at, path="at")
        timeline.check_told(led_to)
        with self._writing() as connection:
            return closing.close_decision(connection, self._openings, decision, led_to=led_to, at=moment)

    def opening(self, decision_id: str) -> Opening | None:
        """Read the opening of a decision's latest round; None if it is not there."""
        with self._reading() as connection:
            number = openings.latest_round(connection, decision_id)
            return self._openings.read(connection, decision_id, number) if number >= 0 else None

    def request(self, decision_id: str) -> DecisionRequest | None:
        """Read what was requested; None if it is not there."""
        with self._reading() as connection:
            query = select(DECISION.c.request).where(DECISION.c.id == decision_id)
            record = connection.execute(query).scalar_one_or_none()
        return None if record is None else decode(DecisionRequest, record)

    def decision(self, decision_id: str) -> Decision | None:
        """Read a decision whole; None while it is open, or if it is not there."""
        with self._reading() as connection:
            return closing.read(connection, self._openings, decision_id)

    def note(self, decision_id: str, event: Event) -> Event:
        """Add an event to a decision's timeline.

        Returns:
            The event with its number, which the store gives.

        Raises:
            NotFoundError: There is no such decision.
            ConfigurationError: The event tells of something the store keeps (a ballot, ...) and writes itself.
        """
        (noted,) = self.note_all(decision_id, [event])
        return noted

    def note_all(self, decision_id: str, events: Sequence[Event]) -> tuple[Event, ...]:
        """Add events, at least one, to a decision's timeline, one after the other and all at once.

        While ballots are sealed, what an event tells of them is left out.

        Returns:
            The events with their numbers.

        Raises:
            NotFoundError: There is no such decision.
            ConfigurationError: An event tells of something the store keeps (a ballot, ...) and writes itself.
        """
        timeline.check_told(events)
        with self._writing() as connection:
            standing = openings.hold(connection, decision_id)
            if not standing.is_closed and self._openings.privacy(connection, decision_id) is not Privacy.NONE:
                choices = self._openings.get(connection, decision_id, standing.latest_round).proposal.choices
                events = [redacted(event, choices) for event in events]
            return timeline.append_all(connection, decision_id, events)

    def timeline(self, decision_id: str, *, after: int = 0) -> tuple[Event, ...]:
        """Read a decision's events in order, from the one after number `after` on."""
        with self._reading() as connection:
            return timeline.read(connection, decision_id, after=after)

    def happened(self, decision_id: str, kind: EventKind, *, after: int = 0) -> bool:
        """Say whether something of a kind has happened to a decision, after the event of that number."""
        with self._reading() as connection:
            return timeline.holds(connection, decision_id, kind, after=after)

    def decisions(
        self, *, limit: int = 50, run_id: str | None = None, before: datetime | None = None
    ) -> tuple[DecisionSummary, ...]:
        """List decisions, the newest first: those of one run, or opened before an instant, if asked."""
        moment = None if before is None else in_utc(before, path="before")
        with self._reading() as connection:
            return summaries.read(connection, limit=limit, run_id=run_id, before=moment)

    def conduct(self, agents: Sequence[str], *, limit: int = 200) -> tuple[Conduct, ...]:
        """Read what is on record of agents over the newest decisions, in the order in which they are named."""
        with self._reading() as connection:
            return conduct.read(connection, agents, limit=limit)

    def open_run(self, run: WorkflowRun) -> WorkflowRun:
        """Keep a run of a workflow.

        Returns:
            The run as it is kept: as it was first started, if it is there already.

        Raises:
            ConflictError: It is there and is of another workflow, document or parameters.
        """
        with self._writing() as connection:
            return runs.open_run(connection, run)

    def run(self, run_id: str) -> WorkflowRun | None:
        """Read a run; None if it is not there."""
        with self._reading() as connection:
            return runs.read(connection, run_id)

    def close_run(self, run_id: str, *, outcome: str, at: datetime) -> WorkflowRun:
        """Write how a run ended.

        Returns:
            The run as it is kept; what was written first stays.

        Raises:
            NotFoundError: There is no such run.
        """
        with self._writing() as connection:
            return runs.close_run(connection, run_id, outcome=outcome, at=at)

    def runs(self, *, limit: int = 50) -> tuple[WorkflowRun, ...]:
        """List runs, the newest first."""
        with self._reading() as connection:
            return runs.read_newest(connection, limit=limit)

    def note_stage(self, run_id: str, stage: str, *, outcome: str, explanation: str, at: datetime) -> None:
        """Keep how a stage of a run ended, or why it was skipped; what was kept first stays.

        Raises:
            NotFoundError: There is no such run.
        """
        with self._writing() as connection:
            runs.add_stage(connection, StageRecord(run_id, stage, outcome, explanation, at))

    def stages(self, run_id: str) -> tuple[StageRecord, ...]:
        """Read how the stages of a run ended, in the order in which they did."""
        with self._reading() as connection:
            return runs.read_stages(connection, run_id)

    def submit(self, submission: Submission) -> Submission:
        """Keep what was handed in.

        Returns:
            The submission as it is kept, with its flow run if one was made of it, if it is there already.

        Raises:
            ConflictError: Something else was submitted under its id.
        """
        with self._writing() as connection:
            return submissions.submit(connection, submission)

    def submission(self, submission_id: str) -> Submission | None:
        """Read a submission and how far it is; None if it is not there."""
        with self._reading() as connection:
            return submissions.read(connection, submission_id)

    def submissions(self, *, limit: int = 50, open_only: bool = False) -> tuple[Submission, ...]:
        """List submissions, the newest first; if asked, only those of which something may still come."""
        with self._reading() as connection:
            return submissions.read_newest(connection, limit=limit, open_only=open_only)

    def note_flow_run(self, submission_id: str, flow_run_id: str) -> Submission:
        """Keep which flow run was made of a submission.

        Raises:
            NotFoundError: There is no such submission.
        """
        with self._writing() as connection:
            return submissions.note_flow_run(connection, submission_id, flow_run_id)

    def cancel_submission(self, submission_id: str, *, at: datetime) -> Submission:
        """Keep that a submission was cancelled; the first time counts.

        Raises:
            NotFoundError: There is no such submission.
        """
        with self._writing() as connection:
            return submissions.cancel(connection, submission_id, at=at)

    def renew_leases(self, owner: str, subjects: Iterable[str], *, now: datetime, until: datetime) -> frozenset[str]:
        """Take or prolong leases.

        Returns:
            The subjects whose lease is the owner's now. What is missing in them, another owner holds.
        """
        with self._writing() as connection:
            return leases.renew(connection, owner, subjects, now=now, until=until)

    def take_over_lease(self, owner: str, subject: str, *, now: datetime, until: datetime) -> int | None:
        """Take the lease of an owner who is gone, one that nobody has, or one's own anew: its process died.

        Returns:
            How often it was taken over by now; None if another owner holds it.
        """
        with self._writing() as connection:
            return leases.take_over(connection, owner, subject, now=now, until=until)

    def release_leases(self, owner: str, subjects: Iterable[str]) -> None:
        """Give up the leases of work that is done; those of other owners stay."""
        with self._writing() as connection:
            leases.release(connection, owner, subjects)

    def leases(self, subjects: Iterable[str]) -> Mapping[str, Lease]:
        """Read the leases there are on subjects, expired ones among them."""
        with self._reading() as connection:
            return leases.read(connection, subjects)

    def overdue(self, *, before: datetime, limit: int = 100) -> tuple[tuple[str, str], ...]:
        """Name open decisions whose deadline was before an instant, the oldest first, each with its run if any."""
        with self._reading() as connection:
            return leases.read_overdue(connection, before=before, limit=limit)

    def check(self) -> tuple[str, ...]:
        """Read the whole store and say what is wrong with it, each in a line; nothing if all is well."""
        try:
            with self._reading() as connection:
                return checks.problems_of(connection)
        except StoreError as error:
            return (str(error),)

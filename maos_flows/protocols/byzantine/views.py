"""The rules R1 to R6: accept a proposal, prepare, commit, decide, and change the view.

H. Moniz, The Istanbul BFT Consensus Algorithm, arXiv 2002.03613. What QBFT calls a round is a view here, its leader
the primary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from maos_flows.protocols.byzantine.certificate import Certificate
from maos_flows.protocols.byzantine.evidence import TWICE, Evidence, misdeed_of_one
from maos_flows.protocols.byzantine.justification import (
    Change,
    change_problem,
    claim_of,
    is_fresh,
    justification_problem,
)
from maos_flows.protocols.byzantine.memory import Memory
from maos_flows.protocols.byzantine.messages import Commit, Message, Prepare, Propose, ViewChange
from maos_flows.protocols.byzantine.state import ARCHIVE_LENGTH, Prepared
from maos_flows.protocols.byzantine.statements import ChangeStatement, Kind, Signed, VoteStatement
from maos_flows.protocols.byzantine.value import Value
from maos_flows.protocols.byzantine.votes import WINDOW, Fate


class Views:
    """The rules on one replica's memory until it decides.

    Attributes:
        expires_at: The tick at which the present view is given up.
        wanted: Digests of values that a quorum voted for and that are not held, with those votes.
    """

    def __init__(self, memory: Memory, decide: Callable[[Certificate], None]) -> None:
        self._memory = memory
        self._decide = decide
        self.wanted: dict[str, Sequence[Signed]] = {}
        self.expires_at = memory.now + self._length_of(memory.durable.view)
        self._recall()

    def on_timer(self) -> None:
        """R4: give up the present view when its time is over."""
        if self._memory.now >= self.expires_at:
            self._change_view(self._memory.durable.view + 1)

    def on_propose(self, sender: str, message: Propose) -> None:
        """R1: accept the first proposal of a view's primary if it is valid, justified and leaves nobody out."""
        memory = self._memory
        if message.view < memory.durable.view or not self._is_proposal_heard(sender, message):
            return
        if _is_in(memory.durable.prepare, message.view):
            return
        problem = self._proposal_problem(message)
        if problem is not None:
            memory.out.suspect(sender, problem)
            return
        self._accept(message)

    def on_vote(self, sender: str, kind: Kind, message: Prepare | Commit) -> None:
        """R2, R3: count a vote, and act on the quorum it may complete."""
        memory = self._memory
        past = WINDOW if kind is Kind.COMMIT else 0
        if not memory.durable.view - past <= message.view <= memory.durable.view + WINDOW:
            return
        vote = VoteStatement(message.agent, kind, message.view, message.digest)
        if self._hear(sender, vote, message.token):
            if kind is Kind.COMMIT:
                for change in memory.changes.of(vote.agent):
                    memory.check_lock(vote, message.token, change.statement, change.message.token)
            if self.wanted or memory.votes.has_quorum(kind, vote.view, vote.value):
                self.advance()

    def on_change(self, sender: str, message: ViewChange) -> None:
        """R5, R6: note where an agent is, follow f + 1 that are ahead, propose if a quorum waits for it."""
        memory = self._memory
        if not memory.changes.wants(message.agent, message.view, memory.durable.view):
            return
        statement = memory.reader.change(Signed(message.agent, message.token))
        if statement is None or statement.view != message.view:
            memory.out.suspect(sender, "bad_signature")
            return
        misdeed = misdeed_of_one(memory.agreement, statement)
        if misdeed is not None:
            memory.convict(Evidence(misdeed, message.agent, ((Kind.VIEW_CHANGE, message.token),)))
            return
        problem = change_problem(memory.reader, statement, message)
        if problem is not None:
            memory.out.suspect(sender, problem)
            return
        self._note_change(Change(statement, message))

    def advance(self) -> None:
        """R2 and R3, on all that has been heard: prepare in this view, decide in any."""
        memory = self._memory
        self.wanted = {}
        if memory.durable.decided is not None:
            return
        self._prepare_if_possible()
        for view in memory.votes.views(Kind.COMMIT):
            for digest in memory.votes.values_with_quorum(Kind.COMMIT, view):
                commits = memory.votes.counted(Kind.COMMIT, view, digest)
                value = memory.value(digest)
                if value is not None:
                    self._decide(Certificate(view, value, commits[: memory.agreement.quorum]))
                    return
                self.wanted[digest] = commits

    def repeated(self) -> Iterator[Message]:
        """Give what must be sent again for as long as there is no decision."""
        durable = self._memory.durable
        if durable.change is not None:
            yield durable.change
        for message in (durable.propose, durable.prepare, durable.commit):
            if message is not None and message.view == durable.view:
                yield message

    def propose_if_due(self) -> None:
        """R6, and the first view: propose as its primary, once, when enough ballots or VIEW-CHANGEs are here."""
        memory = self._memory
        view = memory.durable.view
        is_primary = memory.agreement.primary(view) == memory.agent
        if not is_primary or _is_in(memory.durable.propose, view) or _is_in(memory.durable.prepare, view):
            return
        changes = self._chosen_changes()
        if changes is None:
            return
        value = _highest_value(changes) or self._fresh_value()
        if value is None:
            return
        token = memory.sign_vote(Kind.PROPOSE, view, value.digest)
        signed = tuple(change.signed for change in changes)
        proposal = Propose(memory.agent, view, token, value, signed, _backing(changes))
        memory.durable = replace(memory.durable, propose=proposal)
        memory.out.broadcast(proposal)
        memory.hold(value)
        self._accept(proposal)

    def _recall(self) -> None:
        """Take up what was said before a crash: own votes count, values once accepted are held."""
        memory, durable = self._memory, self._memory.durable
        for proposal in durable.archive[-WINDOW:]:
            memory.hold(proposal.value)
        own = (
            (Kind.PROPOSE, durable.propose),
            (Kind.PREPARE, durable.prepare),
            (Kind.COMMIT, durable.commit),
        )
        for kind, message in own:
            if message is not None and message.view == durable.view:
                digest = message.value.digest if isinstance(message, Propose) else message.digest
                memory.votes.add(VoteStatement(memory.agent, kind, message.view, digest), message.token)
        if durable.change is not None and durable.change.view == durable.view:
            statement = memory.reader.change(Signed(memory.agent, durable.change.token))
            assert statement is not None  # it is our own
            memory.changes.add(Change(statement, durable.change), durable.view)

    def _hear(self, sender: str, vote: VoteStatement, token: str) -> bool:
        """Take a vote into the book. Says whether it newly counts."""
        memory = self._memory
        match memory.votes.add(vote, token):
            case Fate.COUNTED:
                return True
            case Fate.KNOWN | Fate.SPARE:
                return False
            case Fate.FORGED:
                memory.out.suspect(sender, "bad_signature")
                return False
            case Fate.CONFLICTING:
                self._convict_of_two(vote, token)
                return False
            case fate:
                assert_never(fate)

    def _convict_of_two(self, vote: VoteStatement, token: str) -> None:
        first = self._memory.votes.token_of(vote.kind, vote.view, vote.agent)
        assert first is not None
        statements = ((vote.kind, first), (vote.kind, token))
        self._memory.convict(Evidence(TWICE[vote.kind], vote.agent, statements))

    def _is_proposal_heard(self, sender: str, message: Propose) -> bool:
        """Verify a proposal's signature, and that it is the only one of its view's primary."""
        memory = self._memory
        statement = VoteStatement(message.agent, Kind.PROPOSE, message.view, message.value.digest)
        is_near = message.view <= memory.durable.view + WINDOW
        if memory.agreement.primary(message.view) != message.agent or not is_near:
            read = memory.reader.vote(Kind.PROPOSE, Signed(message.agent, message.token))
            if read != statement:
                memory.out.suspect(sender, "bad_signature")
                return False
            misdeed = misdeed_of_one(memory.agreement, statement)
            if misdeed is not None:
                memory.convict(Evidence(misdeed, message.agent, ((Kind.PROPOSE, message.token),)))
            return misdeed is None
        self._hear(sender, statement, message.token)
        return memory.votes.token_of(Kind.PROPOSE, message.view, message.agent) == message.token

    def _proposal_problem(self, message: Propose) -> str | None:
        memory = self._memory
        if not memory.hold(message.value):
            return "invalid_value"
        if justification_problem(memory.reader, message) is not None:
            return "unjustified_proposal"
        if is_fresh(memory.reader, message):
            long_ago = memory.now - memory.timing.patience(message.view)
            if not memory.ballots.held_since(long_ago) <= message.value.agents:
                return "ballot_left_out"
        return None

    def _accept(self, proposal: Propose) -> None:
        memory = self._memory
        if proposal.view > memory.durable.view:
            self._enter(proposal.view)
        for signed in proposal.changes:
            statement = memory.reader.change(signed)
            assert statement is not None  # the proposal is justified
            self._check_locks(statement, signed.token)
        digest = proposal.value.digest
        token = memory.sign_vote(Kind.PREPARE, proposal.view, digest)
        prepare = Prepare(memory.agent, proposal.view, digest, token)
        archive = (*memory.durable.archive, proposal)[-ARCHIVE_LENGTH:]
        memory.durable = replace(memory.durable, prepare=prepare, archive=archive)
        memory.out.broadcast(prepare)
        self.advance()

    def _prepare_if_possible(self) -> None:
        """R2: on a quorum of PREPAREs in this view for a value held, prepare it and sign COMMIT, once a view."""
        memory = self._memory
        view = memory.durable.view
        if _is_in(memory.durable.commit, view):
            return
        for digest in memory.votes.values_with_quorum(Kind.PREPARE, view):
            value = memory.value(digest)
            prepares = memory.votes.counted(Kind.PREPARE, view, digest)[: memory.agreement.quorum]
            if value is None:
                self.wanted[digest] = prepares
                continue
            token = memory.sign_vote(Kind.COMMIT, view, digest)
            commit = Commit(memory.agent, view, digest, token)
            memory.durable = replace(memory.durable, prepared=Prepared(view, value, prepares), commit=commit)
            memory.out.broadcast(commit)
            return

    def _note_change(self, change: Change) -> None:
        memory = self._memory
        if change.message.value is not None:
            memory.hold(change.message.value)
        memory.changes.add(change, memory.durable.view)
        self._check_locks(change.statement, change.message.token)
        self._follow()
        self.propose_if_due()

    def _follow(self) -> None:
        """R5: when f + 1 agents are ahead, enter the lowest view that any of them moved to."""
        memory = self._memory
        ahead = memory.changes.lowest_ahead(memory.durable.view)
        while len(ahead) >= memory.agreement.weak_quorum:
            self._change_view(ahead[0])
            ahead = memory.changes.lowest_ahead(memory.durable.view)

    def _change_view(self, view: int) -> None:
        """R4: enter a view, and say so to all with what was prepared last."""
        memory = self._memory
        self._enter(view)
        statement, token = memory.sign_change(view)
        prepared = memory.durable.prepared
        message = (
            ViewChange(memory.agent, view, token, prepared.prepares, prepared.value)
            if prepared is not None
            else ViewChange(memory.agent, view, token)
        )
        memory.durable = replace(memory.durable, change=message)
        memory.changes.add(Change(statement, message), view)
        memory.out.broadcast(message)
        self.propose_if_due()
        self.advance()

    def _enter(self, view: int) -> None:
        memory = self._memory
        memory.durable = replace(memory.durable, view=view)
        memory.votes.forget_before(view)
        memory.changes.forget_before(view)
        self.expires_at = memory.now + self._length_of(view)

    def _length_of(self, view: int) -> int:
        timing = self._memory.timing
        return timing.timeout(view) + (timing.ballot_window if view == 1 else 0)

    def _check_locks(self, change: ChangeStatement, token: str) -> None:
        """Hold a VIEW-CHANGE against every COMMIT of the same agent that is remembered."""
        for commit, commit_token in self._memory.votes.commits_of(change.agent):
            self._memory.check_lock(commit, commit_token, change, token)

    def _chosen_changes(self) -> Sequence[Change] | None:
        """Choose a quorum of VIEW-CHANGEs, those that prepared last first; None if there is none yet."""
        memory = self._memory
        view = memory.durable.view
        if view == 1:
            return ()
        changes = sorted(memory.changes.for_view(view), key=lambda change: -change.statement.prepared_view)
        quorum = memory.agreement.quorum
        return changes[:quorum] if len(changes) >= quorum else None

    def _fresh_value(self) -> Value | None:
        """Make a value of all ballots held; None if there are too few, or others may still come in the first view."""
        memory = self._memory
        agreement = memory.agreement
        held = len(memory.ballots)
        is_waiting = memory.durable.view == 1 and memory.now < memory.timing.ballot_window
        if held < agreement.size - agreement.faults or (is_waiting and held < agreement.size):
            return None
        return memory.ballots.value(agreement)


def _is_in(message: Message | None, view: int) -> bool:
    """Say whether a replica's own last message of a kind is for this view."""
    return message is not None and getattr(message, "view", None) == view


def _highest_value(changes: Sequence[Change]) -> Value | None:
    """Give the value prepared in the highest view; None if nothing was prepared."""
    return changes[0].message.value if changes else None


def _backing(changes: Sequence[Change]) -> tuple[Signed, ...]:
    """Give the PREPAREs behind each different claim, once."""
    claims = {claim_of(change.statement): change.message.prepares for change in changes}
    return tuple(dict.fromkeys(signed for prepares in claims.values() for signed in prepares))

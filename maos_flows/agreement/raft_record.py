"""What a Raft run tells while it goes on: roles, votes, commits, suspicions, each once, as happenings."""

from collections.abc import Mapping, Sequence
from typing import Any

from maos_flows.agreement.network import Network
from maos_flows.agreement.telling import Happening
from maos_flows.model import EventKind, Fault
from maos_flows.protocols.raft import Replica, Role
from maos_flows.protocols.raft_decision import BallotEntry, Closing, Opening
from maos_flows.protocols.raft_messages import Message, VoteReply
from maos_flows.protocols.raft_requests import Committed
from maos_flows.protocols.step import Envelope


class RaftRecord:
    """What happened so far.

    Attributes:
        committed: What stands at each committed index, from 1 without a gap, in words.
        leaders: Each term's leader, in order.
        elections: How often a replica stood for election.
        suspected: What no correct replica sends, by agent and reason.
    """

    def __init__(self, network: Network, quorum: int) -> None:
        self.committed: dict[int, str] = {}
        self.leaders: list[tuple[int, str]] = []
        self.elections = 0
        self.suspected: dict[tuple[str, str], Fault] = {}
        self._network = network
        self._quorum = quorum
        self._told: list[Happening] = []
        self._fresh: list[tuple[str, int, int]] = []
        self._votes: dict[tuple[int, str, bool], list[str]] = {}

    def take(self) -> list[Happening]:
        """Take what has happened since it was taken last."""
        told, self._told = self._told, []
        return told

    def tell(self, kind: EventKind, text: str, agent: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Note that something happens now."""
        now = self._network.now
        self._told.append(Happening(now, kind, text, agent, {"at_ms": now, **(data or {})}))

    def commit(self, agent: str, committed: Committed) -> None:
        """Note what is committed, in order, each index once: every replica hands all of it out, from 1."""
        if committed.last <= len(self.committed):
            return
        for index, entry in enumerate(committed.entries, committed.index):
            if index not in self.committed:
                self.committed[index] = said(entry.payload)
                self._fresh.append((agent, index, entry.term))

    def tell_moment(self) -> None:
        """Tell who voted for whom at this moment and what was committed, each in one line."""
        votes, self._votes = self._votes, {}
        for (term, candidate, is_granted), voters in votes.items():
            alone = len(voters) == 1
            verb = ("votes for" if alone else "vote for") if is_granted else f"refuse{'s' * alone} to vote for"
            text = f"{', '.join(voters)} {verb} {candidate} in term {term}"
            data = {"term": term, "vote_for": candidate, "granted": is_granted, "voters": voters}
            self.tell(EventKind.VOTE, text, voters[0] if alone else None, data)
        self._tell_commits()

    def _tell_commits(self) -> None:
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return
        (agent, first, _), (_, last, term) = fresh[0], fresh[-1]
        words = "; ".join(self.committed[index] for _, index, _ in fresh)
        which = f"entry {first} is" if first == last else f"entries {first} to {last} are"
        data = {"index": last, "first_index": first, "term": term, "entry": words, "holders": self._quorum}
        self.tell(EventKind.COMMIT, f"{which} committed by a majority: {words}", agent, data)

    def role(self, agent: str, replica: Replica, was: Role) -> None:
        """Note a replica's role, which is another one than it was."""
        match replica.role:
            case Role.PRE_CANDIDATE if was is Role.FOLLOWER:
                text = f"{agent} has heard no leader for an election timeout and asks whether it could win"
                data = {"term": replica.term, "cause": "leader_timeout"}
                self.tell(EventKind.ELECTION, text, agent, data)
            case Role.CANDIDATE:
                self.elections += 1
                why = "has heard no leader for an election timeout and " if was is Role.FOLLOWER else ""
                text = f"{agent} {why}stands for election in term {replica.term}"
                self.tell(EventKind.ELECTION, text, agent, {"term": replica.term, "cause": "candidate"})
            case Role.LEADER:
                self.leaders.append((replica.term, agent))
                text = f"{agent} leads term {replica.term}, elected by a majority of {self._quorum}"
                self.tell(EventKind.LEADER, text, agent, {"term": replica.term})
            case Role.FOLLOWER if was is Role.LEADER:
                text = f"{agent} no longer leads: it heard of a newer term, or no majority for too long"
                self.tell(EventKind.LEADER, text, None, {"term": replica.term, "before": agent})
            case _:
                pass

    def votes(self, envelopes: Sequence[Envelope[Message]]) -> None:
        """Note the votes among messages."""
        for envelope in envelopes:
            message = envelope.message
            if isinstance(message, VoteReply):
                place = message.term, envelope.recipient, message.is_granted
                self._votes.setdefault(place, []).append(envelope.sender)

    def suspect(self, agent: str, reason: str, *, by: str) -> None:
        """Note what no correct replica sends, once."""
        if (agent, reason) not in self.suspected:
            self.suspected[agent, reason] = Fault(agent, reason, is_proof=False, evidence=(by,))
            text = f"{agent} is suspected by {by}: {reason.replace('_', ' ')}"
            self.tell(EventKind.SUSPICION, text, agent, {"kind": reason, "by": by})


def said(payload: object) -> str:
    """Say what an entry of the log is."""
    match payload:
        case Opening():
            return "OPEN"
        case BallotEntry(agent=agent, choice=choice):
            return f"BALLOT of {agent} for {choice}"
        case Closing(reason=reason):
            return f"CLOSE, {reason.value.replace('_', ' ')}"
        case _:
            return "a new leader's empty entry"

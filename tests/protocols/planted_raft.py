"""Faults planted in the Raft replica, each a small patch of its source: what the tests must be able to find."""

import inspect
import textwrap
from dataclasses import dataclass
from types import ModuleType

import pytest

from maos_flows.protocols import raft, raft_config, raft_leader, raft_log, raft_requests
from tests.protocols import (
    test_raft_appending,
    test_raft_figure_2,
    test_raft_figure_2_servers,
    test_raft_liveness,
    test_raft_proposals,
    test_raft_reads,
    test_raft_rules,
)


@dataclass(frozen=True)
class Plant:
    """Replace `old` by `new` in `target` (class.method or function of `module`)."""

    name: str
    module: ModuleType
    target: str
    patches: tuple[tuple[str, str], ...]

    def apply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        owner_name, _, function_name = self.target.rpartition(".")
        owner = getattr(self.module, owner_name) if owner_name else self.module
        present = inspect.getattr_static(owner, function_name)
        function = present.fget if isinstance(present, property) else present
        source = textwrap.dedent(inspect.getsource(function)).removeprefix("@property\n")
        for old, new in self.patches:
            assert source.count(old) == 1, (self.name, old, source.count(old))
            source = source.replace(old, new)
        scope: dict[str, object] = {}
        exec(compile(source, f"<planted {self.name}>", "exec"), vars(self.module), scope)
        planted = scope[function_name]
        monkeypatch.setattr(owner, function_name, property(planted) if isinstance(present, property) else planted)


def plant(name: str, module: ModuleType, target: str, *patches: tuple[str, str]) -> Plant:
    return Plant(name, module, target, patches)


FOUND_BY_SIMULATION = (
    plant(
        "unconditional_truncation",
        raft,
        "Replica._append_entries",
        ("conflict = self.log.first_conflict(previous, entries)", "conflict = previous + 1 if entries else None"),
        ("conflict <= self.commit", "False"),
    ),
    plant(
        "truncation_even_without_entries",
        raft,
        "Replica._append_entries",
        ("conflict = self.log.first_conflict(previous, entries)", "conflict = previous + 1"),
        ("conflict <= self.commit", "False"),
    ),
    plant("vote_not_written", raft, "Replica._take_write", ("Write(self.term, self.vote,", "Write(self.term, None,")),
    plant("term_not_written", raft, "Replica._take_write", ("Write(self.term, self.vote,", "Write(0, None,")),
    plant(
        "quorum_of_half",
        raft_config,
        "RaftConfig.quorum",
        ("majority(len(self.electorate))", "max(len(self.electorate) // 2, 1)"),
    ),
    plant(
        "commit_goes_back",
        raft,
        "Replica._append_entries",
        ("max(self.commit, min(request.commit, last_new))", "min(request.commit, last_new)"),
    ),
    plant("second_vote_in_a_term", raft, "Replica._on_vote", ("self.vote in {None, sender}", "True")),
    plant(
        "vote_without_log_check",
        raft,
        "Replica._on_vote",
        (" and self.log.is_up_to_date(request.last_index, request.last_term)", ""),
    ),
    plant(
        "previous_entry_unchecked",
        raft,
        "Replica._append_entries",
        ("self.log.term_at(previous) != request.previous_term", "self.log.term_at(previous) is None"),
    ),
    plant(
        "leader_keeps_its_old_term",
        raft,
        "Replica.step",
        ("raises_term(message)", "raises_term(message) and self.leadership is None"),
    ),
    plant("old_messages_accepted", raft, "Replica.step", ("message.term < self.term", "message.term < self.term - 1")),
    plant(
        "own_entries_count_before_written",
        raft_leader,
        "Leadership.quorum_index",
        ("self._log.durable_index", "self._log.last_index"),
    ),
    plant(
        "write_appends_without_truncating",
        raft_log,
        "Write.onto",
        ("saved.entries[: self.first_index - 1]", "saved.entries"),
    ),
    plant(
        "heartbeat_commits_what_may_be_missing",
        raft_leader,
        "Leadership.due_messages",
        ("min(progress.match_index, commit)", "commit"),
    ),
    plant(
        "read_before_own_entry_is_committed",
        raft_leader,
        "Leadership.confirmed_reads",
        ("self._log.term_at(commit) != self._term", "False"),
    ),
    plant(
        "refusal_taken_as_match",
        raft_leader,
        "Leadership._refused",
        (
            "progress.is_due = True",
            "progress.is_due = True; progress.match_index = max(progress.match_index, reply.index)",
        ),
    ),
    plant(
        "next_index_never_steps_back",
        raft_leader,
        "Leadership._refused",
        ("max(progress.match_index + 1, step_back)", "max(progress.next_index, step_back)"),
    ),
    plant(
        "lost_appends_not_sent_again",
        raft_leader,
        "Leadership.heartbeat_answered",
        ("progress.is_due = True", "pass"),
    ),
    plant("restart_forgets_the_last_entry", raft_log, "RaftLog.__init__", ("list(entries)", "list(entries)[:-1]")),
    plant(
        "proposal_called_committed_when_lost",
        raft_requests,
        "Proposals.committed",
        ("FateKind.LOST", "FateKind.COMMITTED, index"),
    ),
)

FOUND_BY_TEST = (
    (
        plant("repeats_appended_again", raft_leader, "Leadership.accept", ("standing is not None", "False")),
        test_raft_proposals.test_a_proposal_made_again_with_its_key_is_appended_once,
    ),
    (
        plant(
            "commit_of_an_older_term_by_count",
            raft,
            "Replica._advance_commit",
            (" and self.log.term_at(index) == self.term", ""),
        ),
        test_raft_figure_2_servers.test_leaders_do_not_commit_an_entry_of_an_older_term_by_counting,
    ),
    (
        plant(
            "log_check_by_length_first",
            raft_log,
            "RaftLog.is_up_to_date",
            (
                "(last_term, last_index) >= (self.last_term, self.last_index)",
                "(last_index, last_term) >= (self.last_index, self.last_term)",
            ),
        ),
        test_raft_rules.test_up_to_date_compares_the_last_term_and_then_the_length,
    ),
    (
        plant(
            "commit_beyond_the_entries_sent",
            raft,
            "Replica._append_entries",
            ("min(request.commit, last_new)", "min(request.commit, self.log.last_index)"),
        ),
        test_raft_figure_2.test_append_5_the_last_new_entry_is_the_messages_not_the_logs,
    ),
    (
        plant(
            "acknowledges_its_whole_log",
            raft,
            "Replica._append_entries",
            (
                "AppendReply(self.term, True, last_new, previous)",
                "AppendReply(self.term, True, self.log.last_index, previous)",
            ),
        ),
        test_raft_appending.test_an_older_append_that_overlaps_takes_nothing_back_that_was_acknowledged,
    ),
    (
        plant(
            "no_empty_entry",
            raft,
            "Replica._become_leader",
            ("self.leadership.append(Entry(self.term))", "pass"),
        ),
        test_raft_rules.test_the_empty_entry_commits_what_older_leaders_left,
    ),
    (
        plant(
            "votes_counted_without_sender",
            raft,
            "Replica._granted",
            ("self._grants.add(voter)", "self._grants.add(f'{voter}{len(self._grants)}')"),
        ),
        test_raft_figure_2_servers.test_candidates_count_a_voter_once,
    ),
    (
        plant(
            "own_vote_counts_before_written",
            raft,
            "Replica._become_candidate",
            ("self._grants.clear()", "self._grants.clear(); self._grants.add(self.config.agent)"),
        ),
        test_raft_figure_2_servers.test_candidates_become_leader_on_votes_of_a_majority_once_their_own_is_written,
    ),
    (
        plant(
            "read_without_confirmation",
            raft_leader,
            "Leadership.confirmed_reads",
            ("confirmed >= self._config.quorum", "confirmed >= 1"),
        ),
        test_raft_reads.test_a_read_waits_until_a_majority_confirms_the_leader,
    ),
    (
        plant("granted_pre_vote_raises_the_term", raft, "raises_term", ("not message.is_granted", "True")),
        test_raft_liveness.test_a_granted_pre_vote_raises_nobodys_term,
    ),
    (
        plant(
            "voters_forget_their_live_leader", raft, "Replica._has_live_leader", ("self.config.check_quorum", "False")
        ),
        test_raft_liveness.test_a_leader_does_not_vote_for_another_while_it_leads,
    ),
    (
        plant(
            "leader_never_checks_its_quorum",
            raft_leader,
            "Leadership._heard_quorum",
            ("return heard >=", "return 99 >="),
        ),
        test_raft_liveness.test_a_leader_that_hears_no_majority_steps_down,
    ),
)

"""Faults planted in the Byzantine replica, each a small patch of its source: what the tests must be able to find."""

import importlib
import inspect
import pkgutil
import textwrap
from dataclasses import dataclass
from types import ModuleType

import pytest

from maos_flows.protocols import byzantine
from maos_flows.protocols.byzantine import (
    aftermath,
    agreement,
    certificate,
    counting,
    evidence,
    justification,
    memory,
    replica,
    state,
    value,
    views,
    votes,
    wire,
)

_MODULES = tuple(
    importlib.import_module(f"{byzantine.__name__}.{found.name}") for found in pkgutil.iter_modules(byzantine.__path__)
)


@dataclass(frozen=True)
class Patch:
    """Replace texts in `target` (class.method or function of `module`), wherever it was imported to."""

    module: ModuleType
    target: str
    texts: tuple[tuple[str, str], ...]

    def apply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        owner_name, _, name = self.target.rpartition(".")
        owner = getattr(self.module, owner_name) if owner_name else self.module
        present = inspect.getattr_static(owner, name)
        function = getattr(present, "func", present)
        source = textwrap.dedent(inspect.getsource(function)).removeprefix("@cached_property\n")
        for old, new in self.texts:
            assert source.count(old) == 1, (self.target, old, source.count(old))
            source = source.replace(old, new)
        scope: dict[str, object] = {}
        exec(compile(source, f"<planted in {self.target}>", "exec"), vars(self.module), scope)
        planted = scope[name]
        if function is not present:
            planted = property(planted)
        if owner_name:
            monkeypatch.setattr(owner, name, planted)
            return
        for module in _MODULES:
            if getattr(module, name, None) is present:
                monkeypatch.setattr(module, name, planted)


@dataclass(frozen=True)
class Plant:
    """A fault: its name, the patches that make it, and a seed that found it."""

    name: str
    seed: int
    patches: tuple[Patch, ...]

    def apply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for patch in self.patches:
            patch.apply(monkeypatch)


def plant(name: str, seed: int, *patches: tuple[ModuleType, str, str, str]) -> Plant:
    texts: dict[tuple[str, str], tuple[ModuleType, list[tuple[str, str]]]] = {}
    for module, target, old, new in patches:
        texts.setdefault((module.__name__, target), (module, []))[1].append((old, new))
    found = (Patch(module, target, tuple(pairs)) for (_, target), (module, pairs) in texts.items())
    return Plant(name, seed, tuple(found))


FOUND_BY_SIMULATION = (
    plant(
        "wire_loses_signatures", 0, (wire, "_take_signed", "_take_list(fields, name))", "_take_list(fields, name)[:2])")
    ),
    plant(
        "nested_signature_unchecked",
        198,
        (
            justification,
            "_backers",
            "statement = reader.vote(Kind.PREPARE, signed)",
            (
                "import json, types; fields = json.loads(signed.token[16:]); "
                "statement = types.SimpleNamespace(view=fields['view'], value=fields['value'], agent=signed.agent)"
            ),
        ),
    ),
    plant(
        "view_change_without_its_certificates",
        198,
        (justification, "change_problem", "if not is_backed(reader, claim, message.prepares):", "if False:"),
        (
            justification,
            "justification_problem",
            "if any(len(backers.get(claim, ())) < reader.agreement.quorum for claim in claims):",
            "if False:",
        ),
    ),
    plant(
        "old_view_prepared_after_a_view_change",
        5,
        (
            views,
            "Views._prepare_if_possible",
            "view = memory.durable.view",
            "view = memory.durable.prepare.view if memory.durable.prepare else memory.durable.view",
        ),
        (views, "Views.on_vote", "WINDOW if kind is Kind.COMMIT else 0", "WINDOW"),
        (votes, "VoteBook.forget_before", "view - WINDOW if kind is Kind.COMMIT else view", "view - WINDOW"),
    ),
    plant(
        "quorum_of_2f_plus_1",
        30,
        (agreement, "Agreement.quorum", "byzantine_quorum(self.size, self.faults)", "2 * self.faults + 1"),
    ),
    plant(
        "prepared_state_not_reported",
        1,
        (memory, "Memory.sign_change", "prepared = self.durable.prepared", "prepared = None"),
        (views, "Views._change_view", "prepared = memory.durable.prepared", "prepared = None"),
    ),
    plant(
        "prepared_state_lost_in_a_crash",
        8,
        (
            replica,
            "Replica._step",
            "changed = durable if durable is not self._written else None",
            "changed = replace(durable, prepared=None) if durable is not self._written else None",
        ),
    ),
    plant(
        "second_proposal_accepted",
        5,
        (views, "Views.on_propose", "if _is_in(memory.durable.prepare, message.view):", "if False:"),
        (
            views,
            "Views._is_proposal_heard",
            "return memory.votes.token_of(Kind.PROPOSE, message.view, message.agent) == message.token",
            "return True",
        ),
    ),
    plant(
        "highest_prepared_ignored",
        6,
        (justification, "justification_problem", "if highest and highest != {proposal.value.digest}:", "if False:"),
        (views, "Views.propose_if_due", "_highest_value(changes) or self._fresh_value()", "self._fresh_value()"),
    ),
    plant(
        "no_justification_at_all", 66, (justification, "justification_problem", "if proposal.view == 1:", "if True:")
    ),
    plant(
        "first_view_does_not_count_as_prepared",
        12,
        (justification, "claim_of", "statement.prepared_view > 0", "statement.prepared_view > 1"),
    ),
    plant(
        "promises_not_written",
        161,
        (
            replica,
            "Replica._step",
            "changed = durable if durable is not self._written else None",
            "changed = replace(durable, prepare=None, commit=None) if durable is not self._written else None",
        ),
    ),
    plant(
        "certificate_unchecked",
        0,
        (certificate, "certificate_problem", "if reader.vote(Kind.COMMIT, commit) != wanted:", "if False:"),
        (certificate, "certificate_problem", "return value_problem(reader, certificate.value)", "return None"),
    ),
    plant(
        "value_unchecked", 31, (memory, "Memory.hold", "if value_problem(self.reader, value) is not None:", "if False:")
    ),
    plant(
        "lock_judged_by_any_view",
        1,
        (
            evidence,
            "_forgets",
            "commit.agent != change.agent or change.view <= commit.view",
            "commit.agent != change.agent",
        ),
    ),
    plant(
        "evidence_unchecked",
        0,
        (replica, "Replica._take_evidence", "if not is_evidence(memory.reader, evidence):", "if False:"),
    ),
    plant("late_ballots_not_passed_on", 41, (replica, "Replica._late_ballots", "if agent not in counted", "if False")),
    plant(
        "laggards_not_answered", 15, (aftermath, "Aftermath.may_answer", "return last is None or", "return False and")
    ),
    plant("double_ballot_ignored", 0, (memory, "Memory.absorb", "if evidence is not None:", "if False:")),
    plant(
        "quorum_over_different_values",
        14,
        (
            votes,
            "VoteBook.values_with_quorum",
            "if len(votes) >= quorum",
            "if sum(map(len, poll.counted.values())) >= quorum",
        ),
    ),
)

FOUND_BY_FORKS = (
    plant("nobody_forgets", 0, (evidence, "_forgets", "return change.prepared_view < commit.view", "return False")),
    plant("everybody_is_a_culprit", 0, (evidence, "_convict", "misdeed_of_two(one, other)", "Misdeed.TWO_COMMITS")),
)

FOUND_BY_TESTS = (
    plant(
        "lowest_instead_of_highest_prepared",
        -1,
        (
            justification,
            "highest_claims",
            "max((view for view, _ in listed), default=0)",
            "min((view for view, _ in listed), default=0)",
        ),
        (views, "Views._chosen_changes", "-change.statement.prepared_view", "change.statement.prepared_view or 999"),
    ),
    plant(
        "changes_of_far_views_kept",
        -1,
        (votes, "ChangeBook.wants", "return view >= present and", "return True or"),
        (votes, "ChangeBook.add", "if change.statement.view > present + WINDOW:", "if False:"),
    ),
    plant(
        "seconds_count_in_a_quorum",
        -1,
        (justification, "_backers", "set()).add(statement.agent)", "[]).append(statement.agent)"),
        (justification, "_backers", "dict[Claim, set[str]]", "dict"),
    ),
    plant("timers_do_not_grow", -1, (state, "Timing.timeout", "<< min(view - 1, MOST_DOUBLINGS)", "")),
    plant(
        "nobody_is_ever_left_out",
        -1,
        (views, "Views._proposal_problem", "if is_fresh(memory.reader, message):", "if False:"),
    ),
    plant("commits_of_this_view_only", -1, (views, "Views.on_vote", "WINDOW if kind is Kind.COMMIT else 0", "0")),
    plant("f_agents_are_followed", -1, (views, "Views._follow", "agreement.weak_quorum", "agreement.faults")),
    plant("nobody_is_followed", -1, (views, "Views._follow", "len(ahead) >= memory.agreement.weak_quorum", "False")),
    plant("voided_ballots_counted", -1, (value, "single_ballots", "if not entry.is_equivocation", "if True")),
    plant(
        "shares_of_those_present_only",
        -1,
        (counting, "_judge", "sum(agreement.units.values())", "sum(cast.values())"),
    ),
    plant(
        "one_signer_twice_in_a_certificate",
        -1,
        (certificate, "certificate_problem", "len(signers) != len(certificate.commits)", "False"),
        (certificate, "certificate_problem", "len(signers) < agreement", "len(certificate.commits) < agreement"),
    ),
)

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
    evidence,
    justification,
    memory,
    replica,
    views,
    votes,
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
    """A fault: its name, and the patches that make it."""

    name: str
    patches: tuple[Patch, ...]

    def apply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for patch in self.patches:
            patch.apply(monkeypatch)


def plant(name: str, *patches: tuple[ModuleType, str, str, str]) -> Plant:
    texts: dict[tuple[str, str], tuple[ModuleType, list[tuple[str, str]]]] = {}
    for module, target, old, new in patches:
        texts.setdefault((module.__name__, target), (module, []))[1].append((old, new))
    return Plant(name, tuple(Patch(module, target, tuple(pairs)) for (_, target), (module, pairs) in texts.items()))


FOUND_BY_SIMULATION = (
    plant(
        "lowest_instead_of_highest_prepared",
        (
            justification,
            "highest_claims",
            "max((view for view, _ in listed), default=0)",
            "min((view for view, _ in listed), default=0)",
        ),
        (views, "Views._chosen_changes", "-change.statement.prepared_view", "change.statement.prepared_view or 999"),
    ),
    plant(
        "nested_signature_unchecked",
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
        (agreement, "Agreement.quorum", "byzantine_quorum(self.size, self.faults)", "2 * self.faults + 1"),
    ),
    plant(
        "prepared_state_not_reported",
        (memory, "Memory.sign_change", "prepared = self.durable.prepared", "prepared = None"),
        (views, "Views._change_view", "prepared = memory.durable.prepared", "prepared = None"),
    ),
    plant(
        "prepared_state_lost_in_a_crash",
        (
            replica,
            "Replica._step",
            "changed = durable if durable is not self._written else None",
            "changed = replace(durable, prepared=None) if durable is not self._written else None",
        ),
    ),
    plant(
        "second_proposal_accepted",
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
        (justification, "justification_problem", "if highest and highest != {proposal.value.digest}:", "if False:"),
        (views, "Views.propose_if_due", "_highest_value(changes) or self._fresh_value()", "self._fresh_value()"),
    ),
    plant("no_justification_at_all", (justification, "justification_problem", "if proposal.view == 1:", "if True:")),
    plant(
        "first_view_does_not_count_as_prepared",
        (justification, "claim_of", "statement.prepared_view > 0", "statement.prepared_view > 1"),
    ),
    plant(
        "promises_not_written",
        (
            replica,
            "Replica._step",
            "changed = durable if durable is not self._written else None",
            "changed = replace(durable, prepare=None, commit=None) if durable is not self._written else None",
        ),
    ),
    plant(
        "certificate_unchecked",
        (certificate, "certificate_problem", "if reader.vote(Kind.COMMIT, commit) != wanted:", "if False:"),
        (certificate, "certificate_problem", "return value_problem(reader, certificate.value)", "return None"),
    ),
    plant("value_unchecked", (memory, "Memory.hold", "if value_problem(self.reader, value) is not None:", "if False:")),
    plant(
        "lock_judged_by_any_view",
        (
            evidence,
            "_forgets",
            "commit.agent != change.agent or change.view <= commit.view",
            "commit.agent != change.agent",
        ),
    ),
    plant(
        "evidence_unchecked",
        (replica, "Replica._take_evidence", "if not is_evidence(memory.reader, evidence):", "if False:"),
    ),
    plant("late_ballots_not_passed_on", (replica, "Replica._late_ballots", "if agent not in counted", "if False")),
    plant("laggards_not_answered", (aftermath, "Aftermath.may_answer", "return last is None or", "return False and")),
    plant("double_ballot_ignored", (memory, "Memory.absorb", "if evidence is not None:", "if False:")),
    plant("changes_of_far_views_kept", (votes, "ChangeBook.wants", "return view >= present and", "return True or")),
    plant(
        "quorum_over_different_values",
        (
            votes,
            "VoteBook.values_with_quorum",
            "if len(votes) >= quorum",
            "if sum(map(len, poll.counted.values())) >= quorum",
        ),
    ),
)

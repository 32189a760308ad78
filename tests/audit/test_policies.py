"""Versions of policies in the audit store: numbered, in order, with their bytes."""

from dataclasses import replace
from datetime import UTC, datetime

from maos_flows.audit.policies import PolicyAction, PolicyVersion
from maos_flows.audit.store import AuditStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST = PolicyVersion(NOON, "ana", PolicyAction.INSTALLED, "mine", "python", "sha256:1", b"one\0", "home/mine.py")
SECOND = replace(FIRST, digest="sha256:2", content=b"two")
REMOVED = replace(SECOND, action=PolicyAction.REMOVED, content=b"")


def test_a_version_is_kept_and_read_as_it_was(store: AuditStore):
    kept = store.policies.record(FIRST)

    assert kept == replace(FIRST, number=1)
    assert store.policies.of("mine") == (kept,)
    assert store.policies.of("other") == ()


def test_versions_are_read_newest_first_and_none_is_lost(store: AuditStore):
    for version in (FIRST, SECOND, REMOVED, replace(FIRST, name="other")):
        store.policies.record(version)

    assert [(version.number, version.action, version.digest) for version in store.policies.of("mine")] == [
        (3, PolicyAction.REMOVED, "sha256:2"),
        (2, PolicyAction.INSTALLED, "sha256:2"),
        (1, PolicyAction.INSTALLED, "sha256:1"),
    ]


def test_the_bytes_of_every_version_stay_after_it_was_removed(store: AuditStore):
    for version in (FIRST, SECOND, REMOVED, FIRST):
        store.policies.record(version)

    assert [store.policies.content(digest) for digest in ("sha256:1", "sha256:2", "sha256:3")] == [
        b"one\0",
        b"two",
        None,
    ]

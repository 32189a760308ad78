"""Changes of the configuration in the audit store: numbered, in order, and hand edits are noticed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from maos_flows.audit.configuration import BY_HAND, ConfigurationChange, KeyChange
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError

SET = ConfigurationChange(
    datetime(2026, 1, 1, tzinfo=UTC),
    "ana",
    "set consensus.voting_timeout",
    "home/config.yml",
    "sha256:0",
    "sha256:1",
    (KeyChange("consensus.voting_timeout", None, "30s"), KeyChange("agents", ["a\0"], None)),
)


def test_a_change_is_kept_and_read_as_it_was(store: AuditStore):
    kept = store.configuration.record(SET)

    assert store.configuration.newest(limit=5) == (kept,)
    assert kept == replace(SET, number=1, keys=(SET.keys[0], KeyChange("agents", ["a\N{REPLACEMENT CHARACTER}"])))


def test_changes_are_numbered_without_a_gap_and_read_newest_first(store: AuditStore):
    for number in range(3):
        change = replace(SET, digest_before=f"sha256:{number}", digest_after=f"sha256:{number + 1}")
        store.configuration.record(change)

    assert [change.number for change in store.configuration.newest(limit=2)] == [3, 2]
    assert store.configuration.last_digest("home/config.yml") == "sha256:3"
    assert store.configuration.last_digest("other/config.yml") is None


def test_an_edit_by_hand_between_two_changes_is_kept_too(store: AuditStore):
    store.configuration.record(SET)
    store.configuration.record(replace(SET, digest_before="sha256:7", digest_after="sha256:8"))

    newest, by_hand, _ = store.configuration.newest(limit=5)
    assert (by_hand.action, by_hand.digest_before, by_hand.digest_after) == (BY_HAND, "sha256:1", "sha256:7")
    assert newest.number == 3


def test_a_change_without_a_time_zone_is_refused(store: AuditStore):
    with pytest.raises(ConfigurationError, match="time zone"):
        store.configuration.record(replace(SET, at=datetime(2026, 1, 1)))  # noqa: DTZ001 - what is refused

"""What `maos doctor` says of the configuration: is it usable, what production asks for and lacks."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from maos_flows.audit.store import AuditStore
from maos_flows.cli.checking import Check
from maos_flows.config import Configuration, resolve, settings_from
from maos_flows.config.file import ConfigFile, digest_of
from maos_flows.config.settings import Settings
from maos_flows.errors import MaosError
from maos_flows.roster import default_roster, load_roster

_NAME = "decisions' configuration"
_PRODUCTION = "production mode"
_WANTED = (
    (("consensus", "security", "agent_authentication"), "required", "ballots are not tied to keys of their agents"),
    (("consensus", "security", "vote_encryption"), "true", "whoever reads the store reads ballots of open decisions"),
    (("consensus", "security", "audit_signatures"), "true", "who changes a record of a decision is not found out"),
    (("consensus", "security", "byzantine_detection"), "true", "agents that contradict themselves are not listed"),
    (("consensus", "audit", "decision_justification"), "required", "ballots without reasons count"),
    (("consensus", "audit", "compliance_check"), "true", "no decision is checked against its rules"),
)
"""What production asks for beyond what it enforces itself, and what is so without it."""


def configuration_checks(env: Mapping[str, str]) -> Iterator[Check]:
    """Look at the configuration; none of the checks raises."""
    try:
        settings, configuration = settings_from(env), resolve(env)
    except MaosError as error:
        yield Check(_NAME, "wrong", str(error), "`maos config validate` names every problem")
        return
    set_keys = sum(1 for origin in configuration.origins.values() if origin != "built in")
    yield Check(_NAME, "fine", f"{settings.config_file}, {set_keys} keys set")
    yield from _by_hand(settings)
    yield from _readable(settings.config_file)
    if configuration.values.consensus.production_mode:
        yield from _production(configuration, settings)


def _by_hand(settings: Settings) -> Iterator[Check]:
    try:
        text = ConfigFile(settings.config_file).text()
        with AuditStore.open(settings.database_url) as store:
            last = store.configuration.last_digest(str(settings.config_file))
    except MaosError:
        return  # the check of the audit store says so
    if text and last != digest_of(text):
        found = "config.yml is not as the last recorded change left it"
        yield Check("configuration's history", "note", found, "change it with `maos config`, so that it is on record")


def _readable(path: Path) -> Iterator[Check]:
    if path.exists() and path.stat().st_mode & 0o022:
        yield Check("configuration's file", "wrong", f"others may write {path}", f"chmod go-w {path}")


def _production(configuration: Configuration, settings: Settings) -> Iterator[Check]:
    """List what production asks for and is not met."""
    lacking = []
    for path, wanted, so in _WANTED:
        if configuration.text(*path) != wanted:
            name = ".".join(path)
            lacking.append(
                Check(_PRODUCTION, "note", f"{name} is not {wanted}: {so}", f"maos config set {name} {wanted}")
            )
    lacking += [*_agents(configuration, settings), *_contacts(configuration)]
    yield from lacking or [Check(_PRODUCTION, "fine", "all it asks for is configured")]


def _agents(configuration: Configuration, settings: Settings) -> Iterator[Check]:
    try:
        roster = load_roster(settings.roster) if settings.roster else configuration.roster or default_roster()
    except MaosError:
        return  # the check of the roster says so
    simulated = [agent.id for agent in roster.roster.agents if agent.enabled and agent.voter == "simulated"]
    if simulated:
        found = f"{len(simulated)} agents are simulated, and are refused: {', '.join(simulated)[:200]}"
        yield Check(_PRODUCTION, "wrong", found, "give the agents voters of their own in a roster")


def _contacts(configuration: Configuration) -> Iterator[Check]:
    consensus = configuration.values.consensus
    types = [name for name, policy in consensus.decision_policies.items() if policy.emergency_contacts]
    if types and not consensus.contacts:
        found = f"nobody is told of decisions of type {', '.join(types)}: there are no contacts"
        mend = "maos config set consensus.contacts '[slack-webhook/on-call]', a notification block of Prefect's"
        yield Check(_PRODUCTION, "note", found, mend)

"""`maos consensus install-policy`, `list-policies`, `show-policy` and `remove-policy`: policies that people write."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maos_flows.cli.output import Format, FormatOption, fail, print_json, say

if TYPE_CHECKING:
    from maos_flows.audit.policies import PolicyVersion
    from maos_flows.plugins.installing import Candidate
    from maos_flows.plugins.pins import Pin

NameArgument = Annotated[str, typer.Argument(help="The policy's name, as consensus_algorithm has it.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Install without asking.")]


def install_policy(
    file: Annotated[Path, typer.Argument(help="A Python file with a ConsensusPolicy, or rules in YAML.")],
    yes: YesOption = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Install a policy from a file, to be used by its name.

    A Python file is run in a sandbox, and refused if its answers depend on more than the ballots. Installing it means
    to trust it with every decision that names it: its digest is shown, and asked about on a terminal.
    """
    from maos_flows.cli.lookup import configured_store
    from maos_flows.plugins.installing import install, look_at

    home = _home()
    candidate = look_at(file, home=home)
    _ask(candidate, yes=yes)
    pin = install(candidate, home=home, store=configured_store())
    if format is Format.JSON:
        print_json({**pin_as_plain(pin), "status": "installed", "fences": list(candidate.fences)})
        return
    print(f"installed {pin.name} ({pin.kind}) {pin.digest}")
    if candidate.replaces:
        print(f"it takes the place of {candidate.replaces}")
    if candidate.fences:
        print(f"fenced in by {', '.join(candidate.fences)}")
    print(f"use it with --consensus-algorithm {pin.name}")


def list_policies(format: FormatOption = Format.TEXT) -> None:  # noqa: A002 - the flag's name
    """List the policies there are: built in, installed, and brought by packages."""
    listed = listed_policies(_home())
    if format is Format.JSON:
        print_json(listed)
        return
    width = max(len(policy["name"]) for policy in listed)
    for policy in listed:
        changed = "" if policy["intact"] else "  CHANGED since it was installed: refused"
        print(f"{policy['name']:{width}}  {policy['kind']:11}  {policy['digest'][:19] or '-':19}{changed}")


def show_policy(
    name: NameArgument,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Show an installed policy: its digest, its parameters, and every version there was."""
    from maos_flows.cli.lookup import configured_store
    from maos_flows.plugins.pins import is_intact, read_pin

    home = _home()
    pin = read_pin(home, name)
    versions = [_version_as_plain(version) for version in configured_store().policies.of(name)]
    shown = {**pin_as_plain(pin), "intact": is_intact(home, pin), "versions": versions}
    if format is Format.JSON:
        print_json(shown)
        return
    _print_policy(shown)


def remove_policy(
    name: NameArgument,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Remove an installed policy; decisions made by it, and its file in the audit, stay."""
    from maos_flows.cli.lookup import configured_store
    from maos_flows.plugins.installing import remove

    pin = remove(name, home=_home(), store=configured_store())
    if format is Format.JSON:
        print_json({"name": pin.name, "digest": pin.digest, "status": "removed"})
        return
    print(f"removed {pin.name} {pin.digest}")


def _home() -> Path:
    from maos_flows.config import settings_from

    return settings_from(os.environ).home


def _ask(candidate: "Candidate", *, yes: bool) -> None:
    """Ask a person at a terminal; anybody else has asked for it by the command itself."""
    if yes or not _is_a_person_there():
        return
    pin = candidate.pin
    before = f", in place of {candidate.replaces}" if candidate.replaces else ""
    say(f"{pin.name} ({pin.kind}) {pin.digest}{before}")
    if not typer.confirm("Trust it with every decision that names it?", err=True):
        fail("not installed")


def _is_a_person_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def listed_policies(home: Path) -> list[dict[str, Any]]:
    """Give every policy there is as plain data, by name; one whose pin cannot be read is told as changed."""
    from maos_flows.plugins.known import known_policies
    from maos_flows.plugins.pins import ChangedPolicyError, installed_names, is_intact, read_pin
    from maos_flows.policies.registry import built_in_policies

    built_in, installed, known = built_in_policies(), installed_names(home), known_policies(home)
    listed: list[dict[str, Any]] = []
    for name in known:
        plain = {"name": name, "kind": "package", "digest": "", "intact": True, "description": ""}
        if name in built_in:
            words = (type(built_in[name]).__doc__ or "").splitlines()
            plain |= {"kind": "built-in", "description": words[0] if words else ""}
        elif name in installed:
            try:
                pin = read_pin(home, name)
                plain |= {**pin_as_plain(pin), "intact": is_intact(home, pin)}
            except ChangedPolicyError as error:
                plain |= {"kind": "unknown", "intact": False, "description": str(error)}
        listed.append(plain)
    return listed


def pin_as_plain(pin: "Pin") -> dict[str, Any]:
    """Give what is installed as plain data."""
    from maos_flows.records import to_plain

    plain: dict[str, Any] = to_plain(pin)
    return plain


def _version_as_plain(version: "PolicyVersion") -> dict[str, Any]:
    return {
        "action": version.action.value,
        "digest": version.digest,
        "at": version.at.isoformat(),
        "who": version.who,
        "origin": version.origin,
    }


def _print_policy(shown: dict[str, Any]) -> None:
    print(f"{shown['name']} ({shown['kind']})")
    if shown["description"]:
        print(shown["description"])
    print(f"digest: {shown['digest']}{'' if shown['intact'] else '  CHANGED since it was installed: refused'}")
    print(f"installed: {shown['installed_at']} from {shown['origin']}")
    if shown["tolerates"]:
        print(f"tolerates: {shown['tolerates']}")
    if shown["parameters"]:
        print("parameters:")
        for name, value in shown["parameters"].items():
            print(f"  {name}: {value}")
    print("versions:")
    for version in shown["versions"]:
        print(f"  {version['at']} {version['action']} {version['digest']} by {version['who'] or 'somebody'}")

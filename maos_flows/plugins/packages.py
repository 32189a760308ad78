"""Load a policy that a package brings; it is run in the sandbox, as one from a file is."""

from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint
from pathlib import Path

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.plugins.pins import digest_of
from maos_flows.plugins.sandbox import Code, SandboxError, ask
from maos_flows.plugins.sandboxed import SandboxedPolicy
from maos_flows.records import digest


def load_packaged(entry: EntryPoint) -> SandboxedPolicy:
    """Load a package's policy: its digest is that of the package's name and version and of the module's file.

    Raises:
        ConfigurationError: There is no such module, it cannot be loaded, or its policy has another name.
    """
    module = entry.value.partition(":")[0].strip()
    found = _file_of(module)
    if found is None:
        raise _unusable(entry, f"there is no module {module}")
    root, file = found
    code = Code(entry=entry.value.replace(" ", ""), folders=(str(root),))
    try:
        reply = ask(code, [], parameters={})
    except SandboxError as error:
        raise _unusable(entry, str(error)) from error
    if "refused" in reply:
        raise _unusable(entry, reply["refused"])
    about = reply["policy"]
    if about["name"] != entry.name:
        raise _unusable(entry, f"its policy is called {about['name']!r:.60}; the entry point must be called so too")
    return SandboxedPolicy(
        entry.name,
        code,
        digest=digest_of_package(entry, file),
        tolerates=about["tolerates"],
        is_monotone=about.get("is_monotone") is True,
    )


def digest_of_package(entry: EntryPoint, file: Path) -> str:
    """Give the digest that stands for a package's policy in a decision."""
    package = {"name": entry.dist.name, "version": entry.dist.version} if entry.dist else {}
    return digest({"entry": entry.value, "file": digest_of(file.read_bytes()), "package": package})


def _file_of(module: str) -> tuple[Path, Path] | None:
    """Find the folder a module is imported from, and its file, without importing anything."""
    parts = module.split(".")
    places, origin = None, Path()
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), places)
        if spec is None or spec.origin is None:
            return None
        places = spec.submodule_search_locations
        origin = Path(spec.origin)
    root = origin.parents[len(parts) - (0 if origin.stem == "__init__" else 1)]
    return root, origin


def _unusable(entry: EntryPoint, message: str) -> ConfigurationError:
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return ConfigurationError([Problem(f"the policy {entry.name}{package}", message)])

"""Load an installed policy: its pinned bytes, to rules or to code that is run in the sandbox."""

from pathlib import Path

from maos_flows.plugins.declared import declared_policy
from maos_flows.plugins.pins import read_content, read_pin
from maos_flows.plugins.sandbox import Code
from maos_flows.plugins.sandboxed import SandboxedPolicy
from maos_flows.policies.base import ConsensusPolicy


def load_installed(home: Path, name: str) -> ConsensusPolicy:
    """Load an installed policy as it was pinned.

    Raises:
        NotFoundError: None of that name is installed.
        ChangedPolicyError: Its file is not what was installed.
    """
    pin = read_pin(home, name)
    content = read_content(home, pin)
    if pin.kind == "declarative":
        policy, _ = declared_policy(content.decode("utf-8-sig"), source=pin.origin, digest=pin.digest)
        return policy
    code = Code(source=content.decode("utf-8-sig"), file=Path(pin.origin).name)
    return SandboxedPolicy(pin.name, code, digest=pin.digest, tolerates=pin.tolerates, is_monotone=pin.is_monotone)

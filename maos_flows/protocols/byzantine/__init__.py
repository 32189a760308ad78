"""Byzantine agreement among agents' replicas: single-shot PBFT with justified view changes, sans-IO.

`agreement` says what is decided by whom, `statements` what is signed, `value` what is agreed upon, `views` and
`replica` how, `certificate` and `evidence` what it proves. The manual's page is docs/byzantine-agreement.md.
"""

from maos_flows.protocols.byzantine.agreement import ABSTAIN, Agreement, Seat, TieRule
from maos_flows.protocols.byzantine.certificate import Certificate, Verification, verify_certificate
from maos_flows.protocols.byzantine.counting import Bounds, CertifiedTally, bounds
from maos_flows.protocols.byzantine.evidence import Evidence, Misdeed, Utterance, name_culprits, verify_evidence
from maos_flows.protocols.byzantine.messages import Message
from maos_flows.protocols.byzantine.replica import Replica
from maos_flows.protocols.byzantine.state import Decision, Durable, Timing
from maos_flows.protocols.byzantine.statements import Kind, Payload, Signed, Signing, Verify
from maos_flows.protocols.byzantine.value import Entry, Value
from maos_flows.protocols.byzantine.wire import decode, encode
from maos_flows.protocols.canonical import canonical_bytes, read_payload

__all__ = [
    "ABSTAIN",
    "Agreement",
    "Bounds",
    "Certificate",
    "CertifiedTally",
    "Decision",
    "Durable",
    "Entry",
    "Evidence",
    "Kind",
    "Message",
    "Misdeed",
    "Payload",
    "Replica",
    "Seat",
    "Signed",
    "Signing",
    "TieRule",
    "Timing",
    "Utterance",
    "Value",
    "Verification",
    "Verify",
    "bounds",
    "canonical_bytes",
    "decode",
    "encode",
    "name_culprits",
    "read_payload",
    "verify_certificate",
    "verify_evidence",
]

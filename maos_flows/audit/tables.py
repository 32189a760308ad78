"""All tables there are, for whoever makes or compares a schema; what only reads or writes some need not import all."""

from maos_flows.audit import drill_rows, learning_rows, model_summary_rows, people_rows, signature_rows, suggestion_rows
from maos_flows.audit.rows import METADATA

__all__ = [
    "METADATA",
    "drill_rows",
    "learning_rows",
    "model_summary_rows",
    "people_rows",
    "signature_rows",
    "suggestion_rows",
]

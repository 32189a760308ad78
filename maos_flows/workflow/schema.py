"""The JSON Schema of the workflow format, made from the forms that read it, and the copy that is shipped."""

import json
from pathlib import Path
from typing import Any

from maos_flows.workflow.form import WorkflowForm

SHIPPED = Path(__file__).parent.parent / "schemas" / "workflow.schema.json"
"""The copy that editors are pointed at."""


def workflow_schema() -> dict[str, Any]:
    """Make the JSON Schema (2020-12) of a workflow document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **WorkflowForm.model_json_schema(),
        "title": "maos_flows workflow",
    }


def schema_text() -> str:
    """Write the schema as it is shipped."""
    return json.dumps(workflow_schema(), indent=2, sort_keys=True) + "\n"

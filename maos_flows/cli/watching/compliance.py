"""What a decision was checked against when it was closed: each rule, who asks for it, and whether it held."""

from collections.abc import Iterator, Mapping
from typing import Any

from maos_flows.cli.lookup import Found
from maos_flows.cli.watching.words import LONG, one_line
from maos_flows.model import Opening
from maos_flows.policies.compliance import DETAIL


def compliance(found: Found, opening: Opening) -> dict[str, Any]:
    """Give the report of a decision; without findings, why there is none."""
    del opening
    decision = found.decision
    report = None if decision is None else decision.details.get(DETAIL)
    findings = [dict(row) for row in report] if isinstance(report, list | tuple) else []
    remark = None
    if decision is None:
        remark = "the report is made when the decision is closed"
    elif report is None:
        remark = "no report was asked for; consensus.audit.compliance_check: true asks for one"
    elif not findings:
        remark = "nothing was asked for that could be checked"
    held = None if report is None else all(row.get("held") for row in findings)
    return {"held": held, "findings": findings, "remark": remark}


def compliance_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write the report for people."""
    if data["remark"]:
        yield f"Compliance: {data['remark']}"
        return
    yield f"Compliance: {'every rule held' if data['held'] else 'broken'}"
    for row in data["findings"]:
        mark = "held" if row["held"] else "BROKEN"
        said = f"{row['rule']}: {mark}; wanted {row['wanted']}, found {row['found']} ({row['source']})"
        yield f"  {one_line(said, LONG)}"

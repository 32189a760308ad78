"""Workflows: decisions in stages, declared in YAML or JSON, checked as a whole before the first is opened."""

from maos_flows.workflow.loading import load_workflow, load_workflow_file
from maos_flows.workflow.model import OnNoConsensus, Stage, Workflow, waves
from maos_flows.workflow.question import question_request
from maos_flows.workflow.requests import stage_request
from maos_flows.workflow.schema import workflow_schema

__all__ = [
    "OnNoConsensus",
    "Stage",
    "Workflow",
    "load_workflow",
    "load_workflow_file",
    "question_request",
    "stage_request",
    "waves",
    "workflow_schema",
]

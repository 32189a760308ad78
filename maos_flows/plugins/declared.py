"""Declarative policies: the document they are written in, read to rules with all problems told at once."""

import json
from pathlib import Path

from pydantic import Field

from maos_flows.errors import ConfigurationError
from maos_flows.forms import Form, read
from maos_flows.policies.declarative import DeclaredPolicy, Rules
from maos_flows.quorum import MAJORITY, Threshold
from maos_flows.roster import Texts
from maos_flows.strict_yaml import load
from maos_flows.text_types import Count, Name, Positive, Probability, Scalar, Share, Text

SHIPPED = Path(__file__).parent.parent / "schemas" / "policy.schema.json"
"""The copy of the schema that editors are pointed at."""


class PolicyForm(Form):
    """A policy as rules. Names in quorum, support and veto are of roles or agents."""

    policy: Name = Field(description="What it is called in consensus_algorithm.")
    description: Text | None = Field(None, description="What it is for.")
    threshold: Share | None = Field(
        None, description="The share a choice needs, unless a stage says another (default more than half)."
    )
    quorum: dict[Text, Positive] = Field({}, description="How many of each must have cast a ballot that counts.")
    support: dict[Text, Positive] = Field({}, description="How many of each must be for what is decided.")
    veto: Texts = Field((), description="Who must not be against what is decided.")
    required_evidence: Count = Field(0, description="How many pieces of evidence a ballot for a choice must cite.")
    required_attributes: dict[Text, Scalar] = Field({}, description="What a ballot for a choice must state.")
    minimum_confidence: Probability | None = Field(None, description="How confident a ballot for a choice must be.")


def declared_policy(text: str, *, source: str, digest: str = "") -> tuple[DeclaredPolicy, str]:
    """Read a policy from a document, and what it is for.

    Raises:
        ConfigurationError: It is not such a document; names every problem with its line.
    """
    document = load(text, source=source)
    try:
        form = read(PolicyForm, document)
    except ConfigurationError as error:
        raise ConfigurationError(error.problems, source=source) from error
    rules = Rules(
        threshold=MAJORITY if form.threshold is None else Threshold(form.threshold),
        quorum=form.quorum,
        support=form.support,
        veto=form.veto,
        evidence=form.required_evidence,
        attributes=form.required_attributes,
        confidence=form.minimum_confidence,
    )
    return DeclaredPolicy(form.policy, rules, digest=digest), form.description or ""


def schema_text() -> str:
    """Write the JSON Schema (2020-12) of such a document as it is shipped for editors."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    schema = {"$schema": dialect, **PolicyForm.model_json_schema(), "title": "maos_flows policy"}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"

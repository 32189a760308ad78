"""Rosters: who the agents are, where their weights come from, and who answers for them, read from a document."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainValidator, RootModel, WithJsonSchema

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import Form, nearest, place, read, refusal
from maos_flows.model import Agent, Roster
from maos_flows.model_settings import ModelVoter
from maos_flows.policies.base import Expertise, Weighing
from maos_flows.scrutiny import fold
from maos_flows.strict_yaml import load, load_file
from maos_flows.text_types import AgentId, Distinct, Filled, Flag, Text, Weight
from maos_flows.voter_settings import HumanVoter, SimulatedVoter, Voter

_KEY = "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"


@dataclass(frozen=True, slots=True)
class LoadedRoster:
    """A roster as read: the agents, and where weights come from.

    Attributes:
        roster: The agents.
        weighing: Where weights come from.
        given: The keys the document has; the rest of `weighing` are defaults.
        is_default: Whether it is the one that is used where nobody names one.
    """

    roster: Roster
    weighing: Weighing
    given: frozenset[str] = frozenset()
    is_default: bool = False


def _read_key(value: object) -> str:
    """Read an Ed25519 public key as RFC 8037 writes it: base64url of 32 bytes, without padding, in its one form."""
    if not isinstance(value, str) or not re.fullmatch(_KEY, value):
        raise ValueError("it is not an Ed25519 public key: 43 characters of base64url, the x of RFC 8037")
    return value


PublicKey = Annotated[str, PlainValidator(_read_key), WithJsonSchema({"type": "string", "pattern": f"^{_KEY}$"})]
Texts = Annotated[tuple[Text, ...], Distinct]


class AgentForm(Form):
    """A participant."""

    id: AgentId = Field(description="Unique, also when case, spaces and Unicode forms are set aside.")
    role: Text = Field("agent", description="What it is; weights and expertise are looked up by it, never by its id.")
    domains: Texts = Field((), description="What it knows about.")
    weight: Weight = Field(Fraction(1), description="Its own factor; 0 makes it an adviser, shown without effect.")
    enabled: Flag = Field(True, description="Whether it may be asked.")
    on_call: Flag = Field(
        False, description="Whether it is asked only where its role or one of its domains is named, as in the question."
    )
    public_key: PublicKey | None = Field(None, description="Its Ed25519 key, the x of RFC 8037.")
    lineage: Text | None = Field(
        None, description="What it descends from: a model family, a vendor, an owner. Agents of one lineage err alike."
    )
    voter: Voter = Field(
        default_factory=lambda: SimulatedVoter(kind="simulated"),
        description="Who answers for it; without one, a simulated voter, labelled so.",
    )


class ExpertiseForm(Form):
    """What one kind of expert is worth, and in which domains."""

    weight: Weight | None = Field(None, description="The factor in these domains; without it, expert_weight.")
    domains: Texts = Field((), description="The domains it is an expert in.")


Agents = Annotated[tuple[AgentForm, ...], Filled]


class RosterForm(Form):
    """All agents, and where weights come from."""

    agents: Agents = Field(description="All agents, in the order of preference.")
    agent_weights: dict[Text, Weight] = Field({}, description="A factor per role, for algorithms that weigh.")
    agent_expertise: dict[Text, ExpertiseForm] = Field({}, description="Kinds of experts, by the role that has it.")
    expert_weight: Weight = Field(Fraction(2), description="The factor of an expert for whom no weight is given.")
    regular_weight: Weight = Field(Fraction(1), description="The factor of everybody else.")
    one_lineage_one_vote: Flag = Field(False, description="Whether agents of one lineage share one vote.")


class AgentsForm(RootModel[Agents]):
    """All agents alone."""


def load_roster(path: Path | str) -> LoadedRoster:
    """Load a roster file; paths in it are relative to its folder.

    Raises:
        ConfigurationError: The file cannot be read or is not a roster; names every problem.
    """
    file = Path(path)
    try:
        return roster_from(load_file(file), base=file.parent)
    except ConfigurationError as error:
        raise ConfigurationError(error.problems, source=str(file)) from error


def roster_from(data: object, *, base: Path, prefix: str = "") -> LoadedRoster:
    """Make a roster of a document's data: a mapping with `agents`, or the list of agents alone.

    Args:
        data: What was read.
        base: The folder that paths in it are relative to.
        prefix: Where it stands in a larger document, for problems.

    Raises:
        ConfigurationError: It is not a roster; names every problem.
    """
    if isinstance(data, list):
        where: tuple[str, ...] = ()
        form = RosterForm(agents=read(AgentsForm, data, prefix=prefix).root)
    else:
        where = ("agents",)
        form = read(RosterForm, data, prefix=prefix)
    agents: list[Agent] = []
    found = [*_collect(form.agents, base, agents), *_twins(form.agents), *_delegations(form.agents)]
    problems = [Problem(place(data, (*where, *location), prefix=prefix), message) for location, message in found]
    refused = refusal(problems, source="")
    if refused is not None:
        raise refused
    return LoadedRoster(Roster(tuple(agents)), _weighing(form), frozenset(form.model_fields_set))


def default_roster() -> LoadedRoster:
    """Give the default roster: simulated agents in every role and kind of expert that people start with."""
    text = files("maos_flows").joinpath("default_roster.yaml").read_text(encoding="utf-8")
    return replace(roster_from(load(text, source="default_roster.yaml"), base=Path()), is_default=True)


def model_roster(model: str) -> LoadedRoster:
    """Give the default roster with a language model as everybody's voter, one agent of each role first.

    Raises:
        ConfigurationError: It is not like `provider:name`.
    """
    loaded, settings = default_roster(), ModelVoter(kind="model", model=model).settings(Path())
    agents = loaded.roster.agents
    firsts = {role: next(agent for agent in agents if agent.role == role) for role in {agent.role for agent in agents}}
    ordered = sorted(agents, key=lambda agent: firsts[agent.role] is not agent)
    return replace(loaded, roster=Roster(tuple(replace(agent, voter="model", settings=settings) for agent in ordered)))


_Found = Iterator[tuple[tuple[int | str, ...], str]]


def _collect(forms: Sequence[AgentForm], base: Path, agents: list[Agent]) -> _Found:
    """Make the agents, and tell what is wrong with the settings of their voters."""
    for index, form in enumerate(forms):
        try:
            settings = form.voter.settings(base)
        except ConfigurationError as error:
            yield from (((index, "voter", problem.path), problem.message) for problem in error.problems)
            continue
        agents.append(
            Agent(
                form.id,
                form.role,
                form.domains,
                weight=form.weight,
                enabled=form.enabled,
                public_key=form.public_key,
                voter=form.voter.kind,
                settings=settings,
                lineage=fold(form.lineage) if form.lineage else "",
                on_call=form.on_call,
            )
        )


def _twins(forms: Sequence[AgentForm]) -> _Found:
    """Tell ids that are the same when case, spaces and Unicode forms are set aside, and a roster nobody is left of."""
    seen: dict[str, str] = {}
    for index, form in enumerate(forms):
        folded = fold(form.id)
        if folded in seen:
            yield (index, "id"), f"{form.id!r} and {seen[folded]!r} are the same name"
        seen.setdefault(folded, form.id)
    if not any(form.enabled for form in forms):
        yield (), "no agent is enabled"


def _delegations(forms: Sequence[AgentForm]) -> _Found:
    """Tell deputies that cannot be: not people of this roster, or leading back to whom they stand in for."""
    people = {form.id: form.voter for form in forms if form.enabled and isinstance(form.voter, HumanVoter)}
    for index, form in enumerate(forms):
        deputy = form.voter.deputy if isinstance(form.voter, HumanVoter) else None
        where = (index, "voter", "deputy")
        if deputy is None:
            continue
        if deputy not in people:
            yield where, f"{deputy!r} is not an enabled person of this roster{nearest(deputy, people)}"
            continue
        passed = [form.id]
        following: str | None = deputy
        while following is not None and following not in passed:
            passed.append(following)
            following = people[following].deputy if following in people else None
        if following == form.id:
            yield where, f"deputies go round in a circle: {' -> '.join((*passed, following))}"


def _weighing(form: RosterForm) -> Weighing:
    expertise = {kind: Expertise(expert.domains, expert.weight) for kind, expert in form.agent_expertise.items()}
    return Weighing(
        form.agent_weights,
        expertise,
        form.expert_weight,
        form.regular_weight,
        one_lineage_one_vote=form.one_lineage_one_vote,
    )

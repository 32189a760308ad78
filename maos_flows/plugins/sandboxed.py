"""A policy of somebody's own: asked in the sandbox, and believed only as far as it is checked."""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import Agent, Ballot, Opening, Proposal, Ruling, Tally
from maos_flows.plugins.sandbox import LIMITS, Code, Limits, SandboxError, ask
from maos_flows.policies.base import ConsensusPolicy, Weighing, as_dicts, policy_error, ruling_from
from maos_flows.policies.weighted import WeightedVoting

MOST_SAID = 64 * 1024
"""The longest answer that is kept with a decision, in characters of JSON."""


class SandboxedPolicy(ConsensusPolicy):
    """Rules by what the code of a file or a package answers, asked in a process of its own for each decision.

    Args:
        name: The policy's name.
        code: What is run.
        digest: The digest of that.
        tolerates: What it says it withstands.
        is_monotone: Whether it says that more support never hurts.
        limits: What one evaluation may take.
    """

    def __init__(
        self,
        name: str,
        code: Code,
        *,
        digest: str,
        tolerates: str = "as written",
        is_monotone: bool = True,
        limits: Limits = LIMITS,
    ) -> None:
        self.name = name
        self.digest = digest
        self.tolerates = tolerates or "as written"
        self.is_monotone = is_monotone
        self._code = code
        self._limits = limits

    def weigh(self, agent: Agent, proposal: Proposal, weighing: Weighing) -> tuple[Fraction, str]:
        """Weigh as weighted voting does: by role, expertise and the agent's own weight, never by what a ballot says."""
        return WeightedVoting().weigh(agent, proposal, weighing)

    def settings(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let the policy read what is set of its parameters.

        Raises:
            ConfigurationError: It has no such parameter, or it cannot be that.
        """
        if given:
            try:
                reply = ask(self._code, [], parameters=given, limits=self._limits)
            except SandboxError as error:
                raise ConfigurationError([Problem("parameters", f"{self.name}: {error}")]) from error
            if "refused" in reply:
                raise ConfigurationError(_problems(reply))
        return dict(given)

    def evaluate(self, opening: Opening, tally: Tally, ballots: Sequence[Ballot]) -> Ruling:
        """Ask the policy; whatever goes wrong with it is the ruling that it failed, never an approval."""
        proposal, votes = as_dicts(opening, ballots)
        try:
            (answer,) = self._ask([{"proposal": proposal, "votes": votes}], opening.parameters.settings)
        except SandboxError as error:
            return policy_error(str(error))
        return ruling_of(answer, tally)

    def evaluate_proposal(self, proposal: dict[str, Any], votes: list[dict[str, Any]]) -> dict[str, Any]:
        """Ask the policy about plain dicts.

        Raises:
            SandboxError: It gave no answer.
        """
        (answer,) = self._ask([{"proposal": proposal, "votes": votes}], proposal.get("parameters", {}))
        if not isinstance(answer.get("answer"), dict):
            raise SandboxError(str(answer.get("error", "it gave no answer")))
        said: dict[str, Any] = answer["answer"]
        return said

    def _ask(self, cases: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        reply = ask(self._code, cases, parameters=parameters, limits=self._limits)
        if "refused" in reply:
            raise SandboxError(reply["refused"])
        answers: list[dict[str, Any]] = reply["answers"]
        return answers


def _problems(reply: Mapping[str, Any]) -> list[Problem]:
    """Give what is wrong with parameters, each under its name; or why the policy cannot be loaded at all."""
    wrong = reply.get("wrong_parameters")
    if not isinstance(wrong, dict) or not wrong:
        return [Problem("parameters", reply["refused"])]
    return [Problem(f"parameters.{name}", str(message)) for name, message in wrong.items()]


def ruling_of(answer: Mapping[str, Any], tally: Tally) -> Ruling:
    """Check one answer of the sandbox and make a ruling of it; an exact strength comes as text beside it."""
    if not isinstance(answer.get("answer"), dict):
        return policy_error(str(answer.get("error", "it gave no answer"))[:500])
    said = dict(answer["answer"])
    size = len(json.dumps(said))
    if size > MOST_SAID:
        return policy_error(f"its answer has {size} characters of JSON; at most {MOST_SAID} are kept with a decision")
    if isinstance(answer.get("exact_strength"), str):
        try:
            said["strength"] = Fraction(answer["exact_strength"])
        except (ValueError, ZeroDivisionError):
            return policy_error(f"its 'strength' is {answer['exact_strength']!r:.60}, not a number in [0, 1]")
    return ruling_from(said, tally)

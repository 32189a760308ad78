"""Proposing: agents' suggestions become the choices of a vote, by one fixed rule that anybody can redo by hand.

Two suggestions are one choice if their texts are the same once case, width, spacing, quotation marks and what ends a
sentence are set aside. Nothing else is merged: whether `cache` and `buffer` mean the same is for the vote to say.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from maos_flows.model import ABSTAIN, Context, Decision, Proposal, Suggestion
from maos_flows.scrutiny import fold, tidy

LONGEST_SUGGESTION = 200
"""Characters of a suggestion; what is longer is no short answer, and is refused rather than cut to another meaning."""

MOST_CHOICES = 8
"""How many suggestions become choices, unless it is said otherwise."""

SHARE_OF_TIME = Fraction(1, 3)
"""The part of a decision's time that agents have for suggestions; the vote has the rest, and what they leave."""

CONTEXT = "suggested choices"
"""The name under which voters are told that the choices are what agents suggested."""

DETAILS = "suggestions"
"""The key, in a decision's details, of which choices were suggested by whom."""

_AGAINST, _FOR = "reject", "approve"
_MOST_GIVEN = 50
_LONGEST_REASON = 500

_LETTER, _SIGN = r"[^\W\d_]", r"[^\W_]"
_JOINT = r"(?:\s+|[-_]+|\s+[-_]+\s+)"
_JOINTS = re.compile(rf"(?<={_LETTER}){_JOINT}(?={_SIGN})|(?<={_SIGN}){_JOINT}(?={_LETTER})")
_QUOTES = "\"'`\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}"
_QUOTES += "".join(chr(number) for number in range(0x2018, 0x2020)) + "\u2039\u203a\u300c\u300d\u300e\u300f"
_BEFORE = f"{_QUOTES}\N{INVERTED QUESTION MARK}\N{INVERTED EXCLAMATION MARK} "
_AFTER = f"{_QUOTES}.,;:!?\N{IDEOGRAPHIC FULL STOP}\N{IDEOGRAPHIC COMMA} "


@dataclass(frozen=True, slots=True)
class SuggestedChoice:
    """One choice that suggestions became.

    Attributes:
        choice: The text, in the spelling suggested most often.
        agents: Who suggested it, in the order of the roster.
        spellings: How they wrote it, where not all wrote the same; the chosen spelling first.
    """

    choice: str
    agents: tuple[str, ...]
    spellings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """What suggestions became: the choices to vote on, the strongest first, and those there was no room for."""

    choices: tuple[SuggestedChoice, ...] = ()
    left_out: tuple[SuggestedChoice, ...] = ()

    @property
    def ballot_choices(self) -> tuple[str, ...]:
        """The choices of the vote. One suggestion alone stands against `reject`: there must be a way to say no."""
        texts = tuple(suggested.choice for suggested in self.choices)
        if len(texts) != 1:
            return texts
        return (*texts, _FOR if key_of(texts[0]) == _AGAINST else _AGAINST)


def as_suggestion(text: str) -> str:
    """Give a text as a suggestion stands: one line, in Unicode's NFC form.

    Raises:
        ValueError: It is empty, or too long.
    """
    line = tidy(" ".join(text.split()))
    if not line:
        raise ValueError("a suggestion is empty; `abstain` suggests nothing")
    if len(line) > LONGEST_SUGGESTION:
        raise ValueError(f"a suggestion of {len(line)} characters; at most {LONGEST_SUGGESTION}")
    return line


def key_of(text: str) -> str:
    """Give the form under which two suggestions are the same choice.

    Compatibility forms and case (Unicode D146), runs of spaces, dashes or underscores where they join words, and
    around it quotation marks and what ends a sentence. Signs that tell names apart stay: `C`, `C#` and `C++` are three.
    """
    folded = _caseless(fold(text))
    plain = "".join(_as_joint(character) for character in folded)
    joined = _JOINTS.sub(" ", " ".join(plain.split()))
    bare = joined.lstrip(_BEFORE).rstrip(_AFTER)
    return bare or joined


def merge(suggestions: Iterable[Suggestion], *, order: Sequence[str], most: int = MOST_CHOICES) -> Merged:
    """Merge suggestions into choices; the order in which they came in does not matter.

    A choice is written as most of those who suggested it wrote it; of spellings equally often, as the first of them in
    the roster did. Choices are in the order of how many agents suggested them; of equally many, in the order of the
    roster. An agent's second suggestion does not count, nor does anybody's who is not in `order`.

    Args:
        suggestions: What was suggested.
        order: The agents, in the order of the roster.
        most: How many become choices, at least 2.
    """
    places = {agent_id: place for place, agent_id in enumerate(order)}
    own: dict[str, str] = {}
    for suggestion in sorted(suggestions, key=lambda one: (one.agent_id, one.text)):
        if suggestion.agent_id in places:
            own.setdefault(suggestion.agent_id, suggestion.text)
    groups: dict[str, list[str]] = {}
    for agent_id in sorted(own, key=places.__getitem__):
        key = key_of(own[agent_id])
        if key != ABSTAIN:
            groups.setdefault(key, []).append(agent_id)
    ranked = sorted(groups.values(), key=lambda agents: (-len(agents), places[agents[0]]))
    found = tuple(_chosen(agents, own) for agents in ranked)
    return Merged(found[:most], found[most:])


def _chosen(agents: Sequence[str], own: dict[str, str]) -> SuggestedChoice:
    counted = Counter(own[agent_id] for agent_id in agents)  # equally often: those met first go first
    spellings = tuple(text for text, _ in counted.most_common())
    return SuggestedChoice(spellings[0], tuple(agents), spellings if len(spellings) > 1 else ())


def _caseless(text: str) -> str:
    once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def _as_joint(character: str) -> str:
    match unicodedata.category(character):
        case "Pd":
            return "-"
        case "Pc":
            return "_"
        case _:
            return character


def given_to_voters(
    merged: Merged, suggestions: Iterable[Suggestion], *, with_reasons: bool, with_names: bool
) -> Context:
    """Give what voters are told of where the choices come from: a line of JSON for each choice, data and nothing else.

    Args:
        merged: What the suggestions became.
        suggestions: What was suggested, with its reasons.
        with_reasons: Whether they are told why: of each choice the reasons of the first who gave any.
        with_names: Whether they are told by whom.
    """
    reasons = {one.agent_id: " ".join(one.reasoning.split())[:_LONGEST_REASON] for one in suggestions}
    lines = []
    for suggested in merged.choices[:_MOST_GIVEN]:
        said: dict[str, Any] = {"choice": suggested.choice}
        because = next((reasons[name] for name in suggested.agents if reasons.get(name)), "")
        if with_reasons and because:
            said["reasoning"] = because
        if with_names:
            said["suggested_by"] = list(suggested.agents[:_MOST_GIVEN])
        lines.append(json.dumps(said, ensure_ascii=True))
    return Context(CONTEXT, "\n".join(lines))


def is_of_suggestions(proposal: Proposal) -> bool:
    """Say whether a proposal's choices are what agents suggested, so that their texts are other agents'."""
    return any(context.name == CONTEXT for context in proposal.context)


def as_details(merged: Merged) -> dict[str, Any]:
    """Give what suggestions became as plain data, for a decision's details."""
    return {"choices": [_plain(one) for one in merged.choices], "left_out": [_plain(one) for one in merged.left_out]}


def _plain(suggested: SuggestedChoice) -> dict[str, Any]:
    plain: dict[str, Any] = {"choice": suggested.choice, "by": list(suggested.agents)}
    return plain | ({"spellings": list(suggested.spellings)} if suggested.spellings else {})


def suggested_in(decision: Decision) -> Merged:
    """Read from a decision's details which choices were suggested by whom; nothing if its choices were given."""
    details = decision.details.get(DETAILS, {})
    return Merged(*(tuple(map(_read, details.get(name, ()))) for name in ("choices", "left_out")))


def _read(plain: dict[str, Any]) -> SuggestedChoice:
    return SuggestedChoice(str(plain["choice"]), tuple(plain["by"]), tuple(plain.get("spellings", ())))

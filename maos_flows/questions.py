"""Choices a question lists itself: a fixed rule, so that the same words always give the same choices."""

import re
import unicodedata

DEFAULT_CHOICES = ("approve", "reject")
"""What is asked when neither the caller nor the question names choices."""

_LONGEST_CHOICE = 60
_MOST_WORDS = 6
_SENTENCE_END = re.compile(r"[?!;\n]|\.(?=\s|$)")
_SEPARATOR = re.compile(r"\s*,\s*(?:or\s+)?|\s+or\s+", re.IGNORECASE)


def choices_in(question: str) -> tuple[str, ...]:
    """Read the choices out of a question that lists them, else give `approve` and `reject`."""
    return choices_listed(question) or DEFAULT_CHOICES


def choices_listed(question: str) -> tuple[str, ...]:
    """Read the choices out of a question that lists them; none if it does not.

    The list is what stands between a colon and the end of that sentence or line, split at commas and at the word "or";
    of several such lists it is the last. That word must occur, at least two items must result, all different (case,
    width and other forms of the same letters make no difference), none of them `abstain`, each of at most six words and
    sixty characters. `Choose the best database: PostgreSQL, MongoDB, or DynamoDB.` gives the three names.
    """
    for start in reversed([match.end() for match in re.finditer(r":(?=\s)", question)]):
        listed = _SENTENCE_END.split(question[start:], maxsplit=1)[0].strip()
        if re.search(r"\bor\b", listed, re.IGNORECASE):
            items = tuple(item for item in _SEPARATOR.split(listed) if item)
            if _are_choices(items):
                return items
    return ()


def _are_choices(items: tuple[str, ...]) -> bool:
    folded = {" ".join(unicodedata.normalize("NFKC", item).casefold().split()) for item in items}
    short = all(len(item) <= _LONGEST_CHOICE and len(item.split()) <= _MOST_WORDS for item in items)
    return len(items) > 1 and len(folded) == len(items) and short and folded.isdisjoint(("abstain", ""))

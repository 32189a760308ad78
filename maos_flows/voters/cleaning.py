"""Cleaning of text from agents: what cannot be seen, is secret or too long goes; the rest stays, as data."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

REASONING_BYTES = 64 * 1024
"""How much of a reasoning is kept."""
TRUNCATED = " [truncated]"
REMOVED = "[secret removed]"

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor movements (ECMA-48 control sequences)
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links
    r"|\x1b[@-Z\\-_]"
)
_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls other than newline and tab
    "\ud800-\udfff"  # halves of characters, which no encoding can write
    "\u200b\u2060\ufeff"  # spaces without width
    "\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\U000e0000-\U000e007f"  # tags: text nobody sees
    "]"
)
_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
    r"|\bsk-[A-Za-z0-9_-]{16,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|(?i:(?<=\bbearer )[A-Za-z0-9._~+/-]{16,}=*)"
    r"|(?<=://)[^\s:/@]{0,200}:[^\s/@]{1,200}(?=@)"
)
_SHORTEST_SECRET = 6

Scrub = Callable[[str], str]


def clean(text: str) -> str:
    """Remove what cannot be seen: terminal escapes, controls other than newline and tab, NUL, half characters, tags."""
    return _HIDDEN.sub("", _ESCAPES.sub("", str.__str__(text).replace("\r\n", "\n")))


def mark_hidden(text: str) -> str:
    """Put U+FFFD where something cannot be seen, so that a choice with it is shown and is equal to no other."""
    return _HIDDEN.sub("\ufffd", str.__str__(text))


def truncate(text: str, most_bytes: int) -> str:
    """Cut a text to at most so many bytes of UTF-8, the mark that says so among them."""
    written = text.encode()
    if len(written) <= most_bytes:
        return text
    return written[: most_bytes - len(TRUNCATED)].decode(errors="ignore") + TRUNCATED


def one_line(text: str, *, most: int = 300) -> str:
    """Give a text as one short line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - len(TRUNCATED)] + TRUNCATED


def scrubber(settings: Mapping[str, Any]) -> Scrub:
    """Make what removes secrets from a text: first the values of the variables that settings name, then what looks so.

    Values of fewer than six characters stay: removing every `1` would protect nothing and destroy the text. So do paths
    of what exists: they are no secrets, and error messages are full of them.
    """
    named = (*settings.get("pass_env", ()), settings.get("token_env") or "")
    values = {os.environ.get(name, "") for name in named}
    secret = (value for value in values if len(value) >= _SHORTEST_SECRET and not _is_path(value))
    known = sorted(secret, key=len, reverse=True)
    exactly = re.compile("|".join(re.escape(clean(value)) for value in known)) if known else None

    def scrub(text: str) -> str:
        without_known = exactly.sub(REMOVED, text) if exactly else text
        return _SECRETS.sub(REMOVED, without_known)

    return scrub


def _is_path(value: str) -> bool:
    try:
        return Path(value).is_absolute() and Path(value).exists()
    except OSError:  # no name a file could have
        return False

"""Lines of input files: what is wrong with each is told with its number, and the others are read all the same."""

import hashlib
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import MOST_PROBLEMS

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class BadLines:
    """Lines, or what else `what` says, that cannot be used: the first hundred are named, all are counted."""

    source: str
    what: str = "bad lines"
    count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, where: int | str, message: str) -> None:
        """Note what is wrong with a line, by its number, or with something that has a name."""
        self.count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(f"line {where}" if isinstance(where, int) else where, message))

    def in_words(self, most: int = MOST_PROBLEMS) -> str:
        """Say what is wrong, a line of text for each problem."""
        shown = [f"  {problem}" for problem in islice(self.problems, most)]
        left = self.count - len(shown)
        more = [f"  and {left} more"] if left else []
        return "\n".join([f"{self.source}, {self.what}: {self.count}", *shown, *more])


def read_bytes(path: Path) -> tuple[bytes, str]:
    """Read a file whole, without a byte order mark, and give the digest of all its bytes.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError([Problem(str(path), f"cannot be read: {error.strerror or error}")]) from error
    return data.removeprefix(_BYTE_ORDER_MARK), f"sha256:{hashlib.sha256(data).hexdigest()}"

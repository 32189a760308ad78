"""Names of parametrised tests: the same in every process, so that the suite runs in parallel."""

import re


def named(value: object) -> str:
    """Write a value for a test's name, without its address."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))

"""Blocks of seeds, so that many seeds are spread over many tests."""

from collections.abc import Collection

import pytest


def blocks(first: int, last: int, *, size: int, measured: Collection[int]) -> list[object]:
    """Give the first seed of each block, as parameters.

    Coverage is measured in some alone: the others run the same lines, and measuring takes longer than they do.
    """
    unmeasured = [pytest.mark.no_cover]
    starts = range(first, last, size)
    return [pytest.param(start, marks=[] if start in measured else unmeasured) for start in starts]

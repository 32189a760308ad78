"""docs/agreement.md: what it shows of signing and verifying runs."""

import re
from pathlib import Path
from typing import Any

from tests.agreement.council import collected, decided, names, opening_of

PAGE = Path(__file__).parents[2] / "docs" / "agreement.md"
SIGNING, VERIFYING = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def test_an_agent_can_sign_as_the_manual_shows():
    names_made: dict[str, Any] = {}

    exec(compile(SIGNING, "agreement.md", "exec"), names_made)

    assert names_made["signed"].signature.count(".") == 2


def test_a_decision_is_verified_as_the_manual_shows():
    made: dict[str, Any] = {}
    exec(compile(VERIFYING, "agreement.md", "exec"), made)
    opening = opening_of(4)

    assert made["is_proven"](decided(opening, collected(opening, dict.fromkeys(names(4), "x"))))

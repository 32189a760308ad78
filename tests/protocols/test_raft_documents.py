"""The example of docs/raft.md runs as it stands."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "raft.md"


def test_the_example_of_the_raft_page_runs():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    scope = {}

    exec(example, scope)

    assert scope["replicas"]["ben"].leader == "ana"

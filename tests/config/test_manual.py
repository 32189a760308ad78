"""The manual's page configuration.md: its table is the form's, its example holds, its types are the built-in ones."""

import re
import subprocess
import sys
from pathlib import Path

from maos_flows.config import resolve
from maos_flows.config.manual import table
from maos_flows.model import exact

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def test_the_table_of_keys_is_the_forms():
    assert PAGE.endswith(f"## Every key\n\n{table()}"), "python -m maos_flows.config prints the table"


def test_the_table_is_printed():
    done = subprocess.run([sys.executable, "-m", "maos_flows.config"], capture_output=True, text=True, check=True)

    assert done.stdout == table()


def test_every_key_says_what_it_does():
    assert [row for row in table().splitlines()[2:] if row.split(" | ")[-1].strip(" |") == ""] == []


def test_the_example_holds(tmp_path):
    (example,) = re.findall(r"^```yaml[^\n]*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "config.yml").write_text(example)
    consensus = resolve({"MAOS_HOME": str(tmp_path)}).values.consensus

    assert consensus.decision_policies["budget"].expert_review
    assert {"routine", "important", "critical", "emergency"} < set(consensus.decision_policies)


def test_the_built_in_types_are_as_the_page_says(tmp_path):
    rows = re.findall(r"^\| `(routine|important|critical|emergency)` \| (.*) \|$", PAGE, re.MULTILINE)
    types = resolve({"MAOS_HOME": str(tmp_path)}).values.consensus.decision_policies

    assert [name for name, _ in rows] == list(types)
    for name, row in rows:
        kind = types[name]
        asked = [key for key in type(kind).model_fields if getattr(kind, key) is True]
        threshold = exact(kind.threshold) if kind.threshold else "its own"
        said = f"`{kind.algorithm}` | {threshold} | {kind.timeout:g} s | {', '.join(f'`{key}`' for key in asked)}"
        assert row.strip() == said.strip()

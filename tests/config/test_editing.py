"""Editing: comments and order stay, what is written reads as what was meant, changes are told key by key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.config.editing import changes, merged, said_in, with_value, without
from maos_flows.config.resolving import merge
from maos_flows.errors import ConfigurationError

TEXT = """# how we decide
consensus:
  default_algorithm: "simple_majority"   # fast

  # by algorithm
  algorithms:
    simple_majority:
      threshold: 0.50
agent_weights:
  tester: 2.0    # quality first
"""

names = st.sampled_from(["consensus", "raft", "audit", "x", "y"])
values = st.one_of(
    st.text("abc0123456789.:_ on-", min_size=1, max_size=8).map(lambda text: f"'{text}'"),
    st.sampled_from(["on", "012", "1_000", "12:30", "2026-01-01", "0x1F", "1e3", "0.50", "~x", "[a, 'b']", "30s"]),
)
documents = st.recursive(
    st.dictionaries(names, values, min_size=1, max_size=3),
    lambda inner: st.dictionaries(names, st.one_of(values, inner), min_size=1, max_size=3),
    max_leaves=6,
)


def written(document: dict, depth: int = 0) -> str:
    lines = []
    for name, value in document.items():
        pad = "  " * depth
        inner = f"\n{written(value, depth + 1)}" if isinstance(value, dict) else f" {value}  # about {name}\n"
        lines.append(f"{pad}{name}:{inner}")
    return "".join(lines)


@given(documents, documents)
def test_a_merge_says_what_both_say_the_later_going_before(one, other):
    below, above = written(one), written(other)

    assert said_in(merged(below, above)) == merge(said_in(below), said_in(above))


@given(documents)
def test_merging_what_is_there_changes_nothing_that_is_said(one):
    assert changes(written(one), merged(written(one), written(one))) == ()


def test_a_first_document_is_taken_as_it_is():
    assert merged("", TEXT) == TEXT
    assert merged("# mine\n", TEXT) == f"# mine\n{TEXT}"


def test_comments_quotes_and_order_stay():
    after = merged(TEXT, "consensus:\n  voting_timeout: 30s  # in a hurry\n")

    assert all(line in after for line in TEXT.splitlines())
    assert "  voting_timeout: 30s  # in a hurry\n" in after


def test_a_list_takes_the_place_of_another():
    after = merged("consensus: {contacts: [a/b, c/d]}\n", "consensus: {contacts: [e/f]}\n")

    assert said_in(after) == {"consensus": {"contacts": ["e/f"]}}


def test_one_value_is_set_in_its_place():
    after = with_value(TEXT, ("consensus", "default_algorithm"), "raft")

    assert '  default_algorithm: "raft" ' in after
    assert "# fast\n" in after
    assert changes(TEXT, after) == ((("consensus", "default_algorithm"), "simple_majority", "raft"),)


def test_a_value_is_set_in_sections_that_were_not_there():
    after = with_value(TEXT, ("consensus", "raft", "leader_timeout"), "5000")

    assert changes(TEXT, after) == ((("consensus", "raft", "leader_timeout"), None, "5000"),)


def test_a_value_is_set_in_a_document_of_comments():
    assert with_value("# mine\n", ("agent_weights", "tester"), "2") == "# mine\nagent_weights:\n  tester: 2\n"


def test_a_key_that_is_unset_takes_empty_sections_with_it():
    after = without(TEXT, ("consensus", "algorithms", "simple_majority", "threshold"))

    assert said_in(after) == {"consensus": {"default_algorithm": "simple_majority"}, "agent_weights": {"tester": "2.0"}}


def test_a_document_whose_last_key_is_unset_keeps_its_comments():
    after = without(without(TEXT, ("consensus",)), ("agent_weights", "tester"))

    assert after == "# how we decide\n"


def test_a_key_that_is_not_set_cannot_be_unset():
    with pytest.raises(ConfigurationError, match=r"consensus\.raft\.enabled: is not set in the file"):
        without(TEXT, ("consensus", "raft", "enabled"))


@pytest.mark.parametrize("text", ["[1, 2]", "just text", "a: &x 1", "a: 1\na: 2", "a: ["])
def test_what_is_no_plain_mapping_is_refused(text):
    with pytest.raises(ConfigurationError):
        merged(TEXT, text)


@pytest.mark.parametrize("text", ["[1, 2]\n", "just text\n"])
def test_a_file_that_is_no_mapping_is_not_written_over(text):
    with pytest.raises(ConfigurationError, match="must be a mapping"):
        merged(text, TEXT)
    with pytest.raises(ConfigurationError, match="must be a mapping"):
        with_value(text, ("agent_weights", "tester"), "2")


@pytest.mark.parametrize("value", ["+12", "1_0.5_0", "2001-12-14t21:59:43.10-05:00", "2026-13-45"])
def test_what_would_be_written_otherwise_than_it_was_meant_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"edit the file by hand|month must be"):
        with_value(TEXT, ("consensus", "default_algorithm"), value)


@pytest.mark.parametrize("value", ["a: b", "[a", "*x", "&x 1", "!!int 3", "x\ny: 1"])
def test_what_is_no_value_on_one_line_is_refused(value):
    with pytest.raises(ConfigurationError):
        with_value(TEXT, ("consensus", "default_algorithm"), value)

"""`maos config` as a person types it: merged, set, shown, undone, and every change on record."""

import json
import re
from pathlib import Path

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.cli.app import main

DOCUMENTS = Path(__file__).parents[1] / "documents"
TUTORIAL_FILES = ("consensus-config.yml", "expert-weights.yml", "enterprise-consensus.yml")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder as a new user has it."""
    home = tmp_path / "ana"
    (home / ".maos").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for name in ("MAOS_HOME", "MAOS_DATABASE_URL", "MAOS_ROSTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def maos(monkeypatch, capsys):
    def run(*words: str, code: int = 0) -> str:
        monkeypatch.setattr("sys.argv", ["maos", *words])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        assert int(left.value.code or 0) == code, printed
        return printed.out if code == 0 else printed.err

    return run


def write(text: str, name: str = "some.yml") -> str:
    Path(name).write_text(text)
    return name


@pytest.mark.parametrize("name", TUTORIAL_FILES)
def test_the_tutorials_files_merge_in_a_fresh_home(maos, own_home, name):
    text = (DOCUMENTS / name).read_text()
    file = own_home / ".maos" / name
    file.write_text(text)

    assert "changed" in maos("config", "merge", str(file))
    assert (own_home / ".maos" / "config.yml").read_text() == text


def test_the_tutorials_settings_are_made_in_the_order_it_types_them(maos):
    typed = [
        ["merge", str(DOCUMENTS / "consensus-config.yml")],
        ["set", "consensus.default_algorithm", "byzantine_tolerant"],
        ["set", "consensus.byzantine_tolerance", "true"],
        ["set", "consensus.malicious_detection", "true"],
        ["merge", str(DOCUMENTS / "expert-weights.yml")],
        ["set", "consensus.raft.enabled", "true"],
        ["set", "consensus.raft.leader_timeout", "5000"],
        ["set", "consensus.raft.election_timeout_min", "1000"],
        ["set", "consensus.raft.election_timeout_max", "2000"],
        ["merge", str(DOCUMENTS / "enterprise-consensus.yml")],
    ]
    for words in typed:
        assert maos("config", *words).count("changed") == 1

    raft = json.loads(maos("config", "get", "consensus.raft", "--format", "json"))
    assert raft == {
        "enabled": True,
        "leader_timeout": 5000,
        "election_timeout_min": 1000,
        "election_timeout_max": 2000,
    }
    assert len(json.loads(maos("config", "history", "--format", "json"))) == len(typed)


def test_sections_merge_and_comments_stay(maos, own_home):
    maos("config", "merge", write("# ours\nconsensus:\n  voting_timeout: 90  # slow agents\n"))
    maos("config", "merge", write("consensus:\n  default_algorithm: supermajority\n"))

    text = (own_home / ".maos" / "config.yml").read_text()
    assert text == "# ours\nconsensus:\n  voting_timeout: 90  # slow agents\n  default_algorithm: supermajority\n"


def test_a_document_comes_from_standard_input_too(maos, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("agent_weights: {tester: 2/3}"))
    maos("config", "merge", "-")

    assert maos("config", "get", "agent_weights.tester") == "2/3\n"


def test_a_bad_document_names_every_problem_and_changes_nothing(maos, own_home):
    """B74."""
    file = write("consensus:\n  voting_timout: 60\n  default_algorithm: simple_majorty\n  voting_timeout: soon\n")
    told = maos("config", "merge", file, code=2)

    assert "some.yml: 2 problems" in told
    assert "consensus.voting_timout (line 2): unknown key; did you mean 'voting_timeout'?" in told
    assert "consensus.voting_timeout (line 4): 'soon' is not a duration" in told
    assert not (own_home / ".maos" / "config.yml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["consensus.voting_timout", "60"], "there is no such key; did you mean 'consensus.voting_timeout'?"),
        (["voting_timeout", "60"], "there is no such key; did you mean"),
        (["consensus.raft", "on"], "is a section"),
        (["consensus.voting_timeout", "soon"], "'soon' is not a duration"),
        (["consensus.voting_timeout", ""], "is empty"),
        (["consensus.default_algorithm", "simple_majorty"], "did you mean 'simple_majority'?"),
        (["consensus.algorithms.medical.threshold", "0.7"], "there is no algorithm 'medical'"),
        (["consensus.decision_policies.x.algorithm", "rafts"], "did you mean 'raft'?"),
        (["consensus.byzantine_tolerance", "true"], "needs byzantine_tolerant"),
        (["..", "1"], "there is no such key"),
        (["", "1"], "there is no such key"),
    ],
)
def test_b74_what_cannot_be_set_is_refused(maos, own_home, words, said):
    """B74."""
    assert said in maos("config", "set", *words, code=2)
    assert not (own_home / ".maos" / "config.yml").exists()


def test_a_key_is_unset_and_its_default_holds_again(maos):
    maos("config", "set", "consensus.voting_timeout", "90")
    told = maos("config", "unset", "consensus.voting_timeout")

    assert "consensus.voting_timeout: 90 -> not set" in told
    assert maos("config", "get", "consensus.voting_timeout") == "60s\n"
    assert "is not set in the file" in maos("config", "unset", "consensus.voting_timeout", code=2)


def test_changes_are_undone_one_by_one_and_that_is_on_record(maos, own_home):
    maos("config", "set", "consensus.voting_timeout", "90")
    maos("config", "set", "consensus.voting_timeout", "91")
    maos("config", "undo")
    first = maos("config", "get", "consensus.voting_timeout")
    maos("config", "undo")

    assert (first, maos("config", "get", "consensus.voting_timeout")) == ("90s\n", "60s\n")
    assert "there is no change" in maos("config", "undo", code=2)
    assert "undo set consensus.voting_timeout" in maos("config", "history")


def test_a_change_says_when_the_environment_hides_it(maos, monkeypatch, capsys):
    monkeypatch.setenv("MAOS_CONSENSUS__VOTING_TIMEOUT", "5")
    monkeypatch.setattr("sys.argv", ["maos", "config", "set", "consensus.voting_timeout", "90"])
    with pytest.raises(SystemExit):
        main()

    assert "note: MAOS_CONSENSUS__VOTING_TIMEOUT is set in the environment" in capsys.readouterr().err


def test_a_change_that_changes_nothing_says_so_and_is_not_on_record(maos):
    maos("config", "set", "consensus.voting_timeout", "90")

    assert "nothing to change" in maos("config", "set", "consensus.voting_timeout", "90")
    assert len(json.loads(maos("config", "history", "--format", "json"))) == 1


def test_the_history_tells_who_changed_which_key_and_by_hand_edits(maos, own_home):
    maos("config", "set", "consensus.voting_timeout", "90")
    file = own_home / ".maos" / "config.yml"
    file.write_text(file.read_text().replace("90", "80"))
    told = json.loads(maos("config", "set", "consensus.voting_timeout", "70", "--format", "json"))
    newest, by_hand, first = json.loads(maos("config", "history", "--format", "json"))

    assert told["changed"] == [{"key": "consensus.voting_timeout", "before": "80", "after": "70"}]
    assert (newest["keys"], by_hand["action"]) == (told["changed"], "edited by hand")
    assert re.fullmatch(r"\S+", first["who"])
    assert "set consensus.voting_timeout by" in maos("config", "history", "--limit", "1")


def test_of_agents_only_a_digest_is_on_record(maos, own_home):
    voter = "{kind: command, command: [cat], env: {TOKEN: hunter2}}"
    maos("config", "merge", write(f"agents:\n  - {{id: ada, voter: {voter}}}\n"))

    with AuditStore.open(f"sqlite:///{own_home / '.maos' / 'audit.db'}") as store:
        (change,) = store.configuration.newest(limit=5)
    assert [key.key for key in change.keys] == ["agents"]
    assert str(change.keys[0].after).startswith("sha256:")
    assert b"hunter2" not in (own_home / ".maos" / "audit.db").read_bytes()
    assert maos("config", "get", "agents") == "[ada]\n"


def test_without_a_store_nothing_is_changed(maos, own_home, monkeypatch):
    (own_home / "broken.db").write_bytes(b"")
    monkeypatch.setenv("MAOS_DATABASE_URL", f"sqlite:///{own_home / 'broken.db'}")

    assert "damaged" in maos("config", "set", "consensus.voting_timeout", "90", code=2)
    assert not (own_home / ".maos" / "config.yml").exists()


def test_show_says_where_each_value_comes_from(maos, own_home, monkeypatch):
    maos("config", "merge", write("consensus:\n  voting_timeout: 90\n"))
    monkeypatch.setenv("MAOS_AGENT_WEIGHTS__TESTER", "2")
    shown = {row["key"]: row for row in json.loads(maos("config", "show", "--origin", "--format", "json"))}

    origins = {key: row["origin"] for key, row in shown.items()}
    assert origins["consensus.voting_timeout"] == f"{own_home / '.maos' / 'config.yml'}, line 2"
    assert origins["agent_weights.tester"] == "environment, MAOS_AGENT_WEIGHTS__TESTER"
    assert origins["consensus.default_algorithm"] == "default"
    assert origins["consensus.decision_policies.routine.timeout"] == "built in"
    assert re.search(
        r"^consensus.voting_timeout +90s +.*config\.yml, line 2$", maos("config", "show", "--origin"), re.MULTILINE
    )


def test_what_is_shown_could_be_merged(maos):
    maos("config", "merge", str(DOCUMENTS / "consensus-config.yml"))
    shown = maos("config", "show")
    write(shown, "shown.yml")
    maos("config", "merge", "shown.yml")

    assert maos("config", "show") == shown
    assert json.loads(maos("config", "show", "--format", "json"))["consensus"]["voting_timeout"] == 60


@pytest.mark.parametrize("key", ["consensus.nothing", "consensus.algorithms.simple_majority.expert_weight"])
def test_a_key_that_is_not_there_cannot_be_had(maos, key):
    assert "there is no such key" in maos("config", "get", key, code=2)


def test_a_key_without_a_value_prints_nothing(maos):
    assert maos("config", "get", "consensus.monitoring.slow_consensus_threshold") == ""
    assert maos("config", "get", "consensus.monitoring.slow_consensus_threshold", "--format", "json") == "null\n"


def test_validate_checks_a_file_or_what_holds(maos, monkeypatch):
    fine = maos("config", "validate", str(DOCUMENTS / "enterprise-consensus.yml"))
    monkeypatch.setenv("MAOS_CONSENSUS__DEFAULT_ALGORITHM", "rafd")

    assert fine.endswith("enterprise-consensus.yml: fine\n")
    assert "did you mean 'raft'?" in maos("config", "validate", code=2)
    assert "there is no such file" in maos("config", "validate", "nowhere.yml", code=2)


def test_a_user_without_a_name_is_told_by_number(maos, monkeypatch):
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    maos("config", "set", "agent_weights.tester", "2")

    assert "by user 4000000000" in maos("config", "history")
    assert json.loads(maos("config", "get", "agent_weights", "--format", "json")) == {"tester": 2}


def test_path_says_where_it_is(maos, own_home):
    assert maos("config", "path") == f"{own_home / '.maos' / 'config.yml'}\n"

"""Installing: what is looked at, pinned and recorded, and that nothing is ever half installed."""

import hashlib
import json
from pathlib import Path

import pytest

from maos_flows.audit.policies import PolicyAction
from maos_flows.errors import ConfigurationError, NotFoundError, StoreError
from maos_flows.model import Outcome
from maos_flows.plugins.installing import install, look_at, remove
from maos_flows.plugins.known import known_policies
from maos_flows.plugins.loading import load_installed
from maos_flows.plugins.pins import ChangedPolicyError, file_of, installed_names, is_intact, pins, read_pin
from maos_flows.plugins.sandbox import Limits
from maos_flows.policies.registry import PolicyRegistry
from tests.plugins.samples import BOARD, CLINICAL, PORTFOLIO, body, decided, installed, opened, written


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.mark.parametrize(("text", "name"), [(CLINICAL, "clinical"), (PORTFOLIO, "portfolio")])
def test_b77_files_as_people_write_them_are_installed_and_run_unchanged(text, name, home):
    pin = installed(home, text)

    decision = decided(load_installed(home, name), "xxx", risk_assessment={"score": 0.0625})

    assert pin.digest == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "x")
    assert decision.opening.policy_digest == pin.digest


def test_the_very_bytes_are_kept_pinned_and_recorded(home):
    text = "\ufeff" + CLINICAL + "# \N{GREEK SMALL LETTER ALPHA}\r\n"

    pin = installed(home, text)

    assert file_of(home, pin).read_bytes() == text.encode()
    assert file_of(home, pin).name == f"{hashlib.sha256(text.encode()).hexdigest()}.py"
    assert read_pin(home, "clinical") == pin
    assert pin.parameters == {"grades": ["strong", "weak"], "min_reviewers": 2, "strict": True}
    with opened(home) as store:
        (version,) = store.policies.of("clinical")
    assert (version.action, version.digest, version.content) == (PolicyAction.INSTALLED, pin.digest, text.encode())
    assert version.origin == str(home.parent / "policy.py")


def test_only_its_owner_reads_what_is_installed(home):
    pin = installed(home, BOARD, "board.yaml")

    assert file_of(home, pin).stat().st_mode & 0o077 == 0
    assert file_of(home, pin).parent.stat().st_mode & 0o077 == 0


def test_a_newer_version_takes_the_place_of_the_older_which_is_named(home):
    older = installed(home, BOARD, "board.yaml")
    candidate = look_at(written(home.parent, BOARD + "# better\n", "board.yaml"), home=home)
    with opened(home) as store:
        newer = install(candidate, home=home, store=store)
        listed = [version.digest for version in store.policies.of("board")]

    assert candidate.replaces == older.digest
    assert listed == [newer.digest, older.digest]
    assert load_installed(home, "board").digest == newer.digest
    assert file_of(home, older).exists()


def test_the_same_again_replaces_nothing(home):
    installed(home, BOARD, "board.yaml")

    assert look_at(written(home.parent, BOARD, "board.yaml"), home=home).replaces is None


@pytest.mark.parametrize("change", [b"\n", b"\nveto: [tester]\n"])
def test_b76_a_file_that_was_changed_is_refused_until_it_is_installed_again(change, home):
    pin = installed(home, BOARD, "board.yaml")
    place = file_of(home, pin)
    place.write_bytes(place.read_bytes() + change)

    with pytest.raises(ChangedPolicyError, match=f"board was changed since it was installed, from {pin.digest}"):
        load_installed(home, "board")
    with pytest.raises(ConfigurationError, match=r"stages\[0\]: the policy board was changed"):
        known_policies(home).find("board", path="stages[0]")
    assert not is_intact(home, pin)
    installed(home, BOARD, "board.yaml")
    assert is_intact(home, pin)


def test_a_file_that_is_gone_is_refused(home):
    file_of(home, installed(home, BOARD, "board.yaml")).unlink()

    with pytest.raises(ChangedPolicyError, match="cannot be read"):
        load_installed(home, "board")


@pytest.mark.parametrize(
    "pin", ["", "{", "{}", '{"name": "other"}', json.dumps({"name": "../x", "kind": "python"}), "[1]"]
)
def test_a_pin_that_is_none_is_refused_and_the_others_stay(pin, home):
    installed(home, BOARD, "board.yaml")
    place = home / "policies" / "board" / "pin.json"
    place.write_text(pin)

    with pytest.raises(ChangedPolicyError, match="install the policy again"):
        read_pin(home, "board")
    assert [type(found) for found in pins(home)] == [ChangedPolicyError]


def test_a_pin_of_another_policy_is_refused(home):
    installed(home, BOARD, "board.yaml")
    (home / "policies" / "board").rename(home / "policies" / "bored")

    with pytest.raises(ChangedPolicyError, match="is not that of bored"):
        read_pin(home, "bored")


@pytest.mark.parametrize("name", ["../x", "/etc", "a\0b", "A", "", ".", "x" * 65])
def test_a8_a_name_never_leads_out_of_the_home(name, home):
    home.mkdir()
    text = BOARD.replace("policy: board", f"policy: {json.dumps(name)}")

    with pytest.raises(NotFoundError, match="no policy"):
        read_pin(home, name)
    with pytest.raises(ConfigurationError):
        look_at(written(home.parent, text, "board.yaml"), home=home)
    assert not (home / "policies").exists()


@pytest.mark.parametrize("name", ["../x", "a\0b"])
def test_a8_nor_does_the_name_that_code_gives_itself(name, bare_home):
    with pytest.raises(ConfigurationError, match=r"its policy's name: .* is not a name"):
        look_at(written(bare_home.parent, CLINICAL.replace('"clinical"', repr(name))), home=bare_home)
    assert not bare_home.exists()


@pytest.mark.parametrize("name", ["raft", "simple_majority", "adaptive"])
def test_the_names_of_algorithms_are_taken(name, home):
    text = BOARD.replace("board", name, 1)

    with pytest.raises(ConfigurationError, match=f"its policy is called {name}, which is the name of an algorithm"):
        look_at(written(home.parent, text, "p.yaml"), home=home)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.py", b"def (", "line 1: invalid syntax"),
        ("p.py", b"\xff", "it is not UTF-8"),
        ("p.py", b"x = 1\0", "null bytes"),
        ("p.py", b"#" * (1024 * 1024 + 1), "larger than"),
        ("p.txt", b"", r"it must be one of .py, .yaml, .yml"),
        ("p.yaml", b"policy: [", "line 2"),
        ("p.py", body("raise ValueError('always')").encode(), "it fails on every example: .*always"),
    ],
)
def test_a_file_that_is_no_policy_leaves_nothing_behind(name, content, message, bare_home):
    file = bare_home.parent / name
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=message) as refused:
        look_at(file, home=bare_home)
    assert "\n" not in str(refused.value)
    assert str(file) in str(refused.value)
    assert not bare_home.exists()


def test_a_file_that_is_not_there_is_refused(home):
    with pytest.raises(ConfigurationError, match="there is no such file"):
        look_at(home / "nothing.py", home=home)


def test_a_policy_that_does_not_end_is_refused(home):
    file = written(home.parent, body("while True: pass"))

    with pytest.raises(ConfigurationError, match=r"signal|1 seconds"):
        look_at(file, home=home, limits=Limits(wall_seconds=1, cpu_seconds=1))


IMPURE = {
    "order": ("return {'consensus': True, 'decision': votes[0]['decision'], 'strength': 1.0}", "in another order"),
    "memory": (
        "self.calls = getattr(self, 'calls', 0) + 1; return {'consensus': False, 'strength': 1 / self.calls}",
        "differently",
    ),
    "hash seed": (
        "return {'consensus': True, 'decision': min({v['decision'] for v in votes}, key=hash), 'strength': 1.0}",
        "under another hash seed",
    ),
    "chance": ("import random; return {'consensus': False, 'strength': random.random()}", "differently"),
}


@pytest.mark.parametrize("name", IMPURE)
def test_b31_a_policy_whose_answer_depends_on_more_than_the_ballots_is_refused_with_the_example(name, home):
    code, how = IMPURE[name]

    with pytest.raises(ConfigurationError, match=rf"{how}.*, on \w+_\d: \w+"):
        look_at(written(home.parent, body(code)), home=home)


def test_what_is_not_recorded_is_not_installed(home):
    candidate = look_at(written(home.parent, BOARD, "board.yaml"), home=home)
    closed = StoreThatFails()

    with pytest.raises(StoreError):
        install(candidate, home=home, store=closed)
    assert installed_names(home) == ()


class StoreThatFails:
    """An audit store whose database is gone."""

    @property
    def policies(self):
        raise StoreError("the audit store is gone")


def test_a_home_that_cannot_be_written_is_told(home):
    candidate = look_at(written(home.parent, BOARD, "board.yaml"), home=home)
    (home / "policies" / "board").mkdir(parents=True)
    (home / "policies" / "board" / "pin.json").mkdir()

    with opened(home) as store, pytest.raises(ConfigurationError, match="cannot be written"):
        install(candidate, home=home, store=store)
    assert [path.name for path in (home / "policies" / "board").iterdir() if path.name.startswith(".")] == []


def test_a_policy_that_was_removed_is_known_no_more_and_stays_in_the_audit(home):
    pin = installed(home, BOARD, "board.yaml")
    with opened(home) as store:
        removed = remove("board", home=home, store=store)
        actions = [version.action for version in store.policies.of("board")]
        content = store.policies.content(pin.digest)

    assert removed == pin
    assert installed_names(home) == ()
    assert actions == [PolicyAction.REMOVED, PolicyAction.INSTALLED]
    assert content == BOARD.encode()
    with opened(home) as store, pytest.raises(NotFoundError, match="no policy 'board' is installed"):
        remove("board", home=home, store=store)


def test_every_policy_is_found_at_one_door(home):
    installed(home, BOARD, "board.yaml")
    known = known_policies(home)

    assert isinstance(known, PolicyRegistry)
    assert {"board", "simple_majority"} <= set(known)
    assert len(known) == len(list(known))
    assert "board" in known
    assert known["board"] is known.find("board")
    assert known.find("simple_majority").name == "simple_majority"
    with pytest.raises(ConfigurationError, match="did you mean board"):
        known.find("bord")
    with pytest.raises(KeyError):
        known["nothing"]


def test_the_user_may_have_no_name(home, monkeypatch):
    def nameless():
        raise KeyError("uid")

    monkeypatch.setattr("getpass.getuser", nameless)

    installed(home, BOARD, "board.yaml")

    with opened(home) as store:
        assert store.policies.of("board")[0].who == ""


PACKAGE = (
    "from maos_flows.consensus import ConsensusPolicy\nclass Ours(ConsensusPolicy):\n    name = 'ours'\n    {rest}\n"
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make a package with an entry point that can be imported; gives a function that writes its module."""
    folder = tmp_path / "site"
    (folder / "ourpolicies").mkdir(parents=True)
    (folder / "ourpolicies" / "__init__.py").write_text("")
    made = folder / "ourpolicies-1.2.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: ourpolicies\nVersion: 1.2\n")

    def write(rest: str, *, entry: str = "ours = ourpolicies.rules:Ours") -> Path:
        (made / "entry_points.txt").write_text(f"[maos_flows.policies]\n{entry}\n")
        (folder / "ourpolicies" / "rules.py").write_text(PACKAGE.format(rest=rest))
        return folder / "ourpolicies" / "rules.py"

    monkeypatch.syspath_prepend(str(folder))
    return write


RULING = "def evaluate_proposal(self, proposal, votes): return {'consensus': True, 'decision': 'x', 'strength': 1.0}"


def test_a_package_brings_policies_by_its_entry_points(package, home):
    package(RULING)
    policy = known_policies(home).find("ours")

    decision = decided(policy, "xxy")

    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "x")
    assert decision.opening.policy_digest.startswith("sha256:")


def test_a_packages_digest_is_that_of_its_file_and_version(package, home):
    package(RULING)
    first = known_policies(home).find("ours").digest
    again = known_policies(home).find("ours").digest
    package(RULING + "  # better")

    assert first == again != known_policies(home).find("ours").digest


@pytest.mark.parametrize(
    ("entry", "rest", "message"),
    [
        ("ours = ourpolicies.nothing:Ours", RULING, "ourpolicies 1.2: there is no module ourpolicies.nothing"),
        ("ours = ourpolicies.rules:Nothing", RULING, "has no attribute 'Nothing'"),
        ("ours = ourpolicies.rules:Ours.name", RULING, "AttributeError"),
        ("ours = ourpolicies:__name__", RULING, "is a str, not a ConsensusPolicy"),
        (
            "others = ourpolicies.rules:Ours",
            RULING,
            "its policy is called 'ours'; the entry point must be called so too",
        ),
        ("ours = ourpolicies.rules:Ours", "import os; os._exit(1)", "status 1"),
    ],
)
def test_a_package_that_keeps_not_to_the_form_is_refused(entry, rest, message, package, home):
    package(rest, entry=entry)

    with pytest.raises(ConfigurationError, match=message):
        known_policies(home).find(entry.split()[0])


def test_a_declared_policy_rules_by_its_rules(home):
    installed(home, BOARD, "board.yaml")
    policy = load_installed(home, "board")

    assert decided(policy, "xxx").explanation == "the quorum lacks security (0 of 1)"

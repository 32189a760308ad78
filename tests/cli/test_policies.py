"""The commands for policies of one's own, as a person types them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from maos_flows.cli import policies
from maos_flows.cli.app import app, main
from maos_flows.plugins.pins import file_of, read_pin
from tests.plugins.samples import BOARD, CLINICAL, body

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def own_home(home: Path) -> Path:
    return home


@pytest.fixture
def board(tmp_path: Path) -> str:
    (tmp_path / "board.yaml").write_text(BOARD)
    return str(tmp_path / "board.yaml")


def maos(*words: str) -> Result:
    return RUNNER.invoke(app, ["consensus", *words])


def as_json(*words: str):
    result = maos(*words, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_file_is_installed_as_typed_shown_listed_and_removed(tmp_path, home):
    (tmp_path / "clinical-policy.py").write_text(CLINICAL)

    typed = maos("install-policy", str(tmp_path / "clinical-policy.py"))

    assert typed.exit_code == 0, typed.output
    pin = read_pin(home, "clinical")
    assert f"installed clinical (python) {pin.digest}" in typed.stdout
    assert "fenced in by limits" in typed.stdout
    assert "use it with --consensus-algorithm clinical" in typed.stdout
    listed = [line.split() for line in maos("list-policies").stdout.splitlines()]
    assert ["clinical", "python", pin.digest[:19]] in listed
    shown = maos("show-policy", "clinical").stdout
    for part in ("clinical (python)", pin.digest, "min_reviewers: 2", "tolerates: as written", " installed sha256:"):
        assert part in shown
    assert maos("remove-policy", "clinical").stdout == f"removed clinical {pin.digest}\n"


def test_every_command_prints_json(board):
    installed = as_json("install-policy", board)
    assert (installed["name"], installed["status"], installed["kind"]) == ("board", "installed", "declarative")
    listed = {policy["name"]: policy for policy in as_json("list-policies")}
    assert listed["board"]["digest"] == installed["digest"]
    assert listed["simple_majority"]["kind"] == "built-in"
    shown = as_json("show-policy", "board")
    assert (shown["intact"], shown["description"]) == (True, "The board decides.")
    assert [version["action"] for version in shown["versions"]] == ["installed"]
    removed = as_json("remove-policy", "board")
    assert removed == {"name": "board", "digest": installed["digest"], "status": "removed"}


def test_a_policy_that_takes_the_place_of_another_says_so(board):
    first = as_json("install-policy", board)
    Path(board).write_text(BOARD + "veto: [tester]\n")

    assert f"it takes the place of {first['digest']}" in maos("install-policy", board).stdout


def test_one_that_was_changed_is_listed_so_and_shown_so(board, home):
    maos("install-policy", board)
    file_of(home, read_pin(home, "board")).write_text(BOARD + "\n")

    assert "CHANGED since it was installed: refused" in maos("list-policies").stdout
    assert "CHANGED since it was installed: refused" in maos("show-policy", "board").stdout
    assert as_json("show-policy", "board")["intact"] is False


def test_one_whose_pin_is_broken_is_listed_with_the_others(board, home):
    maos("install-policy", board)
    (home / "policies" / "board" / "pin.json").write_text("{")

    listed = {policy["name"]: policy for policy in as_json("list-policies")}

    assert (listed["board"]["kind"], listed["board"]["intact"]) == ("unknown", False)
    assert "install the policy again" in listed["board"]["description"]


def test_a_packages_policy_is_listed(tmp_path, monkeypatch):
    made = tmp_path / "theirs-1.0.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (made / "entry_points.txt").write_text("[maos_flows.policies]\ntheirs = theirs:Policy\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    listed = {policy["name"]: policy["kind"] for policy in as_json("list-policies")}

    assert listed["theirs"] == "package"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["install-policy", "nothing.py"], "nothing.py: there is no such file"),
        (["show-policy", "nothing"], "no policy 'nothing' is installed"),
        (["remove-policy", "../x"], "no policy '../x' is installed"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(words, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["maos", "consensus", *words])

    with pytest.raises(SystemExit) as left:
        main()

    assert left.value.code == 2
    assert capsys.readouterr().err == f"maos: error: {message}\n"


@pytest.mark.parametrize(("answer", "installed"), [(True, True), (False, False)])
def test_on_a_terminal_it_is_asked_first_and_a_no_installs_nothing(answer, installed, board, home, monkeypatch):
    asked: list[str] = []

    def confirm(text: str, *, err: bool) -> bool:
        asked.append(text)
        return answer

    monkeypatch.setattr("maos_flows.cli.policies._is_a_person_there", lambda: True)
    monkeypatch.setattr("typer.confirm", confirm)
    result = maos("install-policy", board)

    assert asked == ["Trust it with every decision that names it?"]
    assert "board (declarative) sha256:" in result.stderr
    assert (result.exit_code == 0) == installed
    assert (home / "policies" / "board" / "pin.json").exists() == installed


def test_yes_asks_nothing_on_a_terminal(board, monkeypatch):
    monkeypatch.setattr("maos_flows.cli.policies._is_a_person_there", lambda: True)

    assert maos("install-policy", board, "--yes").exit_code == 0


def test_nobody_is_asked_where_nobody_is():
    assert not policies._is_a_person_there()


def test_what_a_policy_says_of_itself_cannot_steer_a_terminal(tmp_path):
    source = body("return {'consensus': False}").replace('name = "mine"', 'name = "mine"; tolerates = "\\x1b[31mall"')
    (tmp_path / "mine.py").write_text(source)
    maos("install-policy", str(tmp_path / "mine.py"))

    shown = maos("show-policy", "mine").stdout

    assert "tolerates: all" in shown
    assert "\x1b" not in shown


def test_an_installed_policy_is_an_algorithm_of_workflows(board, tmp_path):
    maos("install-policy", board)
    workflow = tmp_path / "w.yaml"
    workflow.write_text("workflow_name: w\nstages: [{stage: s, question: Q?, consensus_algorithm: board}]\n")

    validated = RUNNER.invoke(app, ["workflow", "validate", str(workflow)])
    workflow.write_text(workflow.read_text().replace("board}", "board, parameters: {colour: red}}"))
    refused = RUNNER.invoke(app, ["workflow", "validate", str(workflow)])

    assert validated.exit_code == 0, validated.output
    assert "parameters.colour (line 2): board has no parameters of its own" in refused.output

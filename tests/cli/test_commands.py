"""The commands as a person types them: what they print, where, and with which exit code."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from maos_flows.cli.app import app, main
from tests.flows.making import AGENTS

RUNNER = CliRunner()
WORKFLOWS = Path(__file__).parents[2] / "workflows"
TUTORIAL = Path(__file__).parents[1] / "documents" / "exercise_14.json"

needs_server = pytest.mark.usefixtures("prefect_address")


@pytest.fixture(autouse=True)
def own_home(bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MAOS_ROSTER", raising=False)
    return bare_home


def maos(*words: str, text: str | None = None) -> Result:
    return RUNNER.invoke(app, list(words), input=text)


def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run through the console script's function, which turns our errors into exit codes."""
    monkeypatch.setattr("sys.argv", ["maos", *words])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out, printed.err


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    """Five agents of our own: three for a, one for b, one for c."""
    file = tmp_path / "roster.yaml"
    lines = [
        f"  - {{id: agent_{number}, role: {role}, voter: {{kind: python, function: '{AGENTS}:by_role'}}}}"
        for number, role in enumerate("aabac")
    ]
    file.write_text("agents:\n" + "\n".join(lines) + "\n")
    return file


class TestDecide:
    pytestmark = needs_server

    def test_a_reached_decision_prints_choice_tally_reasons_dissent_margin_and_id(self, roster):
        result = maos("decide", "Which one: a, b, or c?", "--roster", str(roster))

        assert result.exit_code == 0, result.output
        for part in ("reached: a", "a has 3 of 5 eligible", "agent_2 is for it", "Dissent", "margin    1 ballot", "d-"):
            assert part in result.stdout
        assert "simulated" not in result.stdout
        assert "agent_0 votes: a" in result.stderr

    def test_no_consensus_is_exit_code_1(self, roster):
        result = maos("decide", "Which one: a, b, or c?", "--roster", str(roster), "--algorithm", "supermajority")

        assert result.exit_code == 1
        assert "not reached: below threshold" in result.stdout

    def test_json_goes_to_stdout_alone(self, roster):
        result = maos("decide", "Which one: a, b, or c?", "--roster", str(roster), "--format", "json")

        found = json.loads(result.stdout)
        assert (found["outcome"], found["choice"], found["strength"]) == ("reached", "a", "3/5")
        assert found["task_id"] == found["decision_id"]

    def test_simulated_agents_are_announced_and_labelled(self):
        result = maos("decide", "Which one: a, b, or c?", "--max-agents", "3", "--basis", "cast")

        assert result.exit_code in (0, 1)
        assert "note: simulated agents answer" in result.stderr
        assert "simulated: 3 of 3 ballots come from a generator" in result.stdout

    def test_a_decision_is_shown_listed_and_taken_up_again(self, roster):
        made = maos("decide", "Which one: a, b, or c?", "--roster", str(roster), "--format", "json")
        name = json.loads(made.stdout)["decision_id"]
        shown = maos("show", name, "--timeline", "--votes", "--reasoning")
        listed = maos("list")
        again = maos("decide", "--resume", name, "--format", "json")

        assert re.search(r"\d\d:\d\d:\d\d - agent_0 votes: a", shown.stdout)
        assert name in listed.stdout
        assert json.loads(again.stdout) == json.loads(made.stdout)

    def test_every_flag_acts(self, roster):
        words = ["--threshold", "1", "--min-participants", "2", "--roles", "a", "--timeout", "30s", "--retries", "0"]
        words += ["--rounds", "2", "--tie-break", "chair", "--chair", "agent_0", "--veto", "agent_1", "--early-stop"]
        words += ["--domains", "", "--choices", "a,b"]
        result = maos("decide", "Which?", "--roster", str(roster), *words, "--format", "json")

        found = json.loads(result.stdout)
        opening = found["opening"]
        assert [elector["agent_id"] for elector in opening["electorate"]["electors"]] == [
            "agent_0",
            "agent_1",
            "agent_3",
        ]
        assert opening["proposal"]["choices"] == ["a", "b"]
        assert opening["parameters"] == {
            "threshold": {"share": "1", "strict": False},
            "basis": "eligible",
            "min_participants": 2,
            "tie_break": "chair",
            "chair": "agent_0",
            "veto": ["agent_1"],
            "self_approval": True,
            "justification_required": False,
            "settings": {},
            "reviewers": [],
            "signed_ballots": False,
        }


class TestRun:
    pytestmark = needs_server

    def test_the_shipped_product_development_runs_through_its_four_stages(self):
        result = maos("workflow", "run", str(WORKFLOWS / "product_development.yaml"))

        assert result.exit_code == 0, result.output
        names = ["concept_validation", "technical_feasibility", "resource_allocation", "final_approval"]
        places = [result.stdout.rindex(f"  {name} ") for name in names]
        assert places == sorted(places)
        assert "product_development: completed" in result.stdout

    def test_the_tutorials_document_runs_from_standard_input_with_its_last_stage_by_supermajority(self):
        document = json.loads(TUTORIAL.read_text())
        document["stages"][-1]["consensus_algorithm"] = "supermajority"
        result = maos("workflow", "run", "-", "--format", "json", text=json.dumps(document))

        found = json.loads(result.stdout)
        assert [stage["stage"] for stage in found["stages"]] == [stage["stage"] for stage in document["stages"]]
        assert result.exit_code == (0 if found["outcome"] == "completed" else 1)

    def test_a_run_that_stops_is_exit_code_1_and_says_where(self, tmp_path, roster):
        file = tmp_path / "w.yaml"
        stages = "  - {stage: one, question: 'a, b?', choices: [a, b, c], consensus_algorithm: supermajority}\n"
        stages += "  - {stage: two, question: ok?, choices: [a, b, c], depends_on: [one]}\n"
        file.write_text(f"workflow_name: w\nroster: {roster}\nstages:\n{stages}")
        result = maos("workflow", "run", str(file))

        assert result.exit_code == 1
        assert "skipped: one: not reached, below threshold" in " ".join(result.stdout.split())


class TestBadInput:
    def test_the_tutorials_document_unchanged_is_valid(self, monkeypatch, capsys):
        code, _, _ = typed(monkeypatch, capsys, "workflow", "validate", str(TUTORIAL))

        assert code == 0

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (["decide"], "QUESTION: is needed"),
            (["decide", "Q?", "--algorithm", "simple_majorty"], "did you mean simple_majority?"),
            (["decide", "Q?", "--threshold", "60%"], "--threshold"),
            (["decide", "Q?", "--threshold", "1.5"], "--threshold"),
            (["decide", "Q?", "--timeout", "soon"], "--timeout"),
            (["decide", "Q?", "--choices", "a,A"], "--choices"),
            (["decide", "Q?", "--min-participants", "99"], "--min-participants"),
            (["decide", "Q?", "--tie-break", "coin"], "--tie-break"),
            (["decide", "Q?", "--chair", "nobody", "--tie-break", "chair"], "--chair"),
            (["decide", "Q?", "--roster", "no/such/file.yaml"], "no/such/file.yaml"),
            (["decide", "--resume", "d-000000000000"], "no decision 'd-000000000000'"),
            (["show", "d-000000000000"], "no decision or workflow run"),
            (["workflow", "run", "no/such/file.yaml"], "no/such/file.yaml"),
            (["workflow", "list", "no/such/folder"], "is not a folder"),
        ],
    )
    def test_one_clear_error_and_exit_code_2(self, monkeypatch, capsys, words, complaint):
        code, out, err = typed(monkeypatch, capsys, *words)

        assert (code, out) == (2, "")
        assert complaint in err
        assert err.startswith("maos: error: ")
        assert "Traceback" not in err

    def test_several_wrong_flags_are_named_at_once(self, monkeypatch, capsys):
        _, _, err = typed(monkeypatch, capsys, "decide", "Q?", "--threshold", "0", "--timeout", "-1", "--basis", "some")

        assert {"--threshold", "--timeout", "--basis"} <= set(re.findall(r"--[a-z-]+", err))

    def test_nothing_is_written_for_a_question_that_cannot_be_asked(self, monkeypatch, capsys, own_home):
        typed(monkeypatch, capsys, "decide", "Q?", "--threshold", "2")

        assert not own_home.exists()

    def test_an_unknown_run_cannot_be_taken_up(self, monkeypatch, capsys):
        file = str(WORKFLOWS / "product_development.yaml")
        code, _, err = typed(monkeypatch, capsys, "workflow", "run", file, "--resume", "deadbeef")

        assert code == 2
        assert "no workflow run 'deadbeef'" in err

    def test_a_broken_store_is_one_line(self, monkeypatch, capsys, own_home):
        own_home.mkdir()
        (own_home / "audit.db").write_bytes(b"not a database" * 500)
        code, _, err = typed(monkeypatch, capsys, "list")

        assert code == 2
        assert len(err.strip().splitlines()) == 1


class TestWorkflow:
    def test_the_shipped_workflows_are_valid(self):
        files = [str(file) for file in sorted(WORKFLOWS.glob("*.yaml"))]
        result = maos("workflow", "validate", *files)

        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == len(files)

    def test_a_broken_one_among_them_is_exit_code_2(self, tmp_path):
        broken = tmp_path / "broken.yaml"
        broken.write_text("workflow_name: x\nstages: []\nsurprise: 1\n")
        result = maos("workflow", "validate", str(WORKFLOWS / "product_development.yaml"), str(broken))

        assert result.exit_code == 2
        assert "product_development, 4 stages, fine" in result.stdout
        assert "surprise" in result.stderr

    def test_show_gives_stages_in_waves(self):
        text = maos("workflow", "show", str(WORKFLOWS / "product_development.yaml"))
        plain = json.loads(
            maos("workflow", "show", str(WORKFLOWS / "product_development.yaml"), "--format", "json").stdout
        )

        assert "concept_validation" in text.stdout
        assert plain["waves"][0] == ["concept_validation"]

    def test_show_tells_open_questions_from_those_that_list_no_choices(self, tmp_path):
        stages = "{stage: name, question: What name?, open_choices: true}, {stage: ship, question: Ship it?}"
        file = tmp_path / "w.yaml"
        file.write_text(f"workflow_name: w\nstages: [{stages}]\n")
        shown = json.loads(maos("workflow", "show", str(file), "--format", "json").stdout)["stages"]

        assert {stage["stage"]: (stage["open_choices"], stage["choices"]) for stage in shown} == {
            "name": (True, []),
            "ship": (False, ["approve", "reject"]),
        }

    def test_list_names_the_broken_ones(self, tmp_path):
        (tmp_path / "good.yaml").write_text("workflow_name: good\nstages:\n  - {stage: a, question: ok?}\n")
        (tmp_path / "bad.json").write_text("{")
        text = maos("workflow", "list", str(tmp_path)).stdout
        plain = json.loads(maos("workflow", "list", str(tmp_path), "--format", "json").stdout)

        assert "broken: " in text
        assert [item["workflow_name"] for item in plain] == ["", "good"]

    def test_schema_prints_the_schema(self):
        assert json.loads(maos("workflow", "schema").stdout)["title"]


class TestRecords:
    def test_an_empty_store_says_so(self):
        assert "no decisions yet" in maos("list").stdout
        assert json.loads(maos("list", "--format", "json").stdout) == []

    def test_version_and_help(self):
        assert maos("--version").stdout.startswith("maos ")
        assert "decide" in maos("--help").stdout


class TestDoctor:
    def test_a_sound_installation_is_exit_code_0(self, prefect_address, monkeypatch):
        monkeypatch.setenv("PREFECT_API_URL", prefect_address)
        result = maos("doctor")

        assert result.exit_code == 0, result.output
        assert re.search(r"fine +fastapi: 0\.1", result.stdout)
        assert re.search(r"fine +Prefect server: http", result.stdout)
        assert "audit store" in result.stdout

    def test_what_is_wrong_is_exit_code_1_with_how_to_mend_it(self, monkeypatch, own_home):
        own_home.mkdir()
        (own_home / "audit.db").write_bytes(b"not a database" * 500)
        monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
        monkeypatch.setenv("MAOS_ROSTER", "no/such/roster.yaml")
        result = maos("doctor", "--format", "json")

        checks = {check["name"]: check for check in json.loads(result.stdout)}
        assert result.exit_code == 1
        assert {name for name, check in checks.items() if check["status"] == "wrong"} == {
            "audit store",
            "roster",
            "Prefect server",
        }
        assert all(check["mend"] for check in checks.values() if check["status"] == "wrong")

    def test_an_unknown_setting_is_found(self, monkeypatch):
        monkeypatch.setenv("MAOS_HOEM", "x")
        result = maos("doctor")

        assert result.exit_code == 1
        assert "MAOS_HOME" in result.stdout

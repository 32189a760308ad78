"""`maos debug` and isolation as a person types them."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.cli.app import main
from maos_flows.config import settings_from
from maos_flows.model import Agent, Ballot, Fault
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, open_decision

pytestmark = pytest.mark.usefixtures("home")

NAMES = tuple(f"a{place}" for place in range(7))
START = ("debug", "byzantine-simulation", "start")


class Shell:
    """Types commands, and gives what they printed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def typed(self, *words: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.argv", ["maos", *words])
        with pytest.raises(SystemExit) as left:
            main()
        printed = self._capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture
def store() -> Iterator[AuditStore]:
    with AuditStore.open(settings_from(os.environ).database_url) as opened:
        yield opened


def begin(store: AuditStore, name: str = "d-1", algorithm: str = "byzantine_tolerant") -> None:
    request = DecisionRequest("Which?", ("x", "y"), tuple(map(Agent, NAMES)), algorithm=algorithm)
    policy = built_in_policies()[algorithm]
    store.open_decision(open_decision(request, policy, decision_id=name, now=datetime.now(UTC)), request)


def close(store: AuditStore, name: str = "d-1", *faults: Fault) -> None:
    opening = store.opening(name)
    assert opening is not None
    cast = [store.record_answer(Ballot(name, agent, "x")) for agent in NAMES]
    ballots = [one for one in cast if isinstance(one, Ballot)]
    decided = decide(built_in_policies()[opening.algorithm], opening, ballots)
    store.close_decision(replace(decided, faults=faults), at=datetime.now(UTC))


def test_a_simulation_says_what_it_makes_fail_and_is_stopped(shell: Shell, store: AuditStore) -> None:
    begin(store)

    code, out, _ = shell.typed(
        *START, "--task", "d-1", "--failure-rate", "0.2", "--failure-types", "conflicting_votes", "--seed", "3"
    )
    ended, stopped, _ = shell.typed("debug", "byzantine-simulation", "stop")

    assert (code, ended) == (0, 0)
    assert "d-1: byzantine-simulation drill-" in out
    assert "1 of the 2 that can be borne fail at once" in out
    assert "conflicting votes of" in stopped
    assert shell.typed("debug", "stop") == (0, "nothing is running to be stopped\n", "")


def test_a_partition_beyond_tolerance_says_so_to_programs(shell: Shell, store: AuditStore) -> None:
    begin(store)

    code, out, _ = shell.typed(
        "debug", "network-partition", "--split-ratio", "0.4", "--duration", "120s", "--task", "d-1", "--format", "json"
    )

    said = json.loads(out)
    assert code == 0
    assert (said["most_at_once"], said["borne"], said["beyond_tolerance"]) == (3, 2, True)
    assert said["failures"][0]["kind"] == "partition"


def test_a_failing_agent_fails_wherever_it_is(shell: Shell, store: AuditStore) -> None:
    begin(store)
    begin(store, "d-2", "simple_majority")

    code, out, _ = shell.typed("debug", "simulate-failure", "--agent", "a3", "--duration", "60s")

    assert code == 0
    assert "d-1: simulate-failure" in out
    assert "d-2: simulate-failure" in out
    assert "simple_majority has no replicas" in out


def test_a_cascade_lists_its_waves(shell: Shell, store: AuditStore) -> None:
    begin(store)

    code, out, _ = shell.typed("debug", "simulate-cascading-failures", "--task", "d-1", "--seed", "1")

    assert code == 0
    assert "crash of a" in out
    assert "for 30 s" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*START, "--task", "d-9"), "there is no decision"),
        ((*START, "--task", "d-1", "--failure-rate", "1"), "--failure-rate: 1 must be above 0 and below 1"),
        ((*START, "--task", "d-1", "--failure-rate", "lots"), "--failure-rate"),
        ((*START, "--task", "d-1", "--failure-types", "crash"), "--failure-types: 'crash' is not one of"),
        ((*START, "--task", "d-1", "--failure-types", ","), "--failure-types: name at least one of"),
        ((*START, "--task", "d-1", "--duration", "soon"), "--duration: 'soon' is not a duration"),
        (("debug", "simulate-failure", "--agent", "zoe"), "no decision that is running has an agent 'zoe'"),
        (("debug", "simulate-failure", "--agent", "zoe", "--task", "d-1"), "zoe is not in the electorate of d-1"),
        (("debug", "network-partition", "--task", "d-1", "--split-ratio", "0"), "--split-ratio: 0 must be above 0"),
        (("debug", "byzantine-simulation", "stop", "--task", "d-9"), "there is no decision"),
        (("consensus", "isolate-byzantine", "--task", "d-9"), "there is no decision"),
        (("consensus", "isolate-byzantine", "--task", "d-1"), "d-1 is running"),
        (("consensus", "release", "zoe"), "'zoe' is not isolated"),
    ],
)
def test_bad_input_is_one_clear_line(shell: Shell, store: AuditStore, words: tuple[str, ...], told: str) -> None:
    begin(store)

    code, out, err = shell.typed(*words)

    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_drill_on_a_decision_that_is_over_is_refused(shell: Shell, store: AuditStore) -> None:
    begin(store)
    close(store)

    code, _, err = shell.typed(*START, "--task", "d-1")

    assert code == 2
    assert "decision d-1 is over" in err


def test_b81_production_refuses_drills(shell: Shell, store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """B81."""
    begin(store)
    monkeypatch.setenv("MAOS_CONSENSUS__PRODUCTION_MODE", "true")

    code, _, err = shell.typed(*START, "--task", "d-1")

    assert code == 2
    assert "consensus.production_mode is true" in err
    assert store.drills.on("d-1") == ()


def test_who_is_proven_faulty_is_isolated_and_released(shell: Shell, store: AuditStore) -> None:
    begin(store)
    close(store, "d-1", Fault("a3", "equivocation", is_proof=True), Fault("a4", "disputed", is_proof=False))

    code, out, _ = shell.typed("consensus", "isolate-byzantine", "--task", "d-1")
    listed = shell.typed("consensus", "isolated", "--format", "json")[1]
    released = shell.typed("consensus", "release", "a3")

    assert code == 0
    assert "a3 is isolated, for proof of equivocation in d-1" in out
    assert [one["agent_id"] for one in json.loads(listed)] == ["a3"]
    assert released == (0, "a3 may be in electorates again\n", "")
    assert shell.typed("consensus", "isolated")[1] == "no agent is isolated\n"


def test_suspicion_isolates_nobody(shell: Shell, store: AuditStore) -> None:
    begin(store)
    close(store, "d-1", Fault("a4", "disputed", is_proof=False))

    assert "proves nobody faulty" in shell.typed("consensus", "isolate-byzantine", "--task", "d-1")[1]

"""What a submitted question bears, and how long its replicas can be watched."""

from dataclasses import replace

import pytest

from maos_flows.cli.enduring import SHOWN_SECONDS, enduring, watchable
from maos_flows.errors import ConfigurationError
from maos_flows.model import Agent
from maos_flows.request import DecisionRequest

pytestmark = pytest.mark.usefixtures("home")


def asked(size: int, algorithm: str = "byzantine_tolerant", voter: str = "simulated") -> DecisionRequest:
    agents = tuple(Agent(f"a{place}", voter=voter) for place in range(size))
    return DecisionRequest("Which?", ("x", "y"), agents, algorithm=algorithm)


def test_high_tolerance_bears_two_that_fail_and_asks_more_often() -> None:
    request = enduring(asked(9), "high")

    assert request.retries == 5


@pytest.mark.parametrize(
    ("request_", "level", "told"),
    [
        (asked(5), "high", "byzantine_tolerant among 5 agents bears 1: ask more"),
        (asked(2, "raft"), "medium", "raft among 2 agents bears 0"),
        (asked(9, "supermajority"), "low", "supermajority has no replicas"),
        (asked(9), "huge", "'huge' is not low, medium or high"),
    ],
)
def test_what_cannot_be_borne_is_refused(request_: DecisionRequest, level: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        enduring(request_, level)


@pytest.mark.parametrize("algorithm", ["raft", "byzantine_tolerant"])
def test_simulated_agents_in_the_background_take_a_time_that_can_be_watched(algorithm: str) -> None:
    request = watchable(asked(7, algorithm), "", wait=False)

    thinking = request.agents[0].settings["thinking_time"][1]
    assert request.watch_seconds + thinking == pytest.approx(SHOWN_SECONDS)
    assert thinking <= request.timeout_seconds / 2


@pytest.mark.parametrize("text", ["", "0s"])
def test_whoever_waits_or_says_so_is_not_kept_waiting(text: str) -> None:
    assert watchable(asked(7), text, wait=not text).watch_seconds == 0


def test_agents_that_are_real_are_watched_only_where_that_is_asked_for() -> None:
    request = asked(7, "raft", voter="python")

    assert watchable(request, "", wait=False) == request
    assert watchable(request, "30s", wait=False) == replace(request, watch_seconds=30.0)


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--watch: 'soon' is not a duration"):
        watchable(asked(7), "soon", wait=False)

"""Oversight: what is asked for beside the count is written to the timeline once, checked, and told to the contacts."""

import asyncio
import json
import threading
from datetime import timedelta
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.flows.alerting import pending
from maos_flows.flows.decide import decide
from maos_flows.flows.overseeing import note_trail, note_when_slow, overseen
from maos_flows.flows.stores import audit_store
from maos_flows.model import (
    Agent,
    Ballot,
    Decision,
    Event,
    EventKind,
    Outcome,
    Oversight,
    Parameters,
    Reason,
    RejectionReason,
    Requirement,
    Rule,
    Suspicions,
)
from maos_flows.policies.deciding import decide as decide_by
from maos_flows.policies.majority import SimpleMajority
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.voters.base import utc_now
from tests.flows.making import agents, plain

NAMES = "abc"


@pytest.fixture
def store(sqlite_url):
    with AuditStore.open(sqlite_url) as opened:
        yield opened


def ruled(store: AuditStore, votes: str = "xxy", name: str = "d-1") -> Decision:
    """Open a decision in the store, cast ballots, and decide without closing it."""
    asked = DecisionRequest("Which?", ("x", "y"), tuple(Agent(name) for name in NAMES), parameters=Parameters())
    opening = store.open_decision(open_decision(asked, SimpleMajority(), decision_id=name, now=utc_now()), asked)
    cast = [Ballot(name, agent, vote, reasoning="because") for agent, vote in zip(NAMES, votes, strict=True)]
    for ballot in cast:
        store.record_answer(ballot)
    kept = [answer for answer in store.answers(name, 1) if isinstance(answer, Ballot)]
    return decide_by(SimpleMajority(), opening, kept)


def closed(store: AuditStore, votes: str, name: str) -> None:
    store.close_decision(ruled(store, votes, name), at=utc_now())


def told(store: AuditStore, kind: EventKind, name: str = "d-1") -> list[Event]:
    return [event for event in store.timeline(name) if event.kind is kind]


def test_a_trail_says_rule_weights_and_configuration_once(store):
    opening = ruled(store).opening
    oversight = Oversight(decision_type="critical", configuration="sha256:0123456789abcdef")
    note_trail(store, opening, oversight)
    note_trail(store, opening, oversight)

    (event,) = told(store, EventKind.TRAIL)
    assert (
        event.text == "under critical, simple_majority, more than half of eligible; configuration sha256:0123456789ab"
    )
    assert event.data["weights"] == dict.fromkeys(NAMES, "1: one agent, one ballot")
    assert event.data["configuration"] == "sha256:0123456789abcdef"


def test_a_decision_that_keeps_the_rules_is_reached_with_its_report(store):
    oversight = Oversight(compliance=(Requirement(Rule.ALGORITHM, "simple_majority", "some.key"),))
    decision = overseen(store, ruled(store), oversight, now=utc_now())
    kept = store.close_decision(decision, at=utc_now())

    (event,) = told(store, EventKind.COMPLIANCE)
    assert event.text == "compliance: every rule held, of 1"
    assert kept.outcome is Outcome.REACHED
    assert [row["rule"] for row in kept.details["compliance"]] == ["algorithm"]


def test_a_decision_that_breaks_a_rule_is_closed_as_not_reached(store):
    oversight = Oversight(compliance=(Requirement(Rule.THRESHOLD, "0.75", "some.key"),))
    decision = overseen(store, ruled(store), oversight, now=utc_now())
    kept = store.close_decision(decision, at=utc_now())

    assert (kept.outcome, kept.reason, kept.choice) == (Outcome.NOT_REACHED, Reason.NOT_COMPLIANT, None)
    assert told(store, EventKind.COMPLIANCE)[0].text == "compliance: broken: threshold"


def test_suspects_are_listed_and_told(store):
    decision = ruled(store)
    store.record_answer(Ballot("d-1", "a", "y", reasoning="now so"))
    watching = overseen(store, decision, Oversight(suspicions=Suspicions.BALLOTS), now=utc_now())
    free = overseen(store, decision, Oversight(), now=utc_now())

    assert [(fault.agent_id, fault.kind, fault.is_proof) for fault in watching.faults] == [
        ("a", f"{RejectionReason.CONFLICTING}_ballot", False)
    ]
    assert free.faults == ()
    assert [event.agent_id for event in told(store, EventKind.SUSPICION)] == ["a"]


def test_figures_say_how_long_and_who(store):
    decision = ruled(store)
    now = decision.opening.opened_at + timedelta(seconds=2)
    overseen(store, decision, Oversight(metrics=True), now=now)

    (event,) = told(store, EventKind.FIGURES)
    assert (event.data["seconds"], event.data["ballots"], event.data["participation"]) == (2, 3, "1")


def test_what_is_written_is_written_once_however_often_a_run_is_taken_up(store):
    decision = ruled(store)
    oversight = Oversight(
        metrics=True, suspicions=Suspicions.ALL, compliance=(), slow_seconds=0.0, failure_rate=Fraction(0)
    )
    store.record_answer(Ballot("d-1", "a", "y"))
    overseen(store, decision, oversight, now=utc_now() + timedelta(seconds=1))
    before = store.timeline("d-1")
    overseen(store, decision, oversight, now=utc_now() + timedelta(seconds=9))

    assert store.timeline("d-1") == before


@pytest.mark.parametrize(("seconds", "slow"), [(59, False), (61, True)])
def test_a_decision_that_took_long_is_noted_as_slow(store, seconds, slow):
    decision = ruled(store)
    now = decision.opening.opened_at + timedelta(seconds=seconds)
    overseen(store, decision, Oversight(slow_seconds=60.0), now=now)

    assert bool(told(store, EventKind.SLOW)) == slow


async def test_a_decision_becomes_slow_while_it_is_open(store):
    decision = ruled(store)
    is_slow = await note_when_slow(store, decision.opening, Oversight(slow_seconds=0.001), asyncio.Event())

    assert is_slow
    assert told(store, EventKind.SLOW)[0].text == "slow: open for more than 0.001 s"


async def test_a_decision_that_is_over_in_time_is_not_slow(store):
    over = asyncio.Event()
    over.set()

    assert not await note_when_slow(store, ruled(store).opening, Oversight(slow_seconds=60.0), over)
    assert not await note_when_slow(store, ruled(store).opening, Oversight(), over)
    assert told(store, EventKind.SLOW) == []


def test_failures_are_noted_when_too_many_of_the_last_failed(store):
    for number in range(3):
        closed(store, "xxx", f"d-{number + 10}")
    tie = ruled(store, "xy-")
    overseen(store, tie, Oversight(failure_rate=Fraction(1, 4)), now=utc_now())
    at_most = told(store, EventKind.FAILURE_RATE)
    overseen(store, tie, Oversight(failure_rate=Fraction(1, 5)), now=utc_now())

    (event,) = told(store, EventKind.FAILURE_RATE)
    assert at_most == []
    assert (event.data["failed"], event.data["of"], event.data["threshold"]) == (1, 4, "0.2")


def test_a_decision_that_is_reached_is_no_failure(store):
    closed(store, "xy-", "d-10")
    overseen(store, ruled(store), Oversight(failure_rate=Fraction(0)), now=utc_now())

    assert told(store, EventKind.FAILURE_RATE) == []


def events(*kinds: EventKind, **data) -> list[Event]:
    return [Event(utc_now(), kind, "a *question* @everyone", data=data) for kind in kinds]


EVERYTHING = events(EventKind.OPENED, EventKind.SLOW, EventKind.FAILURE_RATE, EventKind.DECIDED)


def test_an_emergency_is_told_when_it_opens_and_when_it_ends():
    about = [name for name, _ in pending(EVERYTHING, Oversight(emergency=True, alerts=False))]

    assert about == ["emergency_opened", "emergency_decided"]


@pytest.mark.parametrize(
    ("oversight", "at_closing", "watched"),
    [
        (Oversight(), False, False),
        (Oversight(emergency=True), False, True),
        (Oversight(slow_seconds=1.0), True, True),
        (Oversight(metrics=True), True, False),
        (Oversight(compliance=()), True, False),
        (Oversight(failure_rate=Fraction(0)), True, False),
        (Oversight(suspicions=Suspicions.ALL), True, False),
    ],
)
def test_only_what_is_asked_for_costs_anything(oversight, at_closing, watched):
    assert (oversight.is_at_closing, oversight.is_watched) == (at_closing, watched)


def test_slowness_and_failures_are_told_unless_alerts_are_off():
    assert [name for name, _ in pending(EVERYTHING, Oversight())] == ["slow", "failure_rate"]
    assert pending(EVERYTHING, Oversight(alerts=False)) == ()


def test_what_was_told_is_not_told_again():
    already = events(EventKind.ALERT, about="slow")

    assert [name for name, _ in pending([*EVERYTHING, *already], Oversight())] == ["failure_rate"]


def test_an_emergencys_alert_has_no_word_of_the_question():
    said = " ".join(text for _, text in pending(EVERYTHING, Oversight(emergency=True, alerts=False)))

    assert "@everyone" not in said


class Heard(BaseHTTPRequestHandler):
    """A webhook that keeps what it is told."""

    bodies: list[dict] = []  # noqa: RUF012 - shared on purpose

    def do_POST(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def webhook():
    Heard.bodies.clear()
    server = HTTPServer(("127.0.0.1", 0), Heard)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("prefect_address", "home")
async def test_contacts_are_told_by_their_blocks_and_who_cannot_be_is_on_record(webhook):
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    block = CustomWebhookNotificationBlock(
        name="on call", url=webhook, json_data={"text": "{{body}}"}, allow_private_urls=True
    )
    await block.save("on-call", overwrite=True)
    oversight = Oversight(
        emergency=True,
        slow_seconds=0.01,
        audit_trail=True,
        contacts=("custom-webhook/on-call", "slack-webhook/nobody"),
    )
    name = f"d-{uuid4().hex[:12]}"
    asked = plain(*agents("a", "a", "b", function="slowly_by_role"), oversight=oversight)
    await decide(asked, name, return_state=True)
    timeline = audit_store().timeline(name)
    await decide(asked, name, return_state=True)

    alerts = [event for event in timeline if event.kind is EventKind.ALERT]
    assert [event.data["about"] for event in alerts] == ["emergency_opened", "slow", "emergency_decided"]
    assert all(event.data["contacts"] == ["custom-webhook/on-call"] for event in alerts)
    assert all([*event.data["failed"]] == ["slack-webhook/nobody"] for event in alerts)
    assert [name in body["text"] for body in Heard.bodies] == [True] * 3
    assert audit_store().timeline(name) == timeline
    assert [event.kind for event in timeline][:3] == [EventKind.OPENED, EventKind.TRAIL, EventKind.ASKED]

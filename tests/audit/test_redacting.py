"""What the timeline of a sealed decision leaves out: every word for a choice, and whatever is made of ballots."""

from maos_flows.audit.redacting import SEALED, redacted
from maos_flows.audit.store import AuditStore
from maos_flows.model import Event, EventKind
from tests.audit.samples import NAMES, SOON, ballot, decision_of, opened


def test_choices_are_left_out_of_words_and_data() -> None:
    data = {"entry": "BALLOT of ada for x", "list": ["x", ("y", 3)], "y": True, "choices": {"a": "x1"}}
    event = redacted(Event(SOON, EventKind.VOTE, "ada is for x, exactly", "ada", data=data), ("x", "y"))

    assert event.text == f"ada is for {SEALED}, exactly"
    assert event.data == {
        "entry": f"BALLOT of ada for {SEALED}",
        "list": [SEALED, [SEALED, 3]],
        SEALED: True,
        "choices": {"a": "x1"},
    }


def test_the_longer_of_two_choices_is_left_out_whole() -> None:
    assert redacted(Event(SOON, EventKind.VOTE, "buy now"), ("buy", "buy now")).text == SEALED


def test_events_made_of_ballots_say_nothing(store: AuditStore) -> None:
    opened(store, sealed=True)
    for name in NAMES:
        store.record_answer(ballot(name))
    told = Event(SOON, EventKind.CHANGED_MIND, "ada from x to y", data={"round": 2, "changes": {"ada": ["x", "y"]}})
    store.note("d-1", told)
    store.close_decision(decision_of(store), at=SOON)
    store.note("d-1", Event(SOON, EventKind.ALERT, "PostgreSQL it is"))

    events = store.timeline("d-1")
    (event,) = [event for event in events if event.kind is EventKind.CHANGED_MIND]
    assert (event.text, event.data) == ("changed mind: not told, for the ballots are sealed", {"round": 2})
    assert events[-1].text == "PostgreSQL it is"


def test_a_timeline_of_open_ballots_says_all(store: AuditStore) -> None:
    opened(store)

    assert store.note("d-1", Event(SOON, EventKind.VOTE, "PostgreSQL")).text == "PostgreSQL"

"""What is on record of agents over many decisions."""

from dataclasses import replace

from maos_flows.audit.store import AuditStore
from maos_flows.model import AbsenceKind, Fault
from tests.audit.samples import SOON, absence, ballot, decision_of, opened, opening_of, request_to


def held(store: AuditStore, name: str, **choices: str) -> None:
    """Decide among three; `none` is for an agent that failed."""
    opened(store, name, *choices)
    for agent, choice in choices.items():
        if choice == "none":
            store.record_answer(absence(agent, AbsenceKind.FAILED, decision_id=name))
        else:
            store.record_answer(ballot(agent, choice, decision_id=name, seconds=3.0 if agent == "ada" else 1.0))
    store.close_decision(decision_of(store, name), at=SOON)


def test_conduct_counts_answers_absences_and_minorities(store: AuditStore) -> None:
    held(store, "d-1", ada="PostgreSQL", bob="PostgreSQL", cyd="MongoDB")
    held(store, "d-2", ada="PostgreSQL", bob="PostgreSQL", cyd="none")
    held(store, "d-3", ada="PostgreSQL", bob="MongoDB", cyd="abstain")

    cyd, ada = store.conduct(["cyd", "ada"])
    assert (cyd.agent_id, cyd.decisions, cyd.ballots, cyd.absences) == ("cyd", 3, 2, {"failed": 1})
    assert (cyd.stood, cyd.minority) == (1, 1)
    assert (ada.stood, ada.minority, ada.absences, ada.median_seconds) == (2, 0, {}, 3.0)


def test_being_in_the_minority_is_no_fault_however_often(store: AuditStore) -> None:
    """B16."""
    for number in range(20):
        held(store, f"d-{number}", ada="PostgreSQL", bob="PostgreSQL", cyd="MongoDB")

    (cyd,) = store.conduct(["cyd"])
    assert (cyd.minority, cyd.stood) == (20, 20)
    assert (cyd.proven, cyd.suspected, cyd.rejected) == ({}, {}, {})


def test_yes_to_one_and_no_to_another_is_no_fault(store: AuditStore) -> None:
    """B15."""
    held(store, "d-1", ada="PostgreSQL", bob="PostgreSQL", cyd="PostgreSQL")
    held(store, "d-2", ada="MongoDB", bob="MongoDB", cyd="MongoDB")

    assert [(one.proven, one.suspected) for one in store.conduct(["ada", "bob", "cyd"])] == [({}, {})] * 3


def test_rejected_ballots_and_faults_are_counted_by_kind(store: AuditStore) -> None:
    opened(store)
    store.record_answer(ballot("ada"))
    store.record_answer(ballot("ada", "MongoDB"))
    faults = (Fault("ada", "equivocation", is_proof=True), Fault("bob", "disputed", is_proof=False))
    store.close_decision(replace(decision_of(store), faults=faults), at=SOON)

    ada, bob = store.conduct(["ada", "bob"])
    assert (ada.rejected, ada.proven, ada.suspected) == ({"conflicting": 1}, {"equivocation": 1}, {})
    assert (bob.rejected, bob.proven, bob.suspected) == ({}, {}, {"disputed": 1})


def test_only_the_last_round_says_where_an_agent_stood(store: AuditStore) -> None:
    opened(store, "d-1", "ada", "bob", "cyd")
    store.record_answer(ballot("ada", "MongoDB"))
    store.open_round(opening_of(request_to("ada", "bob", "cyd"), round_number=2))
    for agent in ("ada", "bob", "cyd"):
        store.record_answer(ballot(agent, round=2))
    store.close_decision(decision_of(store), at=SOON)

    (ada,) = store.conduct(["ada"])
    assert (ada.decisions, ada.ballots, ada.stood, ada.minority) == (1, 2, 1, 0)


def test_older_decisions_than_asked_for_and_strangers_do_not_count(store: AuditStore) -> None:
    for number in range(3):
        held(store, f"d-{number}", ada="PostgreSQL", bob="PostgreSQL")

    ada, nobody = store.conduct(["ada", "nobody"], limit=2)
    assert (ada.decisions, ada.ballots) == (2, 2)
    assert (nobody.decisions, nobody.ballots, nobody.median_seconds) == (0, 0, None)

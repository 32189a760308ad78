"""Answers of people: on record once, the first one counting, whoever brings them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError
from maos_flows.keys import KeyFolder
from maos_flows.model import AuthClass, Ballot, EventKind, Parameters
from maos_flows.model.people import Answered, NoteKind
from maos_flows.people.answering import answer, cast_for_absent, is_due
from maos_flows.people.asking import ask_for_ballot, current, remind
from maos_flows.people.inbox import find_question, inbox
from maos_flows.people.proving import signed
from maos_flows.signing import SigningKey
from tests.audit.samples import DEADLINE, NOON, absence, decision_of, run_of
from tests.people.asked import LATER, asked_of, person, put, request_to_people, said

NO_KEYS = KeyFolder(Path("/nowhere"))


def cast(store: AuditStore, decision_id: str = "d-1") -> dict[str, str]:
    answers = store.answers(decision_id, 1)
    return {given.agent_id: given.choice for given in answers if isinstance(given, Ballot)}


def test_an_answer_is_the_persons_ballot(here):
    _, asked = asked_of(here, person("ada"), person("bob"))

    said(here, asked["ada"], " PostgreSQL ", reasoning="it joins", confidence=Fraction(9, 10))

    (ballot,) = here.answers("d-1", 1)
    assert (ballot.choice, ballot.reasoning, ballot.confidence) == ("PostgreSQL", "it joins", Fraction(9, 10))
    assert (ballot.voter, ballot.auth_class, ballot.received_at) == ("human", AuthClass.IN_PROCESS, LATER)
    assert current(here, asked["ada"].question).answer.choice == "PostgreSQL"


def test_b70_several_people_answer_each_on_their_own(store):
    """B70: several pending in parallel, each resumable on its own; duplicates idempotent; the invalid asks again."""
    _, asked = asked_of(store, person("ada"), person("bob"), person("cyd"))

    said(store, asked["bob"], "MongoDB")
    with pytest.raises(ConfigurationError, match="'Postgre' is not one of PostgreSQL, MongoDB, abstain"):
        said(store, asked["ada"], "Postgre")
    said(store, asked["ada"], "PostgreSQL")
    said(store, asked["ada"], "PostgreSQL")

    assert cast(store) == {"ada": "PostgreSQL", "bob": "MongoDB"}
    assert [item.by for item in inbox(store, now=LATER)] == ["cyd"]
    assert store.rejected("d-1", 1) == ()


def test_b70_the_first_of_two_answers_counts_and_the_other_is_told(store):
    """B70: the same person in Prefect and in a shell."""
    _, asked = asked_of(store, person("ada"))
    said(store, asked["ada"], "PostgreSQL", via="form")

    with pytest.raises(ConflictError, match="ada answered 'PostgreSQL' in Prefect before; the first answer counts"):
        said(store, asked["ada"], "MongoDB")

    assert cast(store) == {"ada": "PostgreSQL"}
    assert store.rejected("d-1", 1) == ()


def test_b70_of_many_answers_at_once_one_is_taken(store):
    """B70: whatever processes they come from."""
    _, asked = asked_of(store, person("ada"))

    def vote(choice: str) -> str:
        given = Answered(choice, "ada")
        try:
            answer(store, asked["ada"].question, given, at=LATER, keys=NO_KEYS)
        except ConflictError:
            return ""
        return choice

    with ThreadPoolExecutor(4) as pool:
        taken = set(pool.map(vote, ["PostgreSQL", "MongoDB"] * 4)) - {""}
    noted = [note for note in store.people.of("d-1")[0].notes if note.kind is NoteKind.ANSWERED]
    assert (len(noted), taken) == (1, {cast(store)["ada"]})


def test_nobody_is_asked_twice_however_often_a_decision_is_taken_up(here):
    request = request_to_people(person("ada"))
    opening, asked = asked_of(here, person("ada"))

    again = ask_for_ballot(here, person("ada"), opening, request, now=NOON + timedelta(seconds=9))

    assert again == asked["ada"]
    told = [event for event in here.timeline("d-1") if event.kind is EventKind.PERSON]
    assert [event.text for event in told] == ["ada is asked, until 2026-03-01 12:01:00 UTC"]


def test_after_the_deadline_no_answer_counts(here):
    _, asked = asked_of(here, person("ada"))

    with pytest.raises(ConflictError, match="the time to answer was over at 2026-03-01 12:01:00 UTC"):
        said(here, asked["ada"], "PostgreSQL", at=DEADLINE + timedelta(microseconds=1))

    assert here.answers("d-1", 1) == ()
    assert inbox(here, now=DEADLINE) == ()


def test_a_persons_own_time_ends_before_the_decisions(here):
    _, asked = asked_of(here, person("ada", timeout=10.0))

    assert asked["ada"].question.deadline == NOON + timedelta(seconds=10)


def test_what_is_not_awaited_any_more_is_refused(here):
    _, asked = asked_of(here, person("ada"), person("bob"))
    here.record_answer(absence("ada"))

    with pytest.raises(ConflictError, match="the ballot of ada is not awaited any more"):
        said(here, asked["ada"], "PostgreSQL")
    said(here, asked["bob"], "MongoDB")
    here.close_decision(decision_of(here), at=LATER)
    with pytest.raises(ConflictError, match="goes on without ada"):
        said(here, asked["ada"], "PostgreSQL")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"confidence": Fraction(3, 2)}, "--confidence: 3/2 is not in 0..1"),
        ({"veto": True}, "--veto: ada has no right to veto here"),
        ({"by": "eve"}, "--as: 'eve' is not asked here; ada may answer"),
    ],
)
def test_answers_that_cannot_be_are_refused_and_nothing_is_kept(here, fields, told):
    _, asked = asked_of(here, person("ada"))

    with pytest.raises(ConfigurationError, match=told.replace(".", r"\.")):
        said(here, asked["ada"], "PostgreSQL", **fields)

    assert (here.answers("d-1", 1), here.rejected("d-1", 1)) == ((), ())


def test_reasons_are_asked_for_where_they_must_be_given(here):
    _, asked = asked_of(here, person("ada"), parameters=Parameters(justification_required=True))

    with pytest.raises(ConfigurationError, match="--reasoning: is needed here"):
        said(here, asked["ada"], "PostgreSQL", reasoning="  ")


def test_a_veto_is_the_persons_own_with_a_reason(here):
    _, asked = asked_of(here, person("ada"), person("bob"), parameters=Parameters(veto=("ada",)))

    said(here, asked["ada"], "abstain", veto=True, reasoning="it breaks the law")

    assert here.answers("d-1", 1)[0].veto


# --- who it is -----------------------------------------------------------------------------------------------------


KEY = SigningKey.generate()


def test_with_a_key_in_the_roster_only_a_signed_answer_counts(here):
    opening, asked = asked_of(here, person("ada", public_key=KEY.public))
    given = Answered("PostgreSQL", "ada", "it joins")

    with pytest.raises(ConfigurationError, match="counts only signed by its key"):
        answer(here, asked["ada"].question, given, at=LATER, keys=NO_KEYS)
    proven = signed(asked["ada"].question, given, opening, KEY)
    answer(here, asked["ada"].question, proven, at=LATER, keys=NO_KEYS)

    (ballot,) = here.answers("d-1", 1)
    assert (ballot.auth_class, ballot.signature) == (AuthClass.HUMAN, proven.signature)


@pytest.mark.parametrize("change", [{"choice": "MongoDB"}, {"reasoning": "no"}, {"confidence": Fraction(1)}])
def test_a_signature_holds_for_the_answer_as_it_stands(here, change):
    opening, asked = asked_of(here, person("ada", public_key=KEY.public))
    proven = signed(asked["ada"].question, Answered("PostgreSQL", "ada", "it joins"), opening, KEY)

    with pytest.raises(ConfigurationError, match="counts only signed by its key"):
        answer(here, asked["ada"].question, replace(proven, **change), at=LATER, keys=NO_KEYS)


def test_a_signature_holds_for_one_decision_only(here):
    opening, asked = asked_of(here, person("ada", public_key=KEY.public))
    _, others = asked_of(here, person("ada", public_key=KEY.public), decision_id="d-2")
    proven = signed(asked["ada"].question, Answered("PostgreSQL", "ada"), opening, KEY)

    with pytest.raises(ConfigurationError, match="counts only signed by its key"):
        answer(here, others["ada"].question, proven, at=LATER, keys=NO_KEYS)


# --- deputies ------------------------------------------------------------------------------------------------------


def pair(store: AuditStore, **fields):
    people = (person("ada", deputy="bob", **fields), person("bob"), person("cyd"))
    return asked_of(store, *people)


def test_b42_a_delegator_who_votes_overrides_the_deputy(store):
    """B42: the person's own word counts, also after the deputy's."""
    _, asked = pair(store)

    said(store, asked["ada"], "MongoDB", by="bob")
    said(store, asked["ada"], "PostgreSQL")

    assert cast(store) == {"ada": "PostgreSQL"}


def test_b42_a_deputys_word_is_one_ballot_with_the_delegators_weight(store):
    """B42: delegated weight is never counted twice."""
    opening, asked = pair(store)
    said(store, asked["ada"], "MongoDB", by="bob")
    said(store, asked["bob"], "MongoDB")
    before = is_due(store, current(store, asked["ada"].question), opening, at=LATER)
    said(store, asked["cyd"], "PostgreSQL")
    stood_in = current(store, asked["ada"].question)

    assert (before, is_due(store, stood_in, opening, at=LATER)) == (False, True)
    cast_for_absent(store, stood_in, at=LATER, keys=NO_KEYS)
    decision = decision_of(store)
    assert (decision.tally.units, decision.tally.participants) == ({"PostgreSQL": 1, "MongoDB": 2}, 3)
    (of_ada,) = (ballot for ballot in decision.ballots if ballot.agent_id == "ada")
    assert of_ada.attributes == {"deputy": "bob"}


def test_b42_a_deputys_word_counts_at_the_deadline(store):
    """B42: as it was given, in time."""
    opening, asked = pair(store)
    said(store, asked["ada"], "MongoDB", by="bob")
    stood_in = current(store, asked["ada"].question)

    assert is_due(store, stood_in, opening, at=DEADLINE)
    cast_for_absent(store, stood_in, at=DEADLINE + timedelta(seconds=1), keys=NO_KEYS)
    assert cast(store) == {"ada": "MongoDB"}


def test_b42_nobody_else_answers_for_a_person_and_a_deputy_says_it_once(store):
    """B42: no delegate is unknown."""
    _, asked = pair(store)

    with pytest.raises(ConfigurationError, match="'cyd' is not asked here; ada, bob may answer"):
        said(store, asked["ada"], "MongoDB", by="cyd")
    said(store, asked["ada"], "MongoDB", by="bob")
    with pytest.raises(ConflictError, match="bob answered 'MongoDB' in a shell before"):
        said(store, asked["ada"], "PostgreSQL", by="bob")


def test_a_deputy_proves_itself_by_its_own_key(here):
    people = (person("ada", deputy="bob"), person("bob", public_key=KEY.public))
    opening, asked = asked_of(here, *people)
    given = Answered("PostgreSQL", "bob")

    with pytest.raises(ConfigurationError, match="an answer of bob counts only signed by its key"):
        answer(here, asked["ada"].question, given, at=LATER, keys=NO_KEYS)
    answer(here, asked["ada"].question, signed(asked["ada"].question, given, opening, KEY), at=LATER, keys=NO_KEYS)

    assert current(here, asked["ada"].question).stood_in.by == "bob"


# --- the inbox and reminders ---------------------------------------------------------------------------------------


def test_the_inbox_lists_what_waits_for_each_and_for_deputies(here):
    _, asked = pair(here)

    waiting = {(item.by, item.on_behalf_of) for item in inbox(here, now=LATER)}

    assert waiting == {("ada", ""), ("bob", "ada"), ("bob", ""), ("cyd", "")}
    said(here, asked["bob"], "MongoDB")
    assert [(item.by, item.on_behalf_of) for item in inbox(here, now=LATER, by="bob")] == [("bob", "ada")]


def test_what_somebody_answers_is_its_own_question_first_then_anothers(here):
    _, asked = pair(here)

    assert find_question(here, "d-1", by="bob").question.person.agent_id == "bob"
    assert find_question(here, "d-1", by="bob", on_behalf_of="ada").question.person.agent_id == "ada"
    said(here, asked["bob"], "MongoDB")
    assert find_question(here, "d-1", by="bob").question.person.agent_id == "ada"


def test_a_deputy_of_several_says_for_whom(here):
    asked_of(here, person("ada", deputy="cyd"), person("bob", deputy="cyd"), deputies=(person("cyd"),))

    with pytest.raises(ConfigurationError, match="--for: cyd may answer for ada, bob; say for whom"):
        find_question(here, "d-1", by="cyd")


def test_who_is_not_asked_is_told_who_is(here):
    asked_of(here, person("ada"))

    with pytest.raises(NotFoundError, match="'eve' is not asked in d-1; ada may answer"):
        find_question(here, "d-1", by="eve")
    with pytest.raises(NotFoundError, match="nobody is asked anything in 'd-9'; `maos inbox` lists what waits"):
        find_question(here, "d-9", by="eve")


def test_who_names_a_run_is_told_in_which_of_its_decisions_it_is_asked(here):
    here.open_run(run_of("r-1"))
    asked_of(here, person("ada"), decision_id="r-1-review", run_id="r-1")

    with pytest.raises(NotFoundError, match="nobody is asked anything in 'r-1'; ada is asked in r-1-review"):
        find_question(here, "r-1", by="ada")
    with pytest.raises(NotFoundError, match="nobody is asked anything in 'r-1'; `maos inbox`"):
        find_question(here, "r-1", by="eve")


def test_reminders_come_at_half_and_at_a_tenth_of_the_time_once_each(here):
    _, asked = asked_of(here, person("ada"))
    instants = [NOON + timedelta(seconds=seconds) for seconds in (29, 30, 31, 54, 55)]

    assert [remind(here, asked["ada"], now=now) for now in instants] == [False, True, False, True, False]
    told = [event.text for event in here.timeline("d-1") if event.data.get("what") == "reminded"]
    assert told == ["ada is reminded: 30 s left", "ada is reminded: 6 s left"]


def test_reminders_can_be_set_and_two_that_are_due_at_once_are_one_word(here):
    _, asked = asked_of(here, person("ada", remind=[50.0, 20.0, 900.0]))

    assert remind(here, asked["ada"], now=DEADLINE - timedelta(seconds=10))
    assert not remind(here, asked["ada"], now=DEADLINE - timedelta(seconds=9))
    assert len([event for event in here.timeline("d-1") if event.data.get("what") == "reminded"]) == 1


def test_a_decision_that_waits_for_a_person_is_not_taken_for_abandoned(here):
    put(here, "olga")

    assert here.overdue(before=DEADLINE + timedelta(seconds=1)) == (("d-1", ""),)
    assert here.overdue(before=DEADLINE) == ()

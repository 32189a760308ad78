"""People asked by the flow of a decision, on a real Prefect server: forms, shells, expiry, overseers, resumption."""

import asyncio
from uuid import uuid4

import pytest
from prefect import get_client
from prefect.client.schemas.objects import StateType

from maos_flows.audit.store import AuditStore
from maos_flows.config.keyring import keys_here
from maos_flows.flows.decide import decide
from maos_flows.flows.stores import audit_store
from maos_flows.model import AbsenceKind, Decision, EventKind, Outcome, Reason, TieBreak
from maos_flows.model.people import Answered, Asked, NoteKind, Overseers, QuestionKind
from maos_flows.people.answering import answer
from maos_flows.signing import SigningKey
from maos_flows.voters.base import utc_now
from tests.flows.making import agents, plain
from tests.people.asked import person

pytestmark = pytest.mark.usefixtures("prefect_address", "home")
SECONDS = 60.0


class Running:
    """A decision that is being made."""

    def __init__(self, *asked, **fields):
        self.id = f"d-{uuid4().hex[:12]}"
        self.store: AuditStore = audit_store()
        self._asked, self._fields = asked, {"timeout_seconds": SECONDS, **fields}
        self.begin()

    def begin(self) -> None:
        self.task = asyncio.create_task(self._decide())

    async def _decide(self) -> Decision:
        await decide(plain(*self._asked, **self._fields), self.id, return_state=True)
        decision = self.store.decision(self.id)
        assert decision is not None
        return decision

    async def asked(self, name: str, kind: QuestionKind = QuestionKind.BALLOT, *, form: bool = True) -> Asked:
        """Wait until somebody is asked, and has a form."""
        for _ in range(600):
            for asked in await asyncio.to_thread(self.store.people.of, self.id):
                question = asked.question
                is_it = (question.person.agent_id, question.kind) == (name, kind)
                if is_it and (not form or asked.note(NoteKind.FORM) is not None):
                    return asked
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name} is not asked")

    async def say(self, asked: Asked, choice: str) -> None:
        """Answer as a shell does."""
        given = Answered(choice, asked.question.person.agent_id)
        await asyncio.to_thread(answer, self.store, asked.question, given, at=utc_now(), keys=keys_here())

    async def ended(self) -> Decision:
        async with asyncio.timeout(SECONDS):
            return await self.task


def run_of(asked: Asked) -> str:
    form = asked.note(NoteKind.FORM)
    assert form is not None
    return str(form.data["flow_run"])


async def fill_in(asked: Asked, **values) -> str:
    """Fill in a form as Prefect's UI does; gives what Prefect says to it."""
    async with get_client() as client:
        said = await client.request("POST", f"/flow_runs/{run_of(asked)}/resume", json={"run_input": values})
        return said.json()["status"]


async def state_of(asked: Asked):
    async with get_client() as client:
        return (await client.read_flow_run(run_of(asked))).state


async def test_b70_people_answer_in_forms_and_in_shells_each_on_their_own():
    """B70: in parallel; what is invalid is asked for again; the run that was paused is resumed."""
    running = Running(person("ada"), person("bob"))
    ada, bob = await running.asked("ada"), await running.asked("bob")

    assert (await state_of(ada)).type is StateType.PAUSED
    assert await fill_in(ada, choice="maybe") == "REJECT"
    assert await fill_in(ada, choice="a", reasoning="it is ready", confidence=0.9) == "ACCEPT"
    await running.say(bob, "a")
    decision = await running.ended()
    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "a")
    assert [(ballot.agent_id, ballot.reasoning) for ballot in decision.ballots] == [("ada", "it is ready"), ("bob", "")]
    assert [(await state_of(asked)).name for asked in (ada, bob)] == ["Answered", "Answered in a shell"]


async def test_what_a_form_cannot_have_known_to_be_wrong_is_asked_for_again():
    running = Running(person("ada"), parameters={"justification_required": True}, deputies=())
    ada = await running.asked("ada")

    assert await fill_in(ada, choice="a", reasoning="   ") == "ACCEPT"
    for _ in range(200):
        state = await state_of(ada)
        if state.type is StateType.PAUSED and "again" in (state.message or ""):
            break
        await asyncio.sleep(0.05)
    assert "--reasoning: is needed here" in (state.message or "")
    assert await fill_in(ada, choice="a", reasoning="it is ready") == "ACCEPT"
    assert (await running.ended()).choice == "a"


async def test_without_an_answer_nothing_is_reached():
    running = Running(person("ada"), person("bob"), timeout_seconds=2.0)
    ada = await running.asked("ada")

    decision = await running.ended()
    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.DEADLINE_PASSED)
    assert {absence.kind for absence in decision.absences} == {AbsenceKind.TIMED_OUT}
    assert (await state_of(ada)).type is StateType.CANCELLED


async def test_a_decision_that_died_is_taken_up_and_nobody_is_asked_twice():
    running = Running(person("ada"), person("bob"))
    ada, bob = await running.asked("ada"), await running.asked("bob")
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)
    assert await fill_in(ada, choice="a") == "ACCEPT"
    await running.say(bob, "a")

    running.begin()
    decision = await running.ended()

    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "a")
    noted = [note.kind for one in running.store.people.of(running.id) for note in one.notes]
    assert noted.count(NoteKind.FORM) == len(running.store.people.of(running.id)) == 2


async def test_who_has_a_key_has_no_form():
    running = Running(person("ada", public_key=SigningKey.generate().public), timeout_seconds=1.0)
    ada = await running.asked("ada", form=False)

    await running.ended()
    assert ada.note(NoteKind.FORM) is None
    assert running.store.people.of(running.id)[0].note(NoteKind.FORM) is None


async def test_b42_a_deputys_word_counts_once_nobody_else_is_awaited():
    """B42: with the delegator's weight."""
    running = Running(person("ada", deputy="bob"), person("bob"))
    ada, bob = await running.asked("ada"), await running.asked("bob")

    assert await fill_in(ada, choice="a", answered_by="bob") == "ACCEPT"
    assert await fill_in(bob, choice="a") == "ACCEPT"
    decision = await running.ended()

    assert (decision.choice, decision.tally.participants) == ("a", 2)
    assert decision.ballots[0].attributes == {"deputy": "bob"}


OVERSEEN = Overseers((person("olga", role="overseer"), person("otto", role="overseer")), SECONDS)


async def test_b54_a_tie_is_an_overseers_to_break():
    """B54: outcome `overridden`, with the tally it overrode."""
    running = Running(*agents("a", "b"), parameters={"tie_break": TieBreak.HUMAN}, overseers=OVERSEEN)
    olga, otto = [await running.asked(name, QuestionKind.DECIDE) for name in ("olga", "otto")]

    assert await fill_in(olga, choice="b", reasoning="it is cheaper") == "ACCEPT"
    decision = await running.ended()
    assert (decision.outcome, decision.reason, decision.choice) == (Outcome.OVERRIDDEN, Reason.HUMAN_DECIDED, "b")
    assert decision.tally.units == {"a": 1, "b": 1, "c": 0}
    assert [(await state_of(asked)).type for asked in (olga, otto)] == [StateType.COMPLETED, StateType.CANCELLED]


async def test_b55_an_escalation_that_nobody_answers_expires():
    """B55: never auto-approved."""
    overseers = Overseers(OVERSEEN.agents, 1.5)
    running = Running(*agents("a", "b", "c"), escalate=True, overseers=overseers)

    decision = await running.ended()
    assert (decision.outcome, decision.reason, decision.choice) == (Outcome.ESCALATED, Reason.EXPIRED, None)


async def test_who_confirms_a_decision_sees_how_it_came_about_and_once_if_it_is_taken_up():
    overseers = Overseers(OVERSEEN.agents, SECONDS, must_confirm=True)
    running = Running(*agents("a", "a", "b"), algorithm="raft", overseers=overseers)
    await running.asked("olga", QuestionKind.CONFIRM)
    told = running.store.timeline(running.id)
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)

    running.begin()
    await running.say(await running.asked("olga", QuestionKind.CONFIRM), "approve")

    assert (await running.ended()).outcome is Outcome.REACHED
    for timeline in (told, running.store.timeline(running.id)):
        assert [event.kind for event in timeline].count(EventKind.LEADER) == 1


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        ("approve", Outcome.REACHED, Reason.THRESHOLD_MET),
        ("reject", Outcome.NOT_REACHED, Reason.DECLINED),
    ],
)
async def test_what_must_be_confirmed_waits_for_a_person(said, outcome, reason):
    running = Running(*agents("a", "a"), overseers=Overseers(OVERSEEN.agents, SECONDS, must_confirm=True))
    olga = await running.asked("olga", QuestionKind.CONFIRM)

    assert running.store.decision(running.id) is None
    await running.say(olga, said)
    decision = await running.ended()
    assert (decision.outcome, decision.reason) == (outcome, reason)


async def test_b55_what_nobody_confirms_is_not_reached():
    """B55: silence is no approval."""
    running = Running(*agents("a", "a"), overseers=Overseers(OVERSEEN.agents, 1.0, must_confirm=True))

    decision = await running.ended()
    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.UNCONFIRMED)

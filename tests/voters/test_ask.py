"""Asking: retries, timeouts and the deadline; an answer belongs to the agent that gave it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from maos_flows.model import AbsenceKind, Agent, AuthClass, Ballot, Proposal
from maos_flows.voters import VOTERS, Backoff, ask
from maos_flows.voters.asking import UNBOUNDED_SECONDS
from maos_flows.voters.base import AskingForBallot

COUNTING = """
    from itertools import count
    calls = count(1)
    def vote(asked):
        call = next(calls)
        return {}
    """


async def test_a_ballot_says_where_it_belongs(proposal, function):
    before = datetime.now(UTC)

    ballot = await ask(function("def vote(asked): return 'MongoDB'"), proposal)

    assert isinstance(ballot, Ballot)
    assert (ballot.decision_id, ballot.agent_id, ballot.round) == ("d-1", "ada", 1)
    assert ballot.auth_class is AuthClass.IN_PROCESS
    assert before <= ballot.received_at <= datetime.now(UTC)
    assert 0 < ballot.seconds < 10


async def test_the_coordinators_clock_is_the_one_given(proposal):
    instant = datetime(2020, 1, 1, tzinfo=UTC)

    ballot = await ask(Agent("ada"), proposal, now=lambda: instant)

    assert ballot.received_at == instant


async def test_nobody_is_asked_after_the_deadline(function, proposal_within, tmp_path):
    agent = function(f"import pathlib\ndef vote(asked): pathlib.Path({str(tmp_path)!r}, 'asked').touch()")

    absence = await ask(agent, proposal_within(-1))

    assert absence.kind is AbsenceKind.TIMED_OUT
    assert absence.explanation == "the deadline had passed before it was asked"
    assert not (tmp_path / "asked").exists()


async def test_b45_a_deadline_sixty_days_away_is_not_immediate(function, proposal_within):
    ballot = await ask(function("def vote(asked): return 'MongoDB'"), proposal_within(60 * 24 * 3600))

    assert ballot.choice == "MongoDB"


async def test_b57_a_choice_that_is_none_is_asked_for_again(function, proposal, soon):
    agent = function(COUNTING.format("'MongoDB' if call == 3 else 'I do not approve'"))

    ballot = await ask(agent, proposal, retries=2, backoff=soon)

    assert ballot.choice == "MongoDB"


async def test_b33_a_choice_that_stays_none_is_a_ballot_for_scrutiny_to_reject(function, proposal, soon):
    agent = function(COUNTING.format("{'choice': 'mongodb', 'call': call}"))

    ballot = await ask(agent, proposal, retries=2, backoff=soon)

    assert (ballot.choice, ballot.attributes) == ("mongodb", {"call": 3})


@pytest.mark.parametrize("choice", ["MongoDB ", " abstain\n"])
async def test_b33_spaces_around_a_choice_are_no_reason_to_ask_again(choice, function, proposal):
    agent = function(COUNTING.format(f"{{'choice': {choice!r}, 'call': call}}"))

    ballot = await ask(agent, proposal)

    assert (ballot.choice, ballot.attributes) == (choice, {"call": 1})


async def test_a_well_formed_answer_outlives_a_later_failure(function, proposal_within, soon):
    raising = function(COUNTING.format("'maybe' if call == 1 else 1 / 0"), "raising")
    hanging = function(COUNTING.format("'maybe' if call == 1 else __import__('time').sleep(60)"), "hanging")

    ballots = [await ask(agent, proposal_within(1), backoff=soon) for agent in (raising, hanging)]

    assert [ballot.choice for ballot in ballots] == ["maybe", "maybe"]


async def test_a4_malformed_answers_are_asked_for_again_within_a_bound(function, proposal, soon):
    agent = function(COUNTING.format("{'choice': 'MongoDB', 'confidence': str(call)}"))

    absence = await ask(agent, proposal, retries=2, backoff=soon)

    assert absence.kind is AbsenceKind.FAILED
    assert absence.explanation == (
        "asked 3 times: a malformed answer: confidence: a confidence is a number from 0 to 1"
    )


async def test_an_agents_own_settings_go_first(function, proposal, soon):
    agent = function("import time\ndef vote(asked): time.sleep(60)", retries=1, timeout=0.02)

    absence = await ask(agent, proposal, retries=9, timeout_seconds=60, backoff=soon)

    assert absence.kind is AbsenceKind.TIMED_OUT
    assert absence.explanation == "asked 2 times: no answer within 0.02 s"


async def test_an_attempt_is_bounded_by_the_timeout_given(function, proposal):
    absence = await ask(
        function("import time\ndef vote(asked): time.sleep(60)"), proposal, retries=0, timeout_seconds=0.02
    )

    assert absence.explanation == "no answer within 0.02 s"


async def test_without_a_deadline_an_attempt_is_bounded_all_the_same():
    proposal = Proposal("d", "?", ("a",))
    asking = AskingForBallot(Agent("ada"), proposal, timeout_seconds=None, now=lambda: datetime.now(UTC))

    assert asking.attempt_seconds == UNBOUNDED_SECONDS


async def test_a_wait_that_would_pass_the_deadline_is_not_begun(function, proposal_within):
    agent = function("def vote(asked): raise ConnectionResetError('gone')")
    started = time.monotonic()

    absence = await ask(agent, proposal_within(5), retries=50, backoff=Backoff(initial_seconds=60, maximum_seconds=60))

    assert absence.kind is AbsenceKind.FAILED
    assert absence.explanation == "ConnectionResetError: gone"
    assert time.monotonic() - started < 4


async def test_a_deadline_during_a_retry_tells_what_went_before(function, proposal_within, soon):
    source = COUNTING.format("{} if call == 1 else __import__('time').sleep(60)")

    absence = await ask(function(source), proposal_within(1), backoff=soon)

    assert absence.kind is AbsenceKind.TIMED_OUT
    assert absence.explanation == "asked 2 times: no answer before the deadline; the last time: an empty answer"


async def test_a_deadline_is_kept_by_every_kind(function, shell, proposal_within):
    started = time.monotonic()
    agents = [
        Agent("simulated", settings={"hang_rate": 1}),
        Agent("thinker", settings={"thinking_time": [60, 60]}),
        function("import time\ndef vote(asked): time.sleep(60)", "function"),
        shell("sleep 60", "program"),
    ]

    answers = await asyncio.gather(*(ask(agent, proposal_within(0.2)) for agent in agents))

    assert {answer.kind for answer in answers} == {AbsenceKind.TIMED_OUT}
    assert time.monotonic() - started < 2


async def test_an_answer_that_raises_when_it_is_read_has_failed(function, proposal):
    source = """
        from collections import UserDict
        class Broken(UserDict):
            def items(self): raise RuntimeError("not today")
        def vote(asked): return {"choice": "MongoDB", "inner": Broken()}
        """

    absence = await ask(function(source), proposal)

    assert absence.explanation == "RuntimeError: not today"


async def test_an_unknown_kind_of_voter_is_an_absence(proposal):
    absence = await ask(Agent("ada", voter="oracle"), proposal)

    assert absence.explanation == f"'oracle' is no kind of voter; there are {', '.join(VOTERS)}"


async def test_cancelling_is_passed_on(function, proposal):
    asking = asyncio.create_task(ask(function("import time\ndef vote(asked): time.sleep(60)"), proposal))
    await asyncio.sleep(0)
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_b68_a_ballot_belongs_to_its_agent_in_any_order_of_completion(function, proposal):
    source = """
        import time
        def vote(asked):
            own = asked["agent"]["id"]
            time.sleep({})
            return {{"choice": "MongoDB", "reasoning": own}}
        """
    agents = [function(source.format((7 - place) / 100), f"agent-{place}") for place in range(8)]

    ballots = await asyncio.gather(*(ask(agent, proposal) for agent in agents))

    assert [ballot.agent_id for ballot in ballots] == [agent.id for agent in agents]
    assert [ballot.reasoning for ballot in ballots] == [agent.id for agent in agents]


async def test_b65_two_agents_with_identical_settings_are_both_asked(shell, proposal, tmp_path):
    line = f"""echo x >> {tmp_path}/calls; echo '{{"choice": "MongoDB"}}'"""

    ballots = await asyncio.gather(ask(shell(line, "ada"), proposal), ask(shell(line, "bob"), proposal))

    assert [ballot.agent_id for ballot in ballots] == ["ada", "bob"]
    assert (tmp_path / "calls").read_text().split() == ["x", "x"]


async def test_a_deadline_in_any_timezone_is_the_same_instant(function):
    zone = timezone(timedelta(hours=-11))
    proposal = Proposal("d", "?", ("a", "b"), deadline=datetime.now(zone) + timedelta(seconds=30))

    assert (await ask(function("def vote(asked): return 'a'"), proposal)).choice == "a"

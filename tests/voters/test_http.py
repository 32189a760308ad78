"""Voter `http`: whatever a server does becomes a ballot or an absence, in time, and it is asked where it may be."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from maos_flows.agreement.binding import claims_of
from maos_flows.model import Absence, AbsenceKind, Agent, AuthClass, Ballot
from maos_flows.records import from_plain
from maos_flows.signing import SigningKey
from maos_flows.voters import ask
from maos_flows.voters.asked import as_asked
from tests.voters.http_agents import ANSWER, response, serving, signed

KEY, OTHER = SigningKey.generate(), SigningKey.generate()


@pytest.fixture
def bound(proposal):
    return replace(proposal, deployment="here", nonce="0" * 32)


async def test_an_agent_is_sent_what_a_program_gets_and_what_its_signature_binds(bound):
    async with serving(response()) as remote:
        agent = remote.agent()
        ballot = await ask(agent, bound)

    (asked,) = remote.asked
    assert asked.line == "POST /ada/ballot HTTP/1.1"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["host"] == f"127.0.0.1:{remote.port}"
    assert asked.headers["maos-agent-protocol"] == "1"
    assert asked.said == as_asked(agent, bound) | {"proposer": None, "claims": claims_of(bound)}
    assert isinstance(ballot, Ballot)
    assert (ballot.choice, ballot.confidence, ballot.reasoning) == ("MongoDB", Fraction(17, 20), "It scales.")
    assert (ballot.voter, ballot.auth_class, ballot.signature) == ("http", AuthClass.IN_PROCESS, "")


class TestSignatures:
    async def test_a_ballot_signed_with_the_rosters_key_counts_as_from_elsewhere(self, bound):
        async with serving(response(body=signed(KEY, bound))) as remote:
            ballot = await ask(remote.agent(public_key=KEY.public), bound)

        assert isinstance(ballot, Ballot)
        assert ballot.auth_class is AuthClass.REMOTE
        assert ballot.signature

    @pytest.mark.parametrize(
        "answer",
        [
            ANSWER,
            ANSWER | {"signature": ""},
            ANSWER | {"signature": "d-1.ada.MongoDB"},
            ANSWER | {"signature": "e30.e30."},
        ],
        ids=["unsigned", "empty", "computed", "none"],
    )
    async def test_an_agent_with_a_key_has_no_ballot_without_its_signature(self, bound, answer):
        """B07."""
        async with serving(response(body=answer)) as remote:
            absence = await ask(remote.agent(public_key=KEY.public), bound)

        assert isinstance(absence, Absence)
        assert absence.kind is AbsenceKind.FAILED
        assert "not signed" in absence.explanation
        assert len(remote.asked) == 1

    async def test_a_key_that_comes_with_the_answer_is_not_looked_at(self, bound):
        """B03: the key is looked up in the roster, never taken from the ballot."""
        answer = signed(OTHER, bound) | {"public_key": OTHER.public, "kid": OTHER.public, "jwk": OTHER.as_jwk()["x"]}
        async with serving(response(body=answer)) as remote:
            absence = await ask(remote.agent(public_key=KEY.public), bound)

        assert isinstance(absence, Absence)
        assert "not signed with the key that the roster has" in absence.explanation

    @pytest.mark.parametrize(
        "claims",
        [
            {"agent_id": "bob"},
            {"decision_id": "d-2"},
            {"round": 2},
            {"proposal_sha256": "0" * 64},
            {"nonce": "1" * 32},
            {"aud": "there"},
            {"v": 2},
            {"more": "said"},
        ],
        ids=str,
    )
    async def test_a_signature_for_anything_else_is_refused(self, bound, claims):
        """B04, B06."""
        async with serving(response(body=signed(KEY, bound, **claims))) as remote:
            absence = await ask(remote.agent(public_key=KEY.public), bound)

        assert isinstance(absence, Absence)
        assert "another agent, decision, round or proposal" in absence.explanation

    @pytest.mark.parametrize(
        "change",
        [
            {"choice": "PostgreSQL"},
            {"confidence": 0.86},
            {"reasoning": "It scales!"},
            {"evidence": []},
            {"risk": "low"},
            {"veto": True},
            {"attributes": {"x": 2}},
            {"peer_reviewed": True},
        ],
        ids=str,
    )
    async def test_a_ballot_altered_after_signing_is_refused(self, bound, change):
        async with serving(response(body=signed(KEY, bound) | change)) as remote:
            absence = await ask(remote.agent(public_key=KEY.public), bound)

        assert isinstance(absence, Absence)
        assert "signed something else than it says" in absence.explanation

    async def test_a_signature_of_an_agent_without_a_key_in_the_roster_proves_nothing(self, bound):
        async with serving(response(body=signed(KEY, bound))) as remote:
            ballot = await ask(remote.agent(), bound)

        assert isinstance(ballot, Ballot)
        assert (ballot.signature, ballot.auth_class) == ("", AuthClass.IN_PROCESS)


class TestAddresses:
    """A9 and A10: what is not on the public internet is refused before anything is sent."""

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]"])
    async def test_this_machine_is_not_asked_unless_the_roster_allows_it(self, proposal, host):
        async with serving(response()) as remote:
            agent = remote.agent(url=f"http://{host}:{remote.port}/ballot", allow_private=False)
            absence = await ask(agent, proposal)

        assert isinstance(absence, Absence)
        assert "allow_private" in absence.explanation
        assert remote.asked == []

    async def test_a_name_is_resolved_once_and_the_connection_goes_where_was_judged(self, proposal, monkeypatch):
        import socket

        resolved = []

        def changing(host, port, *args, **named):
            resolved.append(host)
            address = "127.0.0.1" if len(resolved) == 1 else "169.254.169.254"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        async with serving(response()) as remote:
            agent = remote.agent(url=f"http://agents.example.org:{remote.port}/ballot")
            with monkeypatch.context() as patched:
                patched.setattr(socket, "getaddrinfo", changing)
                ballot = await ask(agent, proposal)

        assert isinstance(ballot, Ballot)
        assert resolved[0] == "agents.example.org"
        assert "agents.example.org" not in resolved[1:]
        assert remote.asked[0].headers["host"] == f"agents.example.org:{remote.port}"

    async def test_a_name_with_one_private_address_among_public_ones_is_refused(self, proposal, monkeypatch):
        import socket

        def two(host, port, *args, **named):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port)) for at in ("93.184.215.14", "10.0.0.1")]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        agent = Agent("ada", voter="http", settings={"url": "https://agents.example.org/ballot"})

        absence = await ask(agent, proposal)

        assert isinstance(absence, Absence)
        assert "10.0.0.1 is not on the public internet" in absence.explanation

    async def test_redirects_are_not_followed(self, proposal):
        async with (
            serving(response()) as elsewhere,
            serving(response(302, Location=f"http://127.0.0.1:{elsewhere.port}/")) as remote,
        ):
            absence = await ask(remote.agent(), proposal)

        assert isinstance(absence, Absence)
        assert "redirects are not followed" in absence.explanation
        assert elsewhere.asked == []

    async def test_a_proxy_of_the_environment_is_used_only_if_asked(self, proposal, monkeypatch, soon):
        async with serving(response()) as proxy, serving(response()) as remote:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            await ask(remote.agent(), proposal)
            directly = len(proxy.asked)
            url = "http://agents.example.org/ballot"
            await ask(remote.agent(url=url, use_proxy=True), proposal)

        assert (directly, len(remote.asked)) == (0, 1)
        assert [asked.line for asked in proxy.asked] == [f"POST {url} HTTP/1.1"]

    async def test_a_name_that_nobody_has_is_not_asked_again(self, proposal):
        agent = Agent("ada", voter="http", settings={"url": "http://no-such-name.invalid/", "retries": 0})

        absence = await ask(agent, proposal)

        assert isinstance(absence, Absence)
        assert "cannot be resolved" in absence.explanation


class TestBounds:
    """A11: what a server sends is bounded while it is read."""

    @pytest.mark.parametrize("length", ["10000000", None], ids=["announced", "unannounced"])
    async def test_a_flood_is_cut_off(self, proposal, length):
        flood = b"HTTP/1.1 200 So\r\nContent-Type: application/json\r\n"
        flood += f"Content-Length: {length}\r\n\r\n".encode() if length else b"\r\n"
        async with serving(flood + b'"' + b"x" * 2_000_000) as remote:
            absence = await ask(remote.agent(max_answer=1000), proposal)

        assert isinstance(absence, Absence)
        assert "more than 1000 bytes" in absence.explanation
        assert len(remote.asked) == 1

    async def test_who_says_nothing_has_timed_out(self, proposal):
        async with serving(None) as remote:
            absence = await ask(remote.agent(timeout=0.2, retries=0), proposal)

        assert isinstance(absence, Absence)
        assert absence.kind is AbsenceKind.TIMED_OUT

    async def test_who_stops_in_the_middle_has_timed_out_by_the_deadline(self, proposal_within):
        async with serving(lambda asked: b'HTTP/1.1 200 So\r\nContent-Length: 9\r\n\r\n{"ch') as remote:
            absence = await ask(remote.agent(retries=0), proposal_within(0.5))

        assert isinstance(absence, Absence)

    @pytest.mark.parametrize(
        ("headers", "words"),
        [
            ({"Content_Type": "text/html"}, "text/html instead of application/json"),
            ({"Content_Encoding": "gzip"}, "compressed"),
            ({"Maos_Agent_Protocol": "2"}, "speaks version 2"),
        ],
        ids=["html", "compressed", "version"],
    )
    async def test_an_answer_in_another_form_is_refused(self, proposal, headers, words):
        async with serving(response(**headers)) as remote:
            absence = await ask(remote.agent(), proposal)

        assert isinstance(absence, Absence)
        assert words in absence.explanation
        assert len(remote.asked) == 1

    @pytest.mark.parametrize("said", [b"", b"not json", b"null", b"[1]", b'{"choice": 0}', b'{"choice": "false"}'])
    async def test_nonsense_is_no_ballot_however_often_it_comes(self, proposal, soon, said):
        """B47, B57, B58: nothing is guessed at and nothing is coerced."""
        async with serving(response(body=said)) as remote:
            answer = await ask(remote.agent(), proposal, backoff=soon)

        assert isinstance(answer, Absence) or answer.choice not in proposal.choices
        assert len(remote.asked) == 3


class TestAskingAgain:
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    async def test_a_status_that_may_pass_is_asked_again(self, proposal, soon, status):
        async with serving(response(status), response()) as remote:
            ballot = await ask(remote.agent(), proposal, backoff=soon)

        assert isinstance(ballot, Ballot)
        assert len(remote.asked) == 2

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 500, 501, 204, 799])
    async def test_any_other_status_is_not(self, proposal, soon, status):
        async with serving(response(status, b"no \x1b[31m way")) as remote:
            absence = await ask(remote.agent(), proposal, backoff=soon)

        assert isinstance(absence, Absence)
        assert f"it answered {status}" in absence.explanation
        assert "\x1b" not in absence.explanation
        assert len(remote.asked) == 1

    async def test_a_broken_connection_is_tried_again(self, proposal, soon):
        async with serving(b"", b"HTTP/1.1 200 So\r\nContent-Len", response()) as remote:
            ballot = await ask(remote.agent(), proposal, backoff=soon)

        assert isinstance(ballot, Ballot)
        assert len(remote.asked) == 3

    async def test_nobody_listening_is_a_failure_that_says_so(self, proposal, soon):
        async with serving(response()) as remote:
            agent = remote.agent()
        absence = await ask(agent, proposal, backoff=soon)

        assert isinstance(absence, Absence)
        assert absence.kind is AbsenceKind.FAILED
        assert "asked 3 times: no connection to 127.0.0.1" in absence.explanation

    async def test_a_server_that_says_when_to_come_again_is_left_alone_until_then(self, proposal, soon):
        times = []

        def busy(asked):
            times.append(asyncio.get_running_loop().time())
            return response(429, Retry_After="1") if len(times) == 1 else response()

        async with serving(busy) as remote:
            ballot = await ask(remote.agent(), proposal, backoff=soon)

        assert isinstance(ballot, Ballot)
        assert times[1] - times[0] >= 1

    @pytest.mark.parametrize(
        "after",
        ["100", (datetime.now(UTC) + timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")],
        ids=["in seconds", "at an instant"],
    )
    async def test_one_that_wants_to_be_left_alone_beyond_the_deadline_has_failed_at_once(self, proposal, soon, after):
        async with serving(response(503, Retry_After=after)) as remote:
            absence = await ask(remote.agent(), proposal, backoff=soon)

        assert isinstance(absence, Absence)
        assert len(remote.asked) == 1

    @pytest.mark.parametrize("after", ["soon", "-5", "\u0663", ""])
    async def test_a_time_to_wait_that_is_none_is_set_aside(self, proposal, soon, after):
        async with serving(response(429, Retry_After=after), response()) as remote:
            ballot = await ask(remote.agent(), proposal, backoff=soon)

        assert isinstance(ballot, Ballot)


async def test_an_agent_without_an_address_is_said_to_have_none(proposal):
    absence = await ask(Agent("ada", voter="http"), proposal)

    assert isinstance(absence, Absence)
    assert "no url is set" in absence.explanation


def test_what_is_sent_is_the_same_after_a_record_of_it(bound):
    from maos_flows.model import Proposal
    from maos_flows.records import to_plain

    assert claims_of(from_plain(Proposal, to_plain(bound))) == claims_of(bound)

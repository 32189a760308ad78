"""Voter `http`: the token it bears is kept nowhere, and nothing is sent to who cannot prove to be itself."""

import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from maos_flows.model import Absence, Ballot
from maos_flows.voters import ask
from maos_flows.voters.cleaning import REMOVED
from tests.voters.http_agents import ANSWER, response, serving


class TestTokens:
    async def test_the_token_comes_from_the_variable_and_is_kept_nowhere(self, proposal, monkeypatch):
        monkeypatch.setenv("ADA_TOKEN", "correct-horse-battery")
        answer = ANSWER | {"reasoning": "I was sent correct-horse-battery."}
        async with serving(response(body=answer)) as remote:
            agent = remote.agent(token_env="ADA_TOKEN")
            ballot = await ask(agent, proposal)

        assert remote.asked[0].headers["authorization"] == "Bearer correct-horse-battery"
        assert ballot.reasoning == f"I was sent {REMOVED}."
        assert "correct-horse" not in json.dumps(agent.settings)

    @pytest.mark.parametrize("value", [None, "", "two words", "line\nbreak", "\u00fcber"], ids=repr)
    async def test_a_token_that_is_none_is_named_by_its_variable_alone(self, proposal, monkeypatch, value):
        monkeypatch.delenv("ADA_TOKEN", raising=False)
        if value is not None:
            monkeypatch.setenv("ADA_TOKEN", value)
        async with serving(response()) as remote:
            absence = await ask(remote.agent(token_env="ADA_TOKEN"), proposal)

        assert isinstance(absence, Absence)
        assert "ADA_TOKEN" in absence.explanation
        assert not value or value not in absence.explanation
        assert remote.asked == []


class TestCertificates:
    @pytest.fixture
    def certified(self, tmp_path):
        """A certificate for agents.example.org, and a server's context with it."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agents.example.org")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("agents.example.org")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / "ca.pem"
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file.write_bytes(made.public_bytes(encoding))
        secret = tmp_path / "key.pem"
        secret.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, secret)
        return file, context

    @pytest.fixture
    def leading_home(self, monkeypatch):
        import socket

        def here(host, port, *args, **named):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", here)

    @pytest.mark.usefixtures("leading_home")
    async def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(self, proposal, certified):
        file, context = certified
        async with serving(response(), tls=context) as remote:
            url = f"https://agents.example.org:{remote.port}/"
            ballot = await ask(remote.agent(url=url, ca_file=str(file)), proposal)

        assert isinstance(ballot, Ballot)

    @pytest.mark.usefixtures("leading_home")
    @pytest.mark.parametrize(("host", "trusted"), [("other.example.org", True), ("agents.example.org", False)])
    async def test_who_cannot_prove_to_be_itself_is_sent_nothing(self, proposal, certified, host, trusted, soon):
        file, context = certified
        async with serving(response(), tls=context) as remote:
            settings = {"ca_file": str(file)} if trusted else {}
            agent = remote.agent(url=f"https://{host}:{remote.port}/", **settings)
            absence = await ask(agent, proposal, backoff=soon)

        assert isinstance(absence, Absence)
        assert "cannot prove to be itself" in absence.explanation
        assert remote.asked == []

    async def test_certificates_that_cannot_be_read_are_named(self, proposal, tmp_path):
        file = tmp_path / "ca.pem"
        file.write_text("no certificate")
        async with serving(response()) as remote:
            absence = await ask(remote.agent(ca_file=str(file)), proposal)

        assert isinstance(absence, Absence)
        assert "ca.pem cannot be read" in absence.explanation

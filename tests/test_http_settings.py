"""Settings of voters behind a URL: what a roster may say, and what is refused before anybody is asked."""

import json

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.roster import roster_from

URL = "https://agents.example.org/ada/ballot"


def settings_of(base, **voter):
    (agent,) = roster_from([{"id": "ada", "voter": {"kind": "http", **voter}}], base=base).roster.agents
    assert agent.voter == "http"
    return dict(agent.settings)


def test_an_address_is_enough(tmp_path):
    settings = settings_of(tmp_path, url=URL)

    assert settings == {
        "url": URL,
        "allow_private": False,
        "use_proxy": False,
        "max_answer": 1024 * 1024,
        "connect_timeout": 5.0,
    }


def test_everything_that_may_be_said_is_kept_as_plain_data(tmp_path):
    (tmp_path / "ca.pem").write_text("")
    said = {"token_env": "ADA_TOKEN", "allow_private": "true", "use_proxy": True, "max_answer": "5", "timeout": "3s"}

    settings = settings_of(tmp_path, url="http://10.0.0.1:9000/", ca_file="ca.pem", connect_timeout="250ms", **said)

    assert (
        json.loads(json.dumps(settings))
        == settings
        == {
            "timeout": 3.0,
            "url": "http://10.0.0.1:9000/",
            "token_env": "ADA_TOKEN",
            "allow_private": True,
            "use_proxy": True,
            "max_answer": 5,
            "connect_timeout": 0.25,
            "ca_file": str(tmp_path / "ca.pem"),
        }
    )


@pytest.mark.parametrize(
    ("voter", "words"),
    [
        ({}, "url: is missing"),
        ({"url": "ftp://a.example/"}, "starts with http:// or https://"),
        ({"url": "https://me:secret@a.example/"}, "token_env"),
        ({"url": "http://127.0.0.1:9000/"}, "allow_private: true"),
        ({"url": "http://[::1]/"}, "allow_private: true"),
        ({"url": "http://169.254.169.254/latest"}, "allow_private: true"),
        ({"url": "http://224.0.0.1/", "allow_private": True}, "no machine's address"),
        ({"url": URL, "token_env": "not a name"}, "environment variable"),
        ({"url": URL, "token": "secret"}, "unknown key"),
        ({"url": URL, "max_answer": 0}, "max_answer"),
        ({"url": URL, "ca_file": "missing.pem"}, "there is no file"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_where_it_stands(tmp_path, voter, words):
    with pytest.raises(ConfigurationError) as refused:
        settings_of(tmp_path, **voter)

    assert words in str(refused.value)
    assert "voter" in str(refused.value)
    assert "secret" not in str(refused.value)

"""Settings of voters behind a URL: what a roster may say about where an agent is and how it is reached."""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, WithJsonSchema

from maos_flows.addresses import literal_address, read_url, refusal_of
from maos_flows.text_types import Flag, Positive, Seconds, Text
from maos_flows.voter_form import Variable, VoterForm, is_there, wrong

Url = Annotated[str, PlainValidator(read_url), WithJsonSchema({"type": "string", "pattern": r"^\s*https?://[^\s]+$"})]


class HttpVoter(VoterForm):
    """An agent behind a URL: the proposal is POSTed as JSON, the ballot comes back as JSON."""

    kind: Literal["http"]
    url: Url = Field(description="Where the proposal is POSTed, like https://agents.example.org/ada/ballot.")
    token_env: Variable | None = Field(
        None, description="The environment variable that holds the token it wants; the token is kept nowhere."
    )
    allow_private: Flag = Field(
        False, description="Whether it may be on this machine or in a private network; else only on the internet."
    )
    use_proxy: Flag = Field(False, description="Whether it is asked through the proxy that the environment names.")
    max_answer: Positive = Field(1024 * 1024, description="How many bytes it may answer.")
    connect_timeout: Seconds = Field(5.0, description="How long connecting may take.")
    ca_file: Text | None = Field(
        None, description="A file of certificates, relative to the document, by which it proves to be itself."
    )

    def _own(self, base: Path) -> dict[str, Any]:
        address = literal_address(urlsplit(self.url).hostname or "")
        why = refusal_of(address, allow_private=self.allow_private) if address else None
        if why is not None:
            raise wrong("url", why)
        names = ("url", "token_env", "allow_private", "use_proxy", "max_answer", "connect_timeout")
        own = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.ca_file is not None:
            path = (base / self.ca_file).absolute()
            if not is_there(path):
                raise wrong("ca_file", f"there is no file {path}")
            own["ca_file"] = str(path)
        return own

"""What settings of every kind of voter share: their base, and how they name variables and files."""

import re
from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import Form
from maos_flows.text_types import Count, Seconds, read_text

_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _variable(name: object) -> str:
    text = read_text(name)
    if not re.match(_VARIABLE, text, re.ASCII):
        raise ValueError(f"{text[:40]!r} is not the name of an environment variable")
    return text


Variable = Annotated[str, PlainValidator(_variable), WithJsonSchema({"type": "string", "pattern": _VARIABLE})]


class VoterForm(Form):
    """What every voter may be told."""

    kind: str
    timeout: Seconds | None = Field(None, description="How long one attempt may take.")
    retries: Count | None = Field(None, description="How often it is asked again after a failure that may pass.")

    def settings(self, base: Path) -> dict[str, Any]:
        """Give the settings as plain JSON data.

        Args:
            base: The folder that paths are relative to.

        Raises:
            ConfigurationError: A file or folder it names is not there.
        """
        general = {"timeout": self.timeout, "retries": self.retries}
        return {key: value for key, value in general.items() if value is not None} | self._own(base)

    @abstractmethod
    def _own(self, base: Path) -> dict[str, Any]:
        """Give the settings of this kind."""


def is_there(path: Path, *, is_folder: bool = False) -> bool:
    """Say whether there is a file, or a folder, of that name."""
    try:
        return path.is_dir() if is_folder else path.is_file()
    except OSError:  # a name no file can have
        return False


def wrong(path: str, message: str) -> ConfigurationError:
    """Make the error that one setting is wrong."""
    return ConfigurationError([Problem(path, message)])

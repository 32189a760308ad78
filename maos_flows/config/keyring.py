"""Where the keys of this installation are: in the folder `keys` of its home."""

import os
from threading import Lock

from maos_flows.config.settings import settings_from
from maos_flows.keys import KeyFolder

_folders: dict[tuple[str | None, str | None], KeyFolder] = {}
_lock = Lock()


def keys_here() -> KeyFolder:
    """Give the keys of this installation: the folder `keys` in its home."""
    place = os.environ.get("MAOS_HOME"), os.environ.get("HOME")
    with _lock:
        if place not in _folders:
            _folders[place] = KeyFolder(settings_from(os.environ).home / "keys")
        return _folders[place]

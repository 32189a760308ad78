"""Configuration: the settings of an installation, resolved once, where a request is made."""

from maos_flows.config.resolving import Configuration, resolve
from maos_flows.config.settings import RunnerKind, Settings, settings_from

__all__ = ["Configuration", "RunnerKind", "Settings", "resolve", "settings_from"]

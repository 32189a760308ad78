"""How Hypothesis runs: no deadline on a shared machine, and the same examples every time where results are compared."""

import os

from hypothesis import settings

from maos_flows.model_settings import DEFAULT_MODELS

settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

for variable in DEFAULT_MODELS:  # no test may ask a model that somebody pays for
    os.environ.pop(variable, None)

pytest_plugins = ("tests.databases", "tests.prefect_server")

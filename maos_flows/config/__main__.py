"""Print the manual's table of keys: `python -m maos_flows.config`."""

import sys

from maos_flows.config.manual import table

sys.stdout.write(table())

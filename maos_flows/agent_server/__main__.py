"""The protocol's OpenAPI, printed or written where it is shipped: `python -m maos_flows.agent_server --write`."""

import argparse
import sys

from maos_flows.agent_server.openapi import SHIPPED, openapi_text


def main(arguments: list[str] | None = None) -> None:
    """Print or write the document."""
    parser = argparse.ArgumentParser(prog="python -m maos_flows.agent_server", description="The protocol of agents.")
    parser.add_argument("--write", action="store_true", help=f"write it to {SHIPPED.name} where it is shipped")
    if parser.parse_args(arguments).write:
        SHIPPED.write_text(openapi_text(), encoding="utf-8")
    else:
        sys.stdout.write(openapi_text())


if __name__ == "__main__":
    main()

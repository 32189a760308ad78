"""The schema of workflows, printed or written where it is shipped: `python -m maos_flows.workflow --write-schema`."""

import argparse
import sys

from maos_flows.workflow.schema import SHIPPED, schema_text


def main(arguments: list[str] | None = None) -> None:
    """Print or write the schema."""
    parser = argparse.ArgumentParser(prog="python -m maos_flows.workflow", description="The schema of workflows.")
    parser.add_argument("--write-schema", action="store_true", help=f"write it to {SHIPPED.name} where it is shipped")
    if parser.parse_args(arguments).write_schema:
        SHIPPED.write_text(schema_text(), encoding="utf-8")
    else:
        sys.stdout.write(schema_text())


if __name__ == "__main__":
    main()

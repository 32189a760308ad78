"""Measure how long the `maos` command takes to start, against an interpreter that does nothing, both in one run.

Each is a process of its own, timed from start to exit; they take turns, and medians are compared. `import typer` is
what any command built on it pays. A command that needs Prefect pays for importing it as well, which is the last line.

    python benchmarks/start_up.py [--repeats 15] [--json]
"""

import argparse
import json
import platform
import subprocess
import sys
from statistics import median
from time import perf_counter

RUN = "import sys; sys.argv = ['maos', *{words!r}]; from maos_flows.cli.app import main; main()"
STATEMENTS = {
    "python -c pass": "pass",
    "python -c 'import typer'": "import typer",
    "maos --help": RUN.format(words=["--help"]),
    "maos workflow --help": RUN.format(words=["workflow", "--help"]),
    "maos workflow schema": RUN.format(words=["workflow", "schema"]),
    "python -c 'import prefect'": "import prefect; prefect.flow",
}
GOAL = "maos --help takes less than 500 ms"


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15, help="how often each is started")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    seconds = measure(arguments.repeats)
    ratios = {
        name: {
            "milliseconds": 1000 * value,
            "of_python": value / seconds["python -c pass"],
            "of_typer": value / seconds["python -c 'import typer'"],
        }
        for name, value in seconds.items()
    }
    if arguments.json:
        report = {"python": platform.python_version(), "repeats": arguments.repeats, "started": ratios}
        print(json.dumps(report, indent=2))
    else:
        print(f"median of {arguments.repeats}, in turns; goal: {GOAL}")
        for name, row in ratios.items():
            print(
                f"{name:<27} {row['milliseconds']:6.0f} ms  {row['of_python']:5.1f} x python  "
                f"{row['of_typer']:5.2f} x typer"
            )


def measure(repeats: int) -> dict[str, float]:
    """Start each so often, in turns, and give the medians in seconds; the first turn warms up and is not counted."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for turn in range(repeats + 1):
        for name, statement in STATEMENTS.items():
            before = perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True, stdout=subprocess.DEVNULL)
            if turn:
                times[name].append(perf_counter() - before)
    return {name: median(values) for name, values in times.items()}


if __name__ == "__main__":
    main()

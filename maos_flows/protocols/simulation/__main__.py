"""Run simulated replicas from the command line: many seeds, one seed again, or scenario files.

Exit codes: 0 all is well; 1 a violation, or a scenario that runs differently; 2 wrong usage.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from maos_flows.errors import ConfigurationError
from maos_flows.protocols.simulation.faults import Profile
from maos_flows.protocols.simulation.report import Report
from maos_flows.protocols.simulation.scenario import PROTOCOLS, Scenario, check_scenario, read_scenario, runner
from maos_flows.protocols.simulation.world import Settings

PROGRESS_SECONDS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments, do what they say, give the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.check is not None:
            return _check(options.check)
        if options.write is not None:
            return _write(options)
    except (ConfigurationError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.replay is not None:
        return _replay(options)
    return _sweep(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m maos_flows.protocols.simulation", description=__doc__)
    parser.add_argument("--protocol", choices=PROTOCOLS, default="raft")
    parser.add_argument("--seeds", type=int, default=500, metavar="N", help="how many seeds to run")
    parser.add_argument("--first-seed", type=int, default=0, metavar="SEED")
    parser.add_argument("--profile", choices=[profile.value for profile in Profile], default=Profile.SWARM.value)
    parser.add_argument("--events", type=int, default=600, metavar="N", help="length of the safety phase")
    parser.add_argument("--size", type=int, metavar="N", help="number of replicas; without it the seed draws it")
    parser.add_argument("--stop-after", type=int, metavar="N", help="end after so many events: a prefix")
    parser.add_argument("--replay", type=int, metavar="SEED", help="run one seed and print its transcript")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="with --replay: one JSON line a state change")
    files = parser.add_mutually_exclusive_group()
    files.add_argument("--check", nargs="+", type=Path, metavar="FILE", help="run scenario files and compare")
    files.add_argument(
        "--write",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="write scenario files: of --replay SEED, or again as they say",
    )
    return parser


def _sweep(options: argparse.Namespace) -> int:
    """Run many seeds; print each failing one, the first with its transcript."""
    run = runner(options.protocol)
    settings = Settings(events=options.events, size=options.size, stop_after=options.stop_after)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    failed = events = 0
    start = shown = time.monotonic()
    for done, seed in enumerate(seeds, 1):
        report = run(seed, Profile(options.profile), settings)
        events += report.events
        if not report.is_clean:
            _print_failure(options, report, with_transcript=failed == 0)
            failed += 1
        now = time.monotonic()
        if now - shown >= PROGRESS_SECONDS:
            shown = now
            _progress(done, len(seeds), failed, events, now - start)
    _progress(len(seeds), len(seeds), failed, events, time.monotonic() - start)
    return 1 if failed else 0


def _progress(done: int, seeds: int, failed: int, events: int, seconds: float) -> None:
    rate = events / seconds if seconds else 0
    line = f"{done}/{seeds} seeds, {failed} with violations, {events} events, {rate:,.0f} events/s"
    print(line, file=sys.stderr, flush=True)


def _print_failure(options: argparse.Namespace, report: Report, *, with_transcript: bool) -> None:
    print(f"seed {report.seed} profile {report.profile}: {'; '.join(map(str, report.violations))}")
    size = f" --size {options.size}" if options.size else ""
    again = f"--protocol {options.protocol} --profile {report.profile} --events {options.events}{size}"
    print(f"  shortest prefix: {report.events} events; again: {again} --replay {report.seed}")
    if with_transcript:
        print(_scenario(options, report.seed).transcript())


def _scenario(options: argparse.Namespace, seed: int) -> Scenario:
    profile = Profile(options.profile)
    return Scenario(options.protocol, seed, profile, options.events, options.size, options.stop_after)


def _replay(options: argparse.Namespace) -> int:
    print(_scenario(options, options.replay).transcript(), end="")
    if options.trace is not None:
        with options.trace.open("w", encoding="utf-8") as file:
            _trace(options, file)
    return 0 if _scenario(options, options.replay).run().is_clean else 1


def _trace(options: argparse.Namespace, file: TextIO) -> None:
    def trace(line: Mapping[str, object]) -> None:
        file.write(json.dumps(line) + "\n")

    settings = Settings(events=options.events, size=options.size, stop_after=options.stop_after, trace=trace)
    runner(options.protocol)(options.replay, Profile(options.profile), settings)


def _check(paths: Sequence[Path]) -> int:
    """Print how each scenario differs from its present run."""
    differences = [difference for path in paths if (difference := check_scenario(path))]
    for difference in differences:
        print(difference)
    print(f"{len(paths)} scenarios, {len(differences)} differ", file=sys.stderr)
    return 1 if differences else 0


def _write(options: argparse.Namespace) -> int:
    for path in options.write:
        if options.replay is not None:
            scenario = _scenario(options, options.replay)
        else:
            scenario = read_scenario(path.read_text(encoding="utf-8"), source=str(path))
        path.write_text(scenario.transcript(), encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

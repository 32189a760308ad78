"""`maos debug`: make agents fail on purpose, while a decision runs, to see that it bears it."""

from typing import Annotated

import typer

from maos_flows.cli.output import Format, FormatOption

app = typer.Typer(help="Make agents fail on purpose while a decision runs.", no_args_is_help=True)
simulation = typer.Typer(help="Agents that lie.", no_args_is_help=True)
app.add_typer(simulation, name="byzantine-simulation")

BYZANTINE_SIMULATION = "byzantine-simulation"

TaskOption = Annotated[str, typer.Option("--task", metavar="ID", help="The decision it acts on.")]
SeedOption = Annotated[int | None, typer.Option(min=0, help="What draws the agents; drawn itself if not given.")]
DurationOption = Annotated[str, typer.Option(help="For how long: 30s, 5m.")]


@simulation.command("start")
def start_simulation(
    task: TaskOption,
    failure_rate: Annotated[str, typer.Option(help="The share of the agents that lie, above 0 and below 1.")] = "0.2",
    failure_types: Annotated[
        str, typer.Option(help="How they lie, separated by commas; every kind is dealt to one of them at least.")
    ] = "conflicting_votes,delayed_responses,false_information",
    duration: DurationOption = "5m",
    seed: SeedOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Let a share of a running decision's agents lie; it ends by itself, and with the decision."""
    from maos_flows.cli import drilling
    from maos_flows.drills.plans import byzantine_simulation
    from maos_flows.model import BYZANTINE_KINDS

    rate = drilling.ratio("--failure-rate", failure_rate)
    kinds = drilling.kinds("--failure-types", failure_types, BYZANTINE_KINDS)
    seconds = drilling.seconds("--duration", duration)
    drilling.start(
        BYZANTINE_SIMULATION,
        task,
        lambda agents, drawn: byzantine_simulation(agents, rate=rate, kinds=kinds, seconds=seconds, seed=drawn),
        seed=seed,
        output=format,
    )


@simulation.command("stop")
def stop_simulation(
    task: Annotated[str, typer.Option("--task", metavar="ID", help="Only that on this decision.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """End the simulations of agents that lie: that on one decision, or all."""
    from maos_flows.cli import drilling

    drilling.stop(task, name=BYZANTINE_SIMULATION, output=format)


@app.command("simulate-failure")
def simulate_failure(
    agent: Annotated[str, typer.Option(help="The agent that fails.")],
    failure_type: Annotated[
        str, typer.Option(help="crash, delayed_responses, false_information or conflicting_votes.")
    ] = "crash",
    duration: DurationOption = "60s",
    task: Annotated[
        str, typer.Option("--task", metavar="ID", help="Only this decision; else every one that runs with the agent.")
    ] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Make one agent fail, with its replica, in the decisions that are running."""
    from maos_flows.cli import drilling
    from maos_flows.model import FailureKind, PlannedFailure

    allowed = tuple(kind for kind in FailureKind if kind is not FailureKind.PARTITION)
    (kind,) = drilling.kinds("--failure-type", failure_type, allowed, most=1)
    plan = (PlannedFailure(kind, (agent,), drilling.seconds("--duration", duration)),)
    tasks = (task,) if task else drilling.running_with(agent)
    drilling.start_on("simulate-failure", tasks, lambda *_: plan, seed=0, output=format)


@app.command("network-partition")
def network_partition(
    task: TaskOption,
    split_ratio: Annotated[str, typer.Option(help="The share of the agents cut off, above 0 and below 1.")] = "0.4",
    duration: DurationOption = "60s",
    seed: SeedOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Cut a share of a running decision's agents off from the rest."""
    from maos_flows.cli import drilling
    from maos_flows.drills.plans import partition

    share = drilling.ratio("--split-ratio", split_ratio)
    seconds = drilling.seconds("--duration", duration)
    drilling.start(
        "network-partition",
        task,
        lambda agents, drawn: partition(agents, ratio=share, seconds=seconds, seed=drawn),
        seed=seed,
        output=format,
    )


@app.command("simulate-cascading-failures")
def simulate_cascading_failures(
    task: TaskOption,
    initial_failure_rate: Annotated[str, typer.Option(help="The share of the agents that crash first.")] = "0.1",
    failure_propagation: Annotated[
        str, typer.Option(help="How likely one that crashed pulls down another, above 0 and below 1.")
    ] = "0.3",
    recovery_time: Annotated[str, typer.Option(help="After how long each is back: 30s, 5m.")] = "30s",
    seed: SeedOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Make agents crash wave after wave, each pulling others down, each back after its time to recover."""
    from maos_flows.cli import drilling
    from maos_flows.drills.plans import cascade

    initial = drilling.ratio("--initial-failure-rate", initial_failure_rate)
    propagation = drilling.ratio("--failure-propagation", failure_propagation)
    seconds = drilling.seconds("--recovery-time", recovery_time)
    drilling.start(
        "simulate-cascading-failures",
        task,
        lambda agents, drawn: cascade(
            agents, initial=initial, propagation=propagation, recovery_seconds=seconds, seed=drawn
        ),
        seed=seed,
        output=format,
    )


@app.command("stop")
def stop_drills(
    task: Annotated[str, typer.Option("--task", metavar="ID", help="Only those on this decision.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """End drills of every kind: those on one decision, or all."""
    from maos_flows.cli import drilling

    drilling.stop(task, name=None, output=format)

"""`maos consensus`: the noun whose commands watch decisions and drive what decides them.

Each command lives in a file of its own and is registered here.
"""

import typer

from maos_flows.cli import consensus_workflow, health, isolation, learning, monitor, policies, records, stats, verify

app = typer.Typer(help="Watch decisions and what decides them.", no_args_is_help=True)
app.command("monitor")(monitor.monitor)
app.command("health")(health.health)
app.command("show")(records.show)
app.command("stats")(stats.stats)
app.command("analyze")(stats.analyze)
app.command("verify")(verify.verify)
app.command("feedback")(learning.feedback)
app.command("weights")(learning.weights)
app.command("install-policy")(policies.install_policy)
app.command("list-policies")(policies.list_policies)
app.command("show-policy")(policies.show_policy)
app.command("remove-policy")(policies.remove_policy)
app.command("isolate-byzantine")(isolation.isolate_byzantine)
app.command("release")(isolation.release)
app.command("isolated")(isolation.isolated)
app.add_typer(consensus_workflow.app, name="workflow")

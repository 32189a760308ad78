"""Whether drills may be started."""

from maos_flows.config.resolving import Configuration


def drills_refused(configuration: Configuration) -> str:
    """Say why no drill may be started, with the key that says so; empty if one may."""
    consensus = configuration.values.consensus
    if consensus.production_mode:
        return "consensus.production_mode is true: nothing is made to fail on purpose in production"
    if not consensus.drills.enabled:
        return "consensus.drills.enabled is false: drills may not be started here"
    return ""

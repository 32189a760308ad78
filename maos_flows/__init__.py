"""maos_flows."""

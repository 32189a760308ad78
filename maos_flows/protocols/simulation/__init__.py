"""Replicas over a seeded in-memory network with virtual time; every invariant checked after every event.

`faults` says what may go wrong, `network` and `driver` make it happen, `world` is how a protocol plugs in,
`report` is what comes out. A protocol's module of its name has `run(seed, profile, settings) -> Report`.
"""

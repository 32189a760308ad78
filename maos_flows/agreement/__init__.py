"""Agreement: the replicas of a decision's agents, run in one process on virtual time or on the clock.

`binding` says what agents sign, `byzantine` and `raft` run the replicas, `faults` what can be made to go wrong with
them, `running` how they are run, `deciding` makes the decision of what they agreed on, `verification` checks it
offline. The manual's page is docs/agreement.md.

A drill that acts on a running decision gives `deciding.agree` a `FaultSource` that reads the audit store:

```
class Drills:
    def acting(self, now: int) -> Sequence[Injection]: ...     # milliseconds since the replicas began; in a thread
    def next_change(self, now: int) -> int | None: return now + 500
```

`agree(..., faults=Drills(), pace=Pace(...))` runs on the clock if a fault acts at once or a pace is given, else on
virtual time. What happens goes to `on_event` while it goes on, as `Happening`s for the timeline.
"""

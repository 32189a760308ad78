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

`agree(..., faults=Drills(), pace=Pace(seconds))` runs on the clock, without a pace on virtual time, where the source
says itself when it changes. What happens goes to `on_event` while it goes on, as `Happening`s for the timeline. In
flows `flows.agreeing.decide_recorded` does all of that for a decision on record; it sets a pace if a fault acts when
the replicas begin.
"""

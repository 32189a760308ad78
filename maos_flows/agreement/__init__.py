"""Agreement: the replicas of a decision's agents, run in one process on virtual time or on the clock."""

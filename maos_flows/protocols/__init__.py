"""Message passing among replicas, sans-IO: no clock, no chance, no disk, no network. Those are passed in."""

"""The local stack: a Prefect server and a worker in the background, found again by any shell."""

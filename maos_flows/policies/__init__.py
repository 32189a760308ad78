"""Policies: classes that turn ballots into a decision."""

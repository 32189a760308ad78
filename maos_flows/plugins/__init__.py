"""Policies that people write: loaded from files and packages, pinned by digest, run where they can do little harm."""

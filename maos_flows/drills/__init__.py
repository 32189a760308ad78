"""Drills: plans of what is made to fail, and what it means for replicas and voters. Pure; chance is a seed."""

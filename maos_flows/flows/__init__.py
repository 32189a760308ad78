"""Prefect, and nowhere else: tasks, the flow of one decision, workflows as flows."""

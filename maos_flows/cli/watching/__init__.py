"""Watching decisions: read from their recorded timelines, chosen by sections, shown as lines, JSON or a live screen."""

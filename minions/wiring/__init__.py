"""From settings to a planner and an executor: who answers is decided once, and built here."""

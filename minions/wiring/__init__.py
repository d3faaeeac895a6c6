"""The planner and the executor of a run, chosen once from the settings, and built here."""

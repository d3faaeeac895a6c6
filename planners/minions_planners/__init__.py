"""Strategies that plan: the cloud planner, and the same without a cloud."""

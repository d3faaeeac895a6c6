"""Evaluation: ask questions with known answers, score what comes back, and compare protocols."""

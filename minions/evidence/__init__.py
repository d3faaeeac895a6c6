"""Locates evidence, reduces findings to an outcome, and writes the digest that is sent."""

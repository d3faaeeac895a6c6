"""Limits what is sent to what the policy allows."""

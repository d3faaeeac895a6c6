"""Limits the text that is sent to the parts that the policy allows."""

"""Sensitive values: found, replaced by placeholders, put back."""

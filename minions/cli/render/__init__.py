"""Results rendered as lines of text."""

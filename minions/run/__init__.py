"""One question, start to end."""

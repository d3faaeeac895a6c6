"""One file a family of commands."""

"""Model files: which there are, and how they are resolved and verified by sha256."""

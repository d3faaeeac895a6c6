"""Model files: the known ones, where to get them, and their verification by sha256."""

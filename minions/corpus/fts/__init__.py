"""The index of chunks in SQLite's full-text search."""

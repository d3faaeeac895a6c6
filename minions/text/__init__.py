"""Strings in, facts out: no knowledge of documents, runs or models."""

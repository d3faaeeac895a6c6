"""Functions on strings, without any knowledge of documents, runs or models."""

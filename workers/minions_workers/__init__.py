"""The workers: they read chunks with a local model, and answer in the documents' own lines."""

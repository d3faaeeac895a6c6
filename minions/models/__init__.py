"""Transport adapters (one file a provider), and the wrappers that add one policy each."""

"""Transport adapters (one file a provider) and the wrappers that make policy of them."""

"""The workers: the extractor, and pools of endpoints."""

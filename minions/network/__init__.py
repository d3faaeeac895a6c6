"""Model references, credentials and connections: where models are served, and what may connect."""

"""Detectors of sensitive values, a module per family; `minions.redaction.detector` joins them."""

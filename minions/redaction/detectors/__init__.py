"""Detectors of values that must stay on the device, a module a family. ``minions.redaction.detector`` joins them."""

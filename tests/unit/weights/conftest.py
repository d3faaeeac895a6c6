"""A catalogue of one small model."""

from __future__ import annotations

from tests.small_model import content, entry, home, install

__all__ = ["content", "entry", "home", "install"]

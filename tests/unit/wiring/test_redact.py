"""What the settings have redacted."""

from __future__ import annotations

from typing import Any

import pytest

from minions.errors import ConfigError
from minions.settings import Settings
from minions.wiring.redact import detector_for

TEXT = "Project Heron, HX-4471: write to moira.kelso@skerrow.example."


def _found(**settings: Any) -> list[str]:
    detect = detector_for(Settings.load(settings).redaction())
    return [] if detect is None else [TEXT[value.start : value.end] for value in detect(TEXT)]


def test_values_are_found_by_themselves() -> None:
    """Nobody has to ask for it."""
    assert _found() == ["moira.kelso@skerrow.example"]


def test_without_redaction_what_the_user_named_stays_all_the_same() -> None:
    """Who turns it off and lists words means that everything else may go: the list is never sent."""
    assert _found(redact=False) == []
    assert _found(redact=False, redact_words=("project heron",)) == ["Project Heron"]
    assert _found(redact=False, redact_patterns=(r"HX-\d+",)) == ["HX-4471"]


def test_a_list_that_cannot_be_used_is_refused_with_redaction_off_too() -> None:
    """It is not passed by in silence."""
    with pytest.raises(ConfigError):
        detector_for(Settings.load({"redact": False, "redact_words": ("",)}).redaction())

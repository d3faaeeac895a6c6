"""The detector that the settings ask for."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.redaction.detector import Detector
    from minions.settings import Settings


def detector_for(settings: Settings) -> Detector | None:
    """What finds the values that stay here; None where redaction is off and the user named nothing.

    What the user named stays here even where redaction is off: who turns it off says that the rest may go.

    Raises ConfigError for a word or pattern that cannot be used, or where people are to be found and nothing that finds
    them is installed.
    """
    return _detector(
        settings.redact, settings.redact_words, settings.redact_patterns, settings.redact_people
    )


@lru_cache(maxsize=8)
def _detector(
    on: bool, words: tuple[str, ...], patterns: tuple[str, ...], people: bool | None
) -> Detector | None:
    if not (on or words or patterns or people):
        return None
    from minions.redaction.detector import FAMILIES, detector

    named = people if on else bool(people)  # found where they can be, unless redaction is off
    return detector(
        words=words, patterns=patterns, people=_people(named), families=FAMILIES if on else ()
    )


def _people(wanted: bool | None) -> Detector | None:
    if wanted is False or (wanted is None and find_spec("presidio_analyzer") is None):
        return None
    from minions.redaction.detectors.people import people_detector

    return people_detector(required=bool(wanted))

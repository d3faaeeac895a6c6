"""The detector of sensitive values that the settings ask for."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.redaction.detector import Detector
    from minions.values.policy import Redaction


@lru_cache(maxsize=8)
def detector_for(redaction: Redaction) -> Detector | None:
    """The detector of values to redact; None if redaction is off and the user named no values.

    The user's own words and patterns are redacted even where redaction is off: turning it off
    allows only the rest to be sent.

    Raises ConfigError for a word or pattern that cannot be used, and where people are to be
    redacted and no detector of people is installed.
    """
    people = redaction.people
    if people is None:
        people = redaction.on and find_spec("presidio_analyzer") is not None
    if not (redaction.on or redaction.words or redaction.patterns or people):
        return None
    from minions.redaction.detector import FAMILIES, detector

    finds_people = None
    if people:
        from minions.redaction.detectors.people import people_detector

        finds_people = people_detector(required=bool(redaction.people))
    return detector(
        words=redaction.words,
        patterns=redaction.patterns,
        people=finds_people,
        families=FAMILIES if redaction.on else (),
    )

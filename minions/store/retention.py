"""Remove the documents' text from an answer, for ``retain_text = false``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.values.answers import Answer

_COUNT = re.compile(r"warnings that were not kept: \d+")


def without_text(answer: Answer) -> Answer:
    """Return the answer without its words, quotes and calculations; warnings become their number.

    The question, spans, statuses, coverage and usage stay. ``minions verify`` needs quotes, and so
    the full result.
    """
    citations = tuple(citation.model_copy(update={"quote": ""}) for citation in answer.citations)
    changes = {
        "answer": None,
        "citations": citations,
        "calculations": (),
        "warnings": _counted(answer.warnings),
    }
    return answer.model_copy(update=changes)


def _counted(warnings: tuple[str, ...]) -> tuple[str, ...]:
    """Replace warnings by a sentence with their number."""
    was_counted = len(warnings) == 1 and _COUNT.fullmatch(warnings[0])
    if not warnings or was_counted:
        return warnings
    return (f"warnings that were not kept: {len(warnings)}",)


def is_without_text(answer: Answer) -> bool:
    """Return whether the run found an answer whose words were not kept."""
    return answer.stop_reason == "answered" and answer.answer is None

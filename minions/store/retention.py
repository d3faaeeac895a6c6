"""What is kept of an answer where no text of documents may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minions.values.answers import Answer

_COUNT = re.compile(r"warnings that were not kept: \d+")


def without_text(answer: Answer) -> Answer:
    """The answer as numbers and places: no words of it, no quotes, no arithmetic, and of the warnings how many there
    were. The question stays, and so do spans, statuses, coverage and usage: ``minions verify`` needs the result itself.
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
    if not warnings or (len(warnings) == 1 and _COUNT.fullmatch(warnings[0])):  # counted before
        return warnings
    return (f"warnings that were not kept: {len(warnings)}",)


def is_without_text(answer: Answer) -> bool:
    """Whether there was an answer, and its words were not kept."""
    return answer.stop_reason == "answered" and answer.answer is None

"""Check an answer's citations against the files: is each quote still at its place?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from minions.errors import UnreadableError
from minions.values.base import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.values.answers import Answer
    from minions.values.documents import Document
    from minions.values.findings import Citation

CheckStatus = Literal["ok", "moved", "changed", "missing"]


class CitationCheck(Value):
    """The result of checking one citation."""

    citation_id: str
    path: str
    start: int
    end: int
    status: CheckStatus
    """The state of the quote.

    ``ok``: it is at its offsets. ``moved``: it is elsewhere in the file. ``changed``: it is no
    longer in the file. ``missing``: the file cannot be read.
    """
    found_start: int | None = None
    """The nearest place of a quote that moved: its first character in the text, from 0."""
    reason: str | None = None
    """One sentence that explains any status but ``ok``."""


def verify_answer(answer: Answer, *, folder: Path | None = None) -> list[CitationCheck]:
    """Check all citations of an answer, in order, by reading the cited files again.

    Relative paths are below ``folder``, by default the working directory.
    """
    return verify_citations(answer.citations, folder=folder)


def verify_citations(
    citations: Sequence[Citation], *, folder: Path | None = None
) -> list[CitationCheck]:
    """Check citations, in order, as ``verify_answer`` does. Each file is read once."""
    read: dict[str, Document | UnreadableError] = {}
    for citation in citations:
        if citation.path not in read:
            read[citation.path] = _read(citation.path, folder or Path())
    return [_check(citation, read[citation.path]) for citation in citations]


def _read(path: str, folder: Path) -> Document | UnreadableError:
    from minions.corpus.readers import read_document

    try:
        return read_document(folder / Path(path).expanduser())
    except UnreadableError as error:
        return error
    except RuntimeError:  # a path with ~ and an unknown user
        return UnreadableError(path, "there is no such folder")


def check_quote(text: str, quote: str, start: int) -> tuple[CheckStatus, int | None]:
    """Look for a quote in a text, first at ``start`` and then elsewhere.

    Returns the status, and for a quote that moved the place that is nearest to ``start``.
    """
    if not quote:
        return "changed", None
    if start >= 0 and text.startswith(quote, start):
        return "ok", None
    start = min(max(start, 0), len(text))
    # Only the nearest place on each side is looked up: a short quote may be at a million places.
    before = text.rfind(quote, 0, start + len(quote))
    after = text.find(quote, start)
    if before < 0 and after < 0:
        return "changed", None
    if after < 0 or (before >= 0 and abs(before - start) <= abs(after - start)):
        return "moved", before
    return "moved", after


def _check(citation: Citation, source: Document | UnreadableError) -> CitationCheck:
    status: CheckStatus = "missing"
    found_start: int | None = None
    reason: str | None = None
    if isinstance(source, UnreadableError):
        reason = source.reason
    else:
        length = len(citation.quote)
        status, found_start = check_quote(source.text, citation.quote, citation.start)
        if status == "ok" and citation.end != citation.start + length:
            status = "moved"
            found_start = citation.start
        if status == "changed":
            reason = "the quote is no longer in the file"
        elif found_start is not None:
            reason = f"it is at characters {found_start}-{found_start + length}"
    return CitationCheck(
        citation_id=citation.id,
        path=citation.path,
        start=citation.start,
        end=citation.end,
        status=status,
        found_start=found_start,
        reason=reason,
    )

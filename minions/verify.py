"""Checks an answer's citations against the files themselves: does each quote still stand where it is said to?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from minions.errors import UnreadableError
from minions.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.answers import Answer
    from minions.documents import Document
    from minions.findings import Citation

CheckStatus = Literal["ok", "moved", "changed", "missing"]
_REASONS = {"changed": "the quote does not stand in the file any more"}


class CitationCheck(Value):
    """What became of a citation.

    ``ok``: the quote stands at its offsets. ``moved``: it stands elsewhere, nearest at ``found_start``. ``changed``:
    the file has other text. ``missing``: the file cannot be read; ``reason`` says why.
    """

    citation_id: str
    path: str
    start: int
    end: int
    status: CheckStatus
    found_start: int | None = None
    reason: str | None = None


def verify_answer(answer: Answer, *, folder: Path | None = None) -> list[CitationCheck]:
    """Re-read each cited file and check every citation, in order. Relative paths are below ``folder`` (here)."""
    return verify_citations(answer.citations, folder=folder)


def verify_citations(citations: Sequence[Citation], *, folder: Path | None = None) -> list[CitationCheck]:
    """The same for citations alone; each file is read once."""
    read: dict[str, Document | UnreadableError] = {}
    for citation in citations:
        if citation.path not in read:
            read[citation.path] = _read((folder or Path()) / Path(citation.path).expanduser())
    return [_check(citation, read[citation.path]) for citation in citations]


def _read(path: Path) -> Document | UnreadableError:
    from minions.corpus.readers import read_document

    try:
        return read_document(path)
    except UnreadableError as error:
        return error


def check_quote(text: str, quote: str, start: int) -> tuple[CheckStatus, int | None]:
    """Whether a quote stands in a text at ``start``, elsewhere (and where nearest), or not at all."""
    if not quote:
        return "changed", None
    if text[start : start + len(quote)] == quote:
        return "ok", None
    places: list[int] = []
    place = text.find(quote)
    while place >= 0:
        places.append(place)
        place = text.find(quote, place + 1)
    return ("moved", min(places, key=lambda found: abs(found - start))) if places else ("changed", None)


def _check(citation: Citation, source: Document | UnreadableError) -> CitationCheck:
    status: CheckStatus
    reason: str | None
    found_start = None
    if isinstance(source, UnreadableError):
        status, reason = "missing", source.reason
    else:
        status, found_start = check_quote(source.text, citation.quote, citation.start)
        reason = _REASONS.get(status)
        if found_start is not None:
            reason = f"it stands at characters {found_start}-{found_start + len(citation.quote)}"
    return CitationCheck(
        citation_id=citation.id,
        path=citation.path,
        start=citation.start,
        end=citation.end,
        status=status,
        found_start=found_start,
        reason=reason,
    )

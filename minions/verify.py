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


def _check(citation: Citation, source: Document | UnreadableError) -> CitationCheck:
    def result(status: CheckStatus, *, found_start: int | None = None, reason: str | None = None) -> CitationCheck:
        return CitationCheck(
            citation_id=citation.id,
            path=citation.path,
            start=citation.start,
            end=citation.end,
            status=status,
            found_start=found_start,
            reason=reason,
        )

    if isinstance(source, UnreadableError):
        return result("missing", reason=source.reason)
    if not citation.quote:
        return result("changed", reason="the citation has no quote")
    if source.text[citation.start : citation.end] == citation.quote:
        return result("ok")
    places = _places(source.text, citation.quote)
    if places:
        nearest = min(places, key=lambda start: abs(start - citation.start))
        return result(
            "moved", found_start=nearest, reason=f"it stands at characters {nearest}-{nearest + len(citation.quote)}"
        )
    return result("changed", reason="the quote does not stand in the file any more")


def _places(text: str, quote: str) -> list[int]:
    places: list[int] = []
    start = text.find(quote)
    while start >= 0:
        places.append(start)
        start = text.find(quote, start + len(quote))
    return places

"""Checks an answer's citations against the files themselves: does each quote still stand where it is said to?"""

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


def verify_citations(
    citations: Sequence[Citation], *, folder: Path | None = None
) -> list[CitationCheck]:
    """The same for citations alone; each file is read once."""
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
    except RuntimeError:  # ~ of a user that this machine has not
        return UnreadableError(path, "there is no such folder")


def check_quote(text: str, quote: str, start: int) -> tuple[CheckStatus, int | None]:
    """Whether a quote stands in a text at ``start``, elsewhere (and where nearest), or not at all."""
    if not quote:
        return "changed", None
    if start >= 0 and text.startswith(quote, start):
        return "ok", None
    start = min(max(start, 0), len(text))
    # Two looks, not one at every place: a quote of one letter stands in a text of a million of them as often.
    places = [text.rfind(quote, 0, start + len(quote)), text.find(quote, start)]
    found = [place for place in places if place >= 0]
    return (
        ("moved", min(found, key=lambda place: abs(place - start))) if found else ("changed", None)
    )


def _check(citation: Citation, source: Document | UnreadableError) -> CitationCheck:
    status: CheckStatus
    reason: str | None
    found_start = None
    if isinstance(source, UnreadableError):
        status, reason = "missing", source.reason
    else:
        status, found_start = check_quote(source.text, citation.quote, citation.start)
        if status == "ok" and citation.end != citation.start + len(citation.quote):
            status, found_start = "moved", citation.start
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

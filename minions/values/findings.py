"""Findings and citations: what workers bring back, located in the document's own text."""

from __future__ import annotations

from typing import Literal

from minions.values.base import Value

CitationStatus = Literal["exact", "normalised", "fuzzy", "missing"]


class Citation(Value):
    """A quote and the span it stands at: ``quote == document.text[start:end]``, for every status but ``missing``.

    ``status`` tells how the worker's evidence was located: by pointing at lines or verbatim (``exact``), after
    normalising white space, case and punctuation (``normalised``), or by bounded approximate matching (``fuzzy``);
    ``score`` in [0, 1] how well.
    """

    id: str
    document_id: str
    path: str
    page: int | None
    start: int
    end: int
    quote: str
    status: CitationStatus
    score: float


class Finding(Value):
    """A worker's answer with its evidence. ``confidence`` in [0, 1] orders the digest.

    ``passage`` is the chunk it was found in, ``sample`` the repetition of the job: what belongs together counts once.

    ``before`` and ``after`` are the document's lines around the quote, which with it span ``context_start`` to
    ``context_end``; ``headings`` and ``table_header`` say where it stands.
    """

    id: str
    task_id: str
    answer: str | None
    confidence: float
    citation: Citation
    headings: tuple[str, ...] = ()
    table_header: str | None = None
    before: str = ""
    after: str = ""
    context_start: int = 0
    context_end: int = 0
    passage: str = ""
    sample: int = 0


class Digest(Value):
    """The text that goes up: ``text`` is what the planner reads, ``findings`` what its ids stand for, ``gist`` the
    one-line summary. ``whole``: the findings are passages, uncut and in their own lines. ``document_bytes``: of the
    documents' own words; ``kept_back``: findings that would have gone up but for the egress limit.
    """

    text: str
    findings: tuple[Finding, ...]
    gist: str
    tokens: int
    whole: bool = False
    document_bytes: int = 0
    kept_back: int = 0

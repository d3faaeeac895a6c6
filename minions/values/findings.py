"""Findings and citations: the workers' answers, located in the document's own text."""

from __future__ import annotations

from typing import Literal

from minions.values.base import Value

CitationStatus = Literal["exact", "normalised", "fuzzy", "missing"]


class Citation(Value):
    """A quote and its place in a document.

    ``quote == document.text[start:end]`` holds for every status but ``missing``.
    """

    id: str
    document_id: str
    path: str
    page: int | None
    """The page on which the quote starts, from 1; None for formats without pages."""
    start: int
    """The offset of the quote's first character in the document's text, from 0."""
    end: int
    """The offset after the quote's last character."""
    quote: str
    status: CitationStatus
    """The way the worker's evidence was located in the text.

    ``exact``: by line numbers, or as a verbatim quote. ``normalised``: after normalising white
    space, case and punctuation. ``fuzzy``: by bounded approximate matching. ``missing``: not at
    all.
    """
    score: float
    """The quality of the match in [0, 1]; 1 is a perfect match."""


class Finding(Value):
    """A worker's answer with its evidence."""

    id: str
    task_id: str
    answer: str | None
    confidence: float
    """The worker's confidence in [0, 1]; findings in the digest are sorted by it."""
    citation: Citation
    headings: tuple[str, ...] = ()
    """The headings above the quote, outermost first."""
    table_header: str | None = None
    """The header row of the table around the quote, where it is in an earlier chunk."""
    before: str = ""
    """The document's lines right before the quote."""
    after: str = ""
    """The document's lines right after the quote."""
    context_start: int = 0
    """The offset of the first character of ``before`` in the document's text, from 0."""
    context_end: int = 0
    """The offset after the last character of ``after``."""
    passage: str = ""
    """The id of the chunk that the worker read."""
    sample: int = 0
    """The number of the job's repetition, from 0. Equal findings of several samples count once."""


class Digest(Value):
    """A round's findings, reduced to a short text for the planner."""

    text: str
    """The text that the planner reads."""
    findings: tuple[Finding, ...]
    """The findings in the text, in the order of their ids there."""
    gist: str
    """A summary in one line, for later rounds."""
    tokens: int
    """The estimated tokens of ``text`` (`minions.text.tokens`)."""
    whole: bool = False
    """True if the findings are whole chunks in their original lines."""
    document_bytes: int = 0
    """Bytes in ``text`` that come from the documents."""
    kept_back: int = 0
    """Findings that were withheld only because of the egress limit."""

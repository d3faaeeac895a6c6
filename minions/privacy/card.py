"""The card: a description of the corpus for the planner.

It always gives sizes; names, titles and headings as policy and budget allow.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.corpus.contents import Contents
from minions.corpus.structure import TITLE_CHARS
from minions.redaction.shown_names import SHOWN_TITLE_CHARACTERS, plain, uncut
from minions.text.tokens import estimate_tokens
from minions.values.documents import CorpusCard
from minions.values.policy import Policy, shows_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.corpus.port import Corpus
    from minions.values.documents import DocumentFacts

NAMES_TOKENS = 120
OUTLINE_TOKENS = 70  # over all documents
_OUTLINED_DOCUMENTS = 3


def describe(documents: Sequence[DocumentFacts], policy: Policy) -> CorpusCard:
    """Write the card; beyond ``NAMES_TOKENS``, patterns and counts replace the names."""
    return _card(Contents(documents), policy)


def card_of(corpus: Corpus, policy: Policy) -> CorpusCard:
    """The card of an open corpus; it is written once, however many questions follow."""
    contents = corpus.contents
    return contents.once(("card", policy), lambda: _card(contents, policy))


def _card(contents: Contents, policy: Policy) -> CorpusCard:
    count = len(contents)
    documents = "1 document"
    if count != 1:
        documents = f"{count} documents"
    sizes = f"{_short(contents.tokens)} tokens"
    if contents.pages:
        sizes += f", {contents.pages} pages"
    # In brackets: a name after "tokens: " reads like a key that must not be sent.
    text = f"{documents} ({sizes}): {_names(contents, policy)}"
    return CorpusCard(documents=count, tokens=contents.tokens, pages=contents.pages, text=text)


def _names(contents: Contents, policy: Policy) -> str:
    """The names, with their titles and the headings of a few documents as far as they fit."""
    count = len(contents)
    shown = contents.shown
    if not shows_names(policy):
        if count == 1:
            return "d1"
        return f"d1 to d{count}"
    if not _fits(shown):
        return _patterns(shown)
    names: list[str] = []
    for name, title in zip(shown, contents.columns.titles, strict=True):
        names.append(_titled(name, title))
    if not _fits(names):
        names = list(shown)
    if count <= _OUTLINED_DOCUMENTS:
        budget = OUTLINE_TOKENS // max(1, count)
        for place, document in enumerate(contents.documents):
            names[place] += _outline(document, budget)
    return "; ".join(names)


def _fits(names: Sequence[str]) -> bool:
    return estimate_tokens("; ".join(names)) <= NAMES_TOKENS


def _titled(name: str, title: str) -> str:
    """The name with the title, unless the title is the file's name."""
    title = plain(title, SHOWN_TITLE_CHARACTERS)
    file = PurePath(name)
    if not title or title.casefold() in {file.name.casefold(), file.stem.casefold()}:
        return name
    return f'{name} "{title}"'


def _outline(document: DocumentFacts, budget: int) -> str:
    """The headings of the two topmost levels, in brackets, until the budget is used."""
    top = min((heading.level for heading in document.outline), default=1)
    headings: list[str] = []
    for heading in document.outline:
        text = plain(uncut(heading.text, TITLE_CHARS), SHOWN_TITLE_CHARACTERS)
        if heading.level > top + 1 or text.casefold() == document.title.casefold():
            continue
        budget -= estimate_tokens(text) + 1
        if budget < 0:
            headings.append("...")
            break
        headings.append(text)
    if not headings:
        return ""
    return f" ({', '.join(headings)})"


def _patterns(names: Sequence[str]) -> str:
    """Names with their numbers masked, by frequency: ``filing_#.txt (212)``.

    They end where the budget is used; a few whole names follow as examples.
    """
    counts = Counter([re.sub(r"\d+", "#", name) for name in names])
    if len(counts) > len(names) // 2:
        counts = Counter([f"*{PurePath(name).suffix}" for name in names])
    parts: list[str] = []
    for pattern, count in counts.most_common():
        part = pattern
        if count > 1:
            part += f" ({count})"
        parts.append(part)
        if estimate_tokens("; ".join(parts)) > NAMES_TOKENS:
            parts[-1] = "..."
            break
    examples = ", ".join(names[:3])
    return f"{'; '.join(parts)}; for example {examples}"


def _short(tokens: int) -> str:
    """A number in short form: ``12.3k`` for 12,345 tokens."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if tokens >= size:
            return f"{tokens / size:.3g}{unit}"
    return str(tokens)

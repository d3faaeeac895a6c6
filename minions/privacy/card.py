"""The card: what the planner sees of the corpus. Sizes always; names, titles and headings as policy and budget
allow.
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
OUTLINE_TOKENS = 70
_OUTLINED_DOCUMENTS = 3


def describe(documents: Sequence[DocumentFacts], policy: Policy) -> CorpusCard:
    """Write the card. Beyond ``NAMES_TOKENS`` of names, patterns and counts stand for them."""
    return _card(Contents(documents), policy)


def card_of(corpus: Corpus, policy: Policy) -> CorpusCard:
    """The card of an open corpus, written once however many questions are asked of it."""
    contents = corpus.contents
    return contents.once(("card", policy), lambda: _card(contents, policy))


def _card(contents: Contents, policy: Policy) -> CorpusCard:
    count = len(contents)
    pages = f", {contents.pages} pages" if contents.pages else ""
    # In brackets: a name after "tokens: " reads like a key that must stay on the device.
    sizes = f"{count} document{'s' * (count != 1)} ({_short(contents.tokens)} tokens{pages})"
    text = f"{sizes}: {_names(contents, policy)}"
    return CorpusCard(documents=count, tokens=contents.tokens, pages=contents.pages, text=text)


def _names(contents: Contents, policy: Policy) -> str:
    count, shown = len(contents), contents.shown
    if not shows_names(policy):
        return "d1" if count == 1 else f"d1 to d{count}"
    if not _fits(shown):
        return _patterns(shown)
    names = [
        _titled(name, title) for name, title in zip(shown, contents.columns.titles, strict=True)
    ]
    if not _fits(names):
        names = list(shown)
    if count <= _OUTLINED_DOCUMENTS:
        budget = OUTLINE_TOKENS // max(1, count)
        return "; ".join(
            name + _outline(document, budget)
            for name, document in zip(names, contents.documents, strict=True)
        )
    return "; ".join(names)


def _fits(names: Sequence[str]) -> bool:
    return estimate_tokens("; ".join(names)) <= NAMES_TOKENS


def _titled(name: str, title: str) -> str:
    title = plain(title, SHOWN_TITLE_CHARACTERS)
    if not title or title.casefold() in {
        PurePath(name).name.casefold(),
        PurePath(name).stem.casefold(),
    }:
        return name
    return f'{name} "{title}"'


def _outline(document: DocumentFacts, budget: int) -> str:
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
    return f" ({', '.join(headings)})" if headings else ""


def _patterns(names: Sequence[str]) -> str:
    """Names with their numbers masked, by frequency: ``filing_#.txt (212)``, until the budget is used."""
    counts = Counter(re.sub(r"\d+", "#", name) for name in names)
    if len(counts) > len(names) // 2:
        counts = Counter("*" + PurePath(name).suffix for name in names)
    parts: list[str] = []
    for pattern, count in counts.most_common():
        parts.append(f"{pattern} ({count})" if count > 1 else pattern)
        if estimate_tokens("; ".join(parts)) > NAMES_TOKENS:
            parts[-1] = "..."
            break
    examples = ", ".join(names[:3])
    return f"{'; '.join(parts)}; for example {examples}"


def _short(tokens: int) -> str:
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if tokens >= size:
            return f"{tokens / size:.3g}{unit}"
    return str(tokens)

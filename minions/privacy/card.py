"""The card: what the planner sees of the corpus. Sizes always; names, titles and headings as policy and budget
allow.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.documents import CorpusCard
from minions.privacy.names import distinct_names
from minions.privacy.policy import Policy, shows_names
from minions.tokens import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.documents import DocumentFacts

NAMES_TOKENS = 120
OUTLINE_TOKENS = 70
_OUTLINED_DOCUMENTS = 3
_TITLE_CHARACTERS = 70


def describe(documents: Sequence[DocumentFacts], policy: Policy) -> CorpusCard:
    """Write the card. Beyond ``NAMES_TOKENS`` of names, patterns and counts stand for them."""
    tokens = sum(document.tokens for document in documents)
    pages = sum(document.pages or 0 for document in documents)
    sizes = f"{len(documents)} document{'s' * (len(documents) != 1)}, {_short(tokens)} tokens"
    if pages:
        sizes += f", {pages} pages"
    listed = _names(documents, policy)
    return CorpusCard(documents=len(documents), tokens=tokens, pages=pages, text=f"{sizes}: {listed}")


def _names(documents: Sequence[DocumentFacts], policy: Policy) -> str:
    if not shows_names(policy):
        return "d1" if len(documents) == 1 else f"d1 to d{len(documents)}"
    plain = distinct_names(documents)
    names = [_titled(name, document) for name, document in zip(plain, documents, strict=True)]
    if not _fits(names):
        names = plain
    if not _fits(names):
        return _patterns(plain)
    if len(documents) <= _OUTLINED_DOCUMENTS:
        return "; ".join(
            name + _outline(document, OUTLINE_TOKENS // len(documents))
            for name, document in zip(names, documents, strict=True)
        )
    return "; ".join(names)


def _fits(names: Sequence[str]) -> bool:
    return estimate_tokens("; ".join(names)) <= NAMES_TOKENS


def _titled(name: str, document: DocumentFacts) -> str:
    title = " ".join(document.title.split())
    if not title or title.casefold() in {PurePath(name).name.casefold(), PurePath(name).stem.casefold()}:
        return name
    return f'{name} "{title[:_TITLE_CHARACTERS]}"'


def _outline(document: DocumentFacts, budget: int) -> str:
    top = min((heading.level for heading in document.outline), default=1)
    headings: list[str] = []
    for heading in document.outline:
        text = " ".join(heading.text.split())[:_TITLE_CHARACTERS]
        if heading.level > top + 1 or text.casefold() == document.title.casefold():
            continue
        budget -= estimate_tokens(text) + 1
        if budget < 0:
            headings.append("...")
            break
        headings.append(text)
    return f" ({', '.join(headings)})" if headings else ""


def _patterns(names: list[str]) -> str:
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

"""Queries in the index's terms: words, "exact phrases", prefix* words; and how several rankings become one."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.text.small_words import SEARCH_STOPWORDS as _STOPWORDS
from minions.values.base import Value
from minions.values.documents import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A phrase's vote for a chunk is this power of the share that its score has of the phrase's best; docs/experiments.md.
_STEEPNESS: Final = 2
_MAX_TERMS: Final = 48
_MAX_PHRASE_WORDS: Final = 8
_MAX_QUERY_CHARS: Final = 4000  # what stands behind is no query any more
_QUOTED: Final = re.compile(r'["“”„]([^"“”„]*)["“”„]?')
# A number keeps its points and commas; a word is what stands between white space and punctuation.
_WORD: Final = re.compile(
    r"\d[\d.,]*\d|[^\s!-/:-@\[-`{-~\u00a0-\u00bf\u2000-\u206f\u3000-\u303f\ud800-\udfff\0-\x1f]+"
)
_PREFIX: Final = re.compile(r"(?<!\w)(\w+)\*(?!\w)")


class SearchHit(Value):
    """A chunk that a query found: ``score`` is BM25 (higher is better), ``snippet`` the place, [matches] marked."""

    chunk: Chunk
    score: float
    snippet: str


class Terms(NamedTuple):
    """A query as FTS5 reads it: words, phrases and prefixes, any of which may match, and all words in sequence."""

    any_of: tuple[str, ...]
    sequence: str | None = None
    core: str | None = None  # the sequence from its first word that says something to its last


def match_expression(query: str) -> str:
    """The FTS5 expression for what a person or a planner typed; empty when it holds no word. Any text is safe.

    Words are alternatives, all of them in sequence count extra; ``"quoted words"`` match as a phrase, ``prefix*`` as a
    prefix. Words that stand in every text are dropped where others remain.
    """
    return any_of(match_terms(query))


def match_terms(query: str) -> Terms:
    """The parts of `match_expression`."""
    query = query[:_MAX_QUERY_CHARS]
    prefixes = _PREFIX.findall(query)
    rest = _PREFIX.sub(" ", query)
    phrases = [_WORD.findall(quoted) for quoted in _QUOTED.findall(rest)]
    words = [word.lower() for word in _WORD.findall(_QUOTED.sub(" ", rest))]
    rare = [word for word in words if word not in _STOPWORDS]
    if not rare and not prefixes and not any(phrases):
        rare = words
    terms = [f"{_quote(prefix)} *" for prefix in prefixes]
    terms += [_quote(" ".join(phrase)) for phrase in phrases if phrase]
    terms += [_quote(word) for word in rare]
    sequence = _quote(" ".join(words)) if 1 < len(words) <= _MAX_PHRASE_WORDS else None
    return Terms(
        tuple(dict.fromkeys(terms))[:_MAX_TERMS], sequence, _core(words) if sequence else None
    )


def any_of(terms: Terms) -> str:
    """The expression that any of the terms matches."""
    return " OR ".join(
        dict.fromkeys((*terms.any_of, terms.sequence) if terms.sequence else terms.any_of)
    )


def fuse(rankings: Iterable[Sequence[tuple[int, float]]], limit: int) -> list[int]:
    """Join rankings, each of keys with positive scores and best first; equal ones by first appearance.

    Each ranking says as much as another: what is best there weighs 1, what has half of the best score a quarter.
    """
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for key, score in ranking:
            scores[key] += (score / ranking[0][1]) ** _STEEPNESS
    return sorted(scores, key=lambda key: -scores[key])[:limit]


def _core(words: Sequence[str]) -> str | None:
    said = [at for at, word in enumerate(words) if word not in _STOPWORDS]
    return _quote(" ".join(words[said[0] : said[-1] + 1])) if len(said) > 1 else None


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'

"""Queries as FTS5 expressions: words, "exact phrases", prefix* words; and fusion of rankings."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from minions.text.small_words import SEARCH_STOPWORDS as _STOPWORDS
from minions.values.base import Value
from minions.values.documents import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A phrase's vote for a chunk: the chunk's score as a share of the phrase's best, to this power. See
# docs/experiments.md.
_STEEPNESS: Final = 2
_MAX_TERMS: Final = 48
_MAX_PHRASE_WORDS: Final = 8
_MAX_QUERY_CHARS: Final = 4000  # the rest of a longer text is ignored
_QUOTED: Final = re.compile(r'["“”„]([^"“”„]*)["“”„]?')
# A number keeps its points and commas. A word ends at white space or punctuation.
_WORD: Final = re.compile(
    r"\d[\d.,]*\d|[^\s!-/:-@\[-`{-~\u00a0-\u00bf\u2000-\u206f\u3000-\u303f\ud800-\udfff\0-\x1f]+"
)
_PREFIX: Final = re.compile(r"(?<!\w)(\w+)\*(?!\w)")


class SearchHit(Value):
    """A chunk that a query found.

    ``score`` is BM25; higher is better. ``snippet`` is the text around the [matches], in brackets.
    """

    chunk: Chunk
    score: float
    snippet: str


class Terms(NamedTuple):
    """The parts of an FTS5 expression.

    ``any_of`` are words, phrases and prefixes, any of which may match. ``sequence`` is all words as
    one phrase, ``core`` the same without small words at its ends.
    """

    any_of: tuple[str, ...]
    sequence: str | None = None
    core: str | None = None


def match_expression(query: str) -> str:
    """The FTS5 expression for a query that a person or a planner typed; any text is safe.

    Words are alternatives, and all of them in sequence count extra. ``"quoted words"`` match as a
    phrase, ``prefix*`` as a prefix. Small words that every text holds are dropped where others
    remain. The expression of a query without words is empty.
    """
    return any_of(match_terms(query))


def match_terms(query: str) -> Terms:
    """The parts of `match_expression`'s expression."""
    query = query[:_MAX_QUERY_CHARS]
    prefixes = _PREFIX.findall(query)
    rest = _PREFIX.sub(" ", query)
    terms = [f"{_quote(prefix)} *" for prefix in prefixes]
    for quoted in _QUOTED.findall(rest):
        phrase = _WORD.findall(quoted)
        if phrase:
            terms.append(_quote(" ".join(phrase)))
    words = [word.lower() for word in _WORD.findall(_QUOTED.sub(" ", rest))]
    telling = [at for at, word in enumerate(words) if word not in _STOPWORDS]
    if telling:
        terms += [_quote(words[at]) for at in telling]
    elif not terms:
        terms = [_quote(word) for word in words]
    sequence = None
    core = None
    if 1 < len(words) <= _MAX_PHRASE_WORDS:
        sequence = _quote(" ".join(words))
        if len(telling) > 1:
            core = _quote(" ".join(words[telling[0] : telling[-1] + 1]))
    return Terms(tuple(dict.fromkeys(terms))[:_MAX_TERMS], sequence, core)


def any_of(terms: Terms) -> str:
    """The expression that matches where any of the terms does, or all words in sequence."""
    alternatives = dict.fromkeys(terms.any_of)
    if terms.sequence:
        alternatives[terms.sequence] = None
    return " OR ".join(alternatives)


def fuse(rankings: Iterable[Sequence[tuple[int, float]]], limit: int) -> list[int]:
    """The best ``limit`` keys of several rankings; keys with equal votes by first appearance.

    A ranking holds keys with positive scores, best first. All rankings weigh the same: a ranking's
    best key gets a vote of 1, a key with half of the best score gets a quarter.
    """
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for key, score in ranking:
            best = ranking[0][1]
            scores[key] += (score / best) ** _STEEPNESS
    return sorted(scores, key=lambda key: -scores[key])[:limit]


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'

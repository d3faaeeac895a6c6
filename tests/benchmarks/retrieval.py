"""A development set as retrieval sees it: its chunks in words of the index, its questions, and where answers stand.

Rankings are worked out in plain Python over the index's own words, by FTS5's formula, so that another formula can be
tried. `measure_recall.py` shows beside them what the index itself finds.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter, defaultdict
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from minions.corpus.fts.query import match_terms
from minions.corpus.fts.schema import TOKENIZER
from minions.corpus.index import Index
from minions.evals.dataset import read_dataset
from minions.evals.evaluate import unpacked
from minions.evals.losses import gold_chunks
from minions.text.numbers import numbers_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from minions.corpus.port import Corpus
    from minions.evals.dataset import Example
    from minions.values.documents import Chunk

PLANS = Path(__file__).parent / "plans"
MOST = 20  # chunks that are looked at
K1, B = 1.2, 0.75  # FTS5's
_MOST_HOLDERS = 6  # a figure in more chunks than this tells no place
_SHARE = 0.6  # of an answer's content words, by which its place is known
_MARGIN = 0.1

Term = tuple[str, ...]
Ranking = list[tuple[int, float]]


class Asked(NamedTuple):
    """A question, its tasks (phrases and instruction each), the rows it is about, and rows that hold its evidence: one
    of each set is wanted. ``indexed``: what the index finds for all phrases of it.
    """

    id: str
    question: str
    tasks: tuple[tuple[tuple[str, ...], str], ...]
    rows: Sequence[int]
    wanted: tuple[frozenset[int], ...] = ()
    indexed: tuple[int, ...] = ()


class Row(NamedTuple):
    """A chunk: its document, its estimated tokens, its text, and the words of text and heads with their counts."""

    document: str
    tokens: int
    text: str
    words: list[str]
    counts: Counter[str]
    heads: list[str]
    head_counts: Counter[str]

    @property
    def size(self) -> int:
        """How many words BM25 counts."""
        return len(self.words) + len(self.heads)


class Bench:
    """A set's rows, and those of its questions for which it is known where the answer stands."""

    def __init__(self, name: str, rows: Sequence[Row], asked: Sequence[Asked]) -> None:
        self.name, self.rows, self.asked = name, rows, asked
        self.holders: dict[str, list[int]] = defaultdict(list)
        for at, row in enumerate(rows):
            for word in row.counts.keys() | row.head_counts.keys():
                self.holders[word].append(at)
        self.mean_size = sum(row.size for row in rows) / len(rows)


class Overlapped:
    """A corpus whose chunks begin with a share of the chunk before them."""

    def __init__(self, corpus: Corpus, share: float) -> None:
        self._corpus, self._share, self.contents = corpus, share, corpus.contents

    def chunks(self, *, documents: Iterable[str] | None = None) -> Iterable[Chunk]:
        """Every chunk in scope, as in the corpus but for its text and tokens."""
        last: Chunk | None = None
        for chunk in self._corpus.chunks(documents=None if documents is None else set(documents)):
            if last is None or last.document_id != chunk.document_id or not self._share:
                yield chunk
            else:
                head = last.text[len(last.text) - int(len(last.text) * self._share) :]
                more = chunk.tokens + int(last.tokens * self._share)
                yield chunk.model_copy(update={"text": head + chunk.text, "tokens": more})
            last = chunk


def phrases(asked: Asked, what: str) -> list[str]:
    """What is searched: ``q`` the question, ``p`` the plan's phrases, ``i`` its instructions."""
    parts = {
        "p": [phrase for search, _ in asked.tasks for phrase in search],
        "i": [instruction for _, instruction in asked.tasks],
        "q": [asked.question],
    }
    return list(dict.fromkeys(chain.from_iterable(parts[one] for one in what))) or [asked.question]


def load(
    data: Path,
    name: str,
    scratch: Path,
    *,
    chunk_tokens: int = 500,
    overlap: float = 0,
    searched: str = "piq",
) -> Bench:
    """Cut a set's documents, and find out where its answers stand. The index is searched for ``searched``."""
    listed = data / name / "documents.jsonl"
    documents = unpacked(listed, scratch / name) if listed.exists() else data / name / "docs"
    with Index.open(scratch / f"{name}-{chunk_tokens}.sqlite3") as index:
        corpus, _ = index.update([documents], chunk_tokens=chunk_tokens)
        seen = cast("Corpus", Overlapped(corpus, overlap))
        titles = {facts.id: facts.title for facts in corpus.documents}
        chunks = list(seen.chunks())
        rows = [_row(chunk, titles[chunk.document_id]) for chunk in chunks]
        place = {chunk.id: at for at, chunk in enumerate(chunks)}
        plans = _plans(name)
        asked = []
        for example in read_dataset(data / name / "questions.jsonl"):
            ids = corpus.contents.select(example.documents).ids if example.documents else None
            about = [at for at, row in enumerate(rows) if ids is None or row.document in ids]
            known = frozenset(place[chunk.id] for chunk in gold_chunks(example, seen))
            one = Asked(example.id, example.question, plans.get(example.id, ()), about)
            if wanted := _wanted(example, known, rows, about):
                found = corpus.search(phrases(one, searched), documents=ids, limit=MOST)
                asked.append(
                    one._replace(wanted=wanted, indexed=tuple(place[chunk.id] for chunk in found))
                )
    return Bench(name, rows, asked)


def _wanted(
    example: Example, known: frozenset[int], rows: Sequence[Row], about: Sequence[int]
) -> tuple[frozenset[int], ...]:
    """Sets of rows. Where the answer stands word for word: those. Where it is written in words of its own: for each
    figure of three digits or more, years and the question's left out, the rows that hold it, if these are few; without
    such figures, the rows that hold most of its content words, if these are many.
    """
    if example.unanswerable:
        return ()
    if known and example.kind != "abstractive":
        return (known,)
    figures = _figures(example.answers[0]) - _figures(example.question)
    holders = [
        frozenset(at for at in about if figure in _figures(rows[at].text))
        for figure in sorted(figures)
    ]
    if told := tuple(one for one in holders if 0 < len(one) <= _MOST_HOLDERS):
        return told
    if known or example.kind in {"yesno", "count"}:
        return (known,) if known else ()
    return _worded(set(terms_of(example.answers[0])) - set(terms_of(example.question)), rows, about)


def _worded(
    terms: set[Term], rows: Sequence[Row], about: Sequence[int]
) -> tuple[frozenset[int], ...]:
    words = {term[0] for term in terms if len(term) == 1}
    if len(words) < 2:
        return ()
    share = {at: len(words & rows[at].counts.keys()) / len(words) for at in about}
    most = max(share.values())
    best = frozenset(at for at in about if share[at] >= max(_SHARE, most - _MARGIN))
    return (best,) if 0 < len(best) <= max(2, len(about) // 4) else ()


@lru_cache(maxsize=20_000)
def _figures(text: str) -> frozenset[str]:
    """The numbers of a text by their digits, so at any scale: 4.2 billion is 4,200 million. No years, none of two."""
    told = {number: number.normalize().as_tuple().digits for number in numbers_in(text)}
    return frozenset(
        "".join(map(str, digits))
        for number, digits in told.items()
        if len(digits) > 2 and not _is_year(number)
    )


def _is_year(number: Decimal) -> bool:
    return 1900 <= number < 2100 and number == int(number)


def _plans(name: str) -> Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]:
    lines = map(json.loads, (PLANS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return {
        one["id"]: tuple((tuple(task["search"]), task["instruction"]) for task in one["tasks"])
        for one in lines
    }


def _row(chunk: Chunk, title: str) -> Row:
    words, heads = words_of(chunk.text), words_of(" ".join((title, *chunk.headings)))
    return Row(
        chunk.document_id, chunk.tokens, chunk.text, words, Counter(words), heads, Counter(heads)
    )


class _Tokenizer:
    """The index's own: FTS5 cuts the text, and tells the words by position."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:")
        self._database.execute(
            f"CREATE VIRTUAL TABLE texts USING fts5 (text, tokenize='{TOKENIZER}')"
        )
        self._database.execute("CREATE VIRTUAL TABLE found USING fts5vocab (texts, instance)")

    def words(self, text: str) -> list[str]:
        self._database.execute("DELETE FROM texts")
        self._database.execute("INSERT INTO texts VALUES (?)", (text,))
        rows: list[tuple[Any]] = self._database.execute(
            'SELECT term FROM found ORDER BY "offset"'
        ).fetchall()
        return [str(term) for (term,) in rows]


_tokenizer = _Tokenizer()


def words_of(text: str) -> list[str]:
    """A text's words as the index has them."""
    return _tokenizer.words(text)


@lru_cache(maxsize=20_000)
def terms_of(phrase: str) -> tuple[Term, ...]:
    """What the index looks for: words that say something, quoted phrases, and all words in sequence."""
    terms = match_terms(phrase)
    written = (*terms.any_of, terms.sequence) if terms.sequence else terms.any_of
    return tuple(dict.fromkeys(term for one in written if (term := tuple(words_of(one)))))


class Ranker:
    """BM25 over a bench. As the index has it, unless told otherwise."""

    def __init__(
        self,
        bench: Bench,
        *,
        heads: float = 2,
        positive: bool = False,
        by_scope: bool = False,
        also: Ranker | None = None,
    ) -> None:
        """``positive``: words in most chunks keep a weight. ``by_scope``: a word's rarity is that in the question's
        documents. ``also``: a bench whose chunks count for rarity, too.
        """
        self.bench, self._heads, self._positive, self._by_scope, self._also = (
            bench,
            heads,
            positive,
            by_scope,
            also,
        )
        self._found: dict[Term, dict[int, float]] = {}

    def rank(self, terms: Mapping[Term, float], rows: Sequence[int], limit: int = 80) -> Ranking:
        """Rows with their scores, best first; a term counts as often as is said."""
        scope, scores = set(rows), defaultdict[int, float](float)
        for term, weight in terms.items():
            found = self.found(term)
            rarity = weight * self.rarity(term, scope)
            for at in found.keys() & scope:
                length = 1 - B + B * self.bench.rows[at].size / self.bench.mean_size
                scores[at] += rarity * found[at] * (K1 + 1) / (found[at] + K1 * length)
        return sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:limit]

    def found(self, term: Term) -> dict[int, float]:
        """How often a term stands in each row, heads weighted."""
        if term not in self._found:
            holders = set(self.bench.holders.get(term[0], ()))
            for word in term[1:]:
                holders &= set(self.bench.holders.get(word, ()))
            told = {at: self._times(term, self.bench.rows[at]) for at in holders}
            self._found[term] = {at: times for at, times in told.items() if times}
        return self._found[term]

    def rarity(self, term: Term, scope: set[int]) -> float:
        """The weight of a term: FTS5's, which is next to nothing for what stands in most chunks."""
        found = self.found(term)
        holders, of = (
            (len(found.keys() & scope), len(scope))
            if self._by_scope
            else (len(found), len(self.bench.rows))
        )
        if self._also is not None:
            holders, of = holders + len(self._also.found(term)), of + len(self._also.bench.rows)
        odds = (of - holders + 0.5) / (holders + 0.5)
        return math.log(1 + odds) if self._positive else max(math.log(odds), 1e-6)

    def _times(self, term: Term, row: Row) -> float:
        if len(term) == 1:
            return row.counts[term[0]] + self._heads * row.head_counts[term[0]]
        return _runs(term, row.words) + self._heads * _runs(term, row.heads)


def _runs(term: Term, words: Sequence[str]) -> int:
    size = len(term)
    return sum(
        words[at] == term[0] and tuple(words[at : at + size]) == term
        for at in range(len(words) - size + 1)
    )

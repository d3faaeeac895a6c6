"""Matching of chunks to a query by BM25, within a scope and within a bounded amount of work."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Final, Self

from minions.corpus.fts.query import any_of
from minions.corpus.fts.schema import TOKENIZER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from minions.corpus.fts.query import Terms
    from minions.corpus.fts.rows import Query

HEADS_WEIGHT: Final = 2.0  # of title and headings against the text; docs/experiments.md
# In an index of at most this many chunks, every match is scored. Scoring one takes 4 us, and
# finding it a twentieth of that.
EXACT_ROWS: Final = 20_000
# In a larger index, about this many chunks are scored for a query.
SCORED_ROWS: Final = 5000
# A word in more chunks than this says little, and even counting them takes long. It is used only
# where a query has no rarer word.
COMMON_ROWS: Final = 20_000
# In a large index, a scope of at most this many chunks gets an index of its own. That costs a third
# of a millisecond a chunk, once, and saves each query the matches outside of the scope.
ASIDE_ROWS: Final = 500
_ASIDES_KEPT: Final = 16
_COUNTS_KEPT: Final = 10_000
_RANGES_IN_SQL: Final = 4


class Scope:
    """Rows of chunks as sorted ranges (first row, last row) that neither touch nor overlap."""

    def __init__(self, ranges: tuple[tuple[int, int], ...]) -> None:
        self.ranges = ranges

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> Self:
        """The scope of spans (first row, number of rows), which do not overlap."""
        joined: list[tuple[int, int]] = []
        for first, count in sorted(spans):
            last = first + count - 1
            if joined and first == joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], last)
            elif count:
                joined.append((first, last))
        return cls(tuple(joined))

    @cached_property
    def rows(self) -> int:
        """The number of rows in scope."""
        return sum(last - first + 1 for first, last in self.ranges)

    @cached_property
    def marks(self) -> bytearray:
        """A byte for each row from the first in scope to the last: 1 for a row in scope, else 0."""
        first = self.ranges[0][0]
        marks = bytearray(self.ranges[-1][1] + 1 - first)
        for start, last in self.ranges:
            marks[start - first : last + 1 - first] = b"\1" * (last + 1 - start)
        return marks


class Matcher:
    """Matches queries within one snapshot.

    It is not thread-safe: `LocalCorpus` holds its lock around every call.
    """

    def __init__(self, snapshot: sqlite3.Connection, query: Query, *, chunks: int) -> None:
        """``query``: runs SQL in the snapshot. ``chunks``: the number of chunks in the index."""
        self._query = query
        self._chunks = chunks
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._marks = bytearray()
        self._first_marked = 0
        self._asides: OrderedDict[Scope, str] = OrderedDict()
        self._asides_made = 0

        def in_scope(row: int) -> int:
            return self._marks[row - self._first_marked]

        snapshot.create_function("in_scope", 1, in_scope, deterministic=True)

    def best(self, terms: Terms, scope: Scope | None, limit: int) -> list[tuple[int, float]]:
        """The rows and scores of the chunks in scope (None: all) that match best, best first."""
        if not terms.any_of or limit < 1 or (scope is not None and not scope.ranges):
            return []
        table = "words"
        within = ""
        bounds: tuple[int, ...] = ()
        if scope is None:
            expression = self._affordable(terms, self._chunks)
        elif scope.rows <= ASIDE_ROWS and self._chunks > EXACT_ROWS:
            table = self._aside(scope)
            expression = any_of(terms)
        else:
            expression = self._affordable(terms, scope.rows)
            within, bounds = self._within(scope)
        sql = (
            f"SELECT {table}.rowid, -bm25({table}, {HEADS_WEIGHT}, 1.0) AS score "  # noqa: S608 - constants
            f"FROM {table} WHERE {table} MATCH ? {within} "
            f"ORDER BY score DESC, {table}.rowid LIMIT ?"
        )
        found = self._query(sql, (expression, *bounds, limit))
        return [(int(row), float(score)) for row, score in found]

    def _affordable(self, terms: Terms, rows: int) -> str:
        """The expression to match in a scope of ``rows`` chunks, so that scoring stays affordable.

        In a large scope, a chunk must hold one of the rarest terms, as many of these as are worth
        scoring; the other terms add to the score of such a chunk. The rarest terms are named twice
        then, and so weigh twice: they are what a question is about.
        """
        if self._chunks <= EXACT_ROWS:
            return any_of(terms)
        # Small words at its ends make a sequence ten times slower to find: they are in every chunk.
        terms = terms._replace(sequence=terms.core)
        if rows <= SCORED_ROWS:
            return any_of(terms)
        counts = {term: self._count(term) for term in terms.any_of}
        if sum(counts.values()) <= SCORED_ROWS:
            return any_of(terms)
        rare: list[str] = []
        spent = 0
        for term in sorted(counts, key=counts.__getitem__):
            # Terms that no chunk holds cost nothing, and at least one of the others is needed.
            holds_something = spent > 0
            spent += counts[term]
            if holds_something and spent > SCORED_ROWS:
                break
            rare.append(term)
        others = [term for term in counts if term not in rare and counts[term] < COMMON_ROWS]
        # Chunks that hold the sequence hold all of its words, so it adds no chunk, only weight.
        sequence = [terms.sequence] if terms.sequence else []
        if not others:
            return " OR ".join([*rare, *sequence])
        every = " OR ".join([*rare, *others, *sequence])
        return f"({' OR '.join(rare)}) AND ({every})"

    def _count(self, term: str) -> int:
        """The number of chunks that hold a term, counted up to `COMMON_ROWS`."""
        if term not in self._counts:
            sql = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
            self._counts[term] = int(self._query(sql, (term, COMMON_ROWS))[0][0])
            if len(self._counts) > _COUNTS_KEPT:
                self._counts.popitem(last=False)
        return self._counts[term]

    def _within(self, scope: Scope) -> tuple[str, tuple[int, ...]]:
        """The SQL conditions that keep a match to a scope, and their values.

        FTS5 uses the outer bounds to begin and end its look-up; ``+`` keeps it from using the
        others.
        """
        outer = "AND words.rowid >= ? AND words.rowid <= ?"
        bounds = (scope.ranges[0][0], scope.ranges[-1][1])
        if len(scope.ranges) == 1:
            return outer, bounds
        if len(scope.ranges) <= _RANGES_IN_SQL:
            either = " OR ".join(["+words.rowid BETWEEN ? AND ?"] * len(scope.ranges))
            return f"{outer} AND ({either})", (*bounds, *chain.from_iterable(scope.ranges))
        self._marks = scope.marks
        self._first_marked = bounds[0]
        return f"{outer} AND in_scope(words.rowid)", bounds

    def _aside(self, scope: Scope) -> str:
        """A table in memory that indexes only the chunks of a small scope; recent ones are kept."""
        if scope not in self._asides:
            self._asides_made += 1
            table = f"aside_{self._asides_made}"
            self._asides[scope] = table
            options = f"heads, text, content='', tokenize='{TOKENIZER}'"
            self._query(f"CREATE VIRTUAL TABLE temp.{table} USING fts5 ({options})", ())
            for bounds in scope.ranges:
                rows = "SELECT pk, heads, text FROM chunks WHERE pk BETWEEN ? AND ?"
                self._query(f"INSERT INTO temp.{table} (rowid, heads, text) {rows}", bounds)
        self._asides.move_to_end(scope)
        if len(self._asides) > _ASIDES_KEPT:
            _, oldest = self._asides.popitem(last=False)
            self._query(f"DROP TABLE temp.{oldest}", ())
        return self._asides[scope]

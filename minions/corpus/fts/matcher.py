"""Which chunks match a query, and how well: BM25, kept to some documents and to a bounded amount of work."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

from minions.corpus.fts.query import any_of
from minions.corpus.fts.schema import TOKENIZER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from minions.corpus.fts.query import Terms
    from minions.corpus.fts.rows import Query

HEADS_WEIGHT: Final = 2.0  # of title and headings against the text; docs/experiments.md
# In an index of up to so many chunks all that match are scored. Scoring one takes 4 us, finding it a twentieth.
EXACT_ROWS: Final = 20_000
# In a larger one so many are scored for a query.
SCORED_ROWS: Final = 5000
# A word in more chunks than this says little, and even counting them takes long: it is used for lack of rarer ones.
COMMON_ROWS: Final = 20_000
# In a large index, a scope of up to so many chunks gets an index of its own: a third of a millisecond a chunk, once,
# instead of a look at all that match elsewhere, with every query.
ASIDE_ROWS: Final = 500
_ASIDES_KEPT: Final = 16
_COUNTS_KEPT: Final = 10_000
_RANGES_IN_SQL: Final = 4


class Scope:
    """Rows of chunks, as ranges (first and last) that neither touch nor overlap, in order."""

    def __init__(self, ranges: tuple[tuple[int, int], ...]) -> None:
        self.ranges = ranges

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> Self:
        """The scope of spans (first row, number of rows), which do not overlap."""
        joined: list[tuple[int, int]] = []
        for first, count in sorted(spans):
            if joined and first == joined[-1][1] + 1:
                joined[-1] = joined[-1][0], first + count - 1
            elif count:
                joined.append((first, first + count - 1))
        return cls(tuple(joined))

    @cached_property
    def rows(self) -> int:
        """How many rows are in scope."""
        return sum(last - first + 1 for first, last in self.ranges)

    @cached_property
    def marks(self) -> bytearray:
        """A byte for each row from the first range's first to the last one's last: 1 in scope, 0 out of it."""
        first = self.ranges[0][0]
        marks = bytearray(self.ranges[-1][1] + 1 - first)
        for start, last in self.ranges:
            marks[start - first : last + 1 - first] = b"\1" * (last + 1 - start)
        return marks


class Matcher:
    """Matches within one snapshot. Not for several threads at once: `LocalCorpus` holds its lock around it."""

    def __init__(self, snapshot: sqlite3.Connection, query: Query, *, chunks: int) -> None:
        """``chunks``: how many the snapshot holds, other runs' too."""
        self._query, self._chunks = query, chunks
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._marks, self._first_marked = bytearray(), 0
        self._asides: OrderedDict[Scope, str] = OrderedDict()
        self._asides_made = 0
        snapshot.create_function("in_scope", 1, self._in_scope, deterministic=True)

    def best(self, terms: Terms, scope: Scope | None, limit: int) -> list[tuple[int, float]]:
        """Rows of chunks and their scores, best first, within the scope (None: all)."""
        if not terms.any_of or limit < 1 or (scope is not None and not scope.ranges):
            return []
        within: str
        bounds: tuple[int, ...]
        if scope is not None and scope.rows <= ASIDE_ROWS and self._chunks > EXACT_ROWS:
            table, expression, within, bounds = self._aside(scope), any_of(terms), "", ()
        else:
            expression = self._affordable(terms, self._chunks if scope is None else scope.rows)
            table, (within, bounds) = "words", self._within(scope)
        sql = (
            f"SELECT {table}.rowid, -bm25({table}, {HEADS_WEIGHT}, 1.0) AS score FROM {table} "  # noqa: S608 - constants
            f"WHERE {table} MATCH ? {within} ORDER BY score DESC, {table}.rowid LIMIT ?"
        )
        return [
            (int(row), float(score))
            for row, score in self._query(sql, (expression, *bounds, limit))
        ]

    def _affordable(self, terms: Terms, rows: int) -> str:
        """The expression to match. In a large scope, chunks must hold one of the rarest terms, as many of these as are
        worth scoring; the others count where they stand beside them.

        Terms that must match weigh twice then: they are named twice, and the rarest are what a question is about.
        """
        if self._chunks <= EXACT_ROWS:
            return any_of(terms)
        # Little words at its ends make a sequence ten times as slow to look for: they stand in every chunk.
        terms = terms._replace(sequence=terms.core)
        if rows <= SCORED_ROWS:
            return any_of(terms)
        counts = {term: self._count(term) for term in terms.any_of}
        if sum(counts.values()) <= SCORED_ROWS:
            return any_of(terms)
        rare: list[str] = []
        spent = 0
        for term in sorted(counts, key=counts.__getitem__):
            spent += counts[term]
            if any(counts[one] for one in rare) and spent > SCORED_ROWS:
                break
            rare.append(term)
        # The words in sequence stand where all of them do, so they add no chunk, only weight.
        sequence = [terms.sequence] if terms.sequence else []
        others = [term for term in counts if term not in rare and counts[term] < COMMON_ROWS]
        if not others:
            return " OR ".join([*rare, *sequence])
        return f"({' OR '.join(rare)}) AND ({' OR '.join([*rare, *others, *sequence])})"

    def _count(self, term: str) -> int:
        """In how many chunks a term stands, counted up to `COMMON_ROWS`."""
        if term not in self._counts:
            sql = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
            self._counts[term] = int(self._query(sql, (term, COMMON_ROWS))[0][0])
            if len(self._counts) > _COUNTS_KEPT:
                self._counts.popitem(last=False)
        return self._counts[term]

    def _within(self, scope: Scope | None) -> tuple[str, tuple[int, ...]]:
        """The conditions that keep a match to a scope, and their values.

        The outer bounds are for the index, which begins and ends there; ``+`` keeps the others from it.
        """
        if scope is None:
            return "", ()
        outer = "AND words.rowid >= ? AND words.rowid <= ?"
        bounds = (scope.ranges[0][0], scope.ranges[-1][1])
        if len(scope.ranges) == 1:
            return outer, bounds
        if len(scope.ranges) <= _RANGES_IN_SQL:
            either = " OR ".join(["+words.rowid BETWEEN ? AND ?"] * len(scope.ranges))
            return f"{outer} AND ({either})", (
                *bounds,
                *(bound for one in scope.ranges for bound in one),
            )
        self._marks, self._first_marked = scope.marks, bounds[0]
        return f"{outer} AND in_scope(words.rowid)", bounds

    def _in_scope(self, row: int) -> int:
        return self._marks[row - self._first_marked]

    def _aside(self, scope: Scope) -> str:
        """A table in memory that indexes the chunks of a small scope alone; the last ones used are kept."""
        if scope not in self._asides:
            self._asides_made += 1
            table = self._asides[scope] = f"aside_{self._asides_made}"
            options = f"heads, text, content='', tokenize='{TOKENIZER}'"
            self._query(f"CREATE VIRTUAL TABLE temp.{table} USING fts5 ({options})", ())
            for bounds in scope.ranges:
                rows = "SELECT pk, heads, text FROM chunks WHERE pk BETWEEN ? AND ?"
                self._query(f"INSERT INTO temp.{table} (rowid, heads, text) {rows}", bounds)
        self._asides.move_to_end(scope)
        if len(self._asides) > _ASIDES_KEPT:
            self._query(f"DROP TABLE temp.{self._asides.popitem(last=False)[1]}", ())
        return self._asides[scope]

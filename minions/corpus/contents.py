"""The table of contents of a corpus: totals, names and selections over all documents, computed
once.

Facts are kept in columns. For 100,000 documents, a column of values takes little memory, and an
object for each document takes much.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, overload

from minions.corpus.selecting import Selector
from minions.redaction.shown_names import SHOWN_TITLE_CHARACTERS, plain, shown_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping

    from minions.corpus.selecting import Naming, Selection
    from minions.values.documents import DocumentFacts


T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
_NO_PAGES: Final = -1
_REMEMBERED: Final = 16  # each may hold the ids of most documents


class Columns(NamedTuple):
    """`DocumentFacts` as columns, without outlines; ``pages`` is -1 for formats without pages."""

    ids: list[str]
    paths: list[str]
    titles: list[str]
    tokens: array[int]
    chunks: array[int]
    pages: array[int]

    @classmethod
    def empty(cls) -> Columns:
        """Columns without rows, to be filled by ``add``."""
        return cls(
            ids=[], paths=[], titles=[], tokens=array("q"), chunks=array("q"), pages=array("q")
        )

    @classmethod
    def of(cls, documents: Iterable[DocumentFacts]) -> Columns:
        """The columns for documents, in the same order."""
        columns = cls.empty()
        for facts in documents:
            columns.add(facts.id, facts.path, facts.title, facts.tokens, facts.chunks, facts.pages)
        return columns

    def add(
        self, id_: str, path: str, title: str, tokens: int, chunks: int, pages: int | None
    ) -> None:
        """Append a document."""
        self.ids.append(id_)
        self.paths.append(path)
        self.titles.append(title)
        self.tokens.append(tokens)
        self.chunks.append(chunks)
        if pages is None:
            pages = _NO_PAGES
        self.pages.append(pages)

    def pick(self, places: Sequence[int]) -> Columns:
        """The columns of the documents at these places, in this order."""
        picked = Columns.empty()
        for place in places:
            picked.add(
                self.ids[place],
                self.paths[place],
                self.titles[place],
                self.tokens[place],
                self.chunks[place],
                self.pages_at(place),
            )
        return picked

    def pages_at(self, place: int) -> int | None:
        """The number of pages of the document at ``place``; None for a format without pages."""
        pages = self.pages[place]
        if pages == _NO_PAGES:
            return None
        return pages


class Contents:
    """Totals, names and selections over all documents of a corpus.

    Each of them costs a pass over all documents the first time, and nothing afterwards. One more
    question over an open corpus costs only what it reads, however many documents there are.
    """

    def __init__(self, documents: Sequence[DocumentFacts], columns: Columns | None = None) -> None:
        """``columns``: the columns for ``documents``, where the caller has them already."""
        self.documents = documents
        self.columns = Columns.of(documents) if columns is None else columns
        self._once: dict[Hashable, object] = {}
        self._selections: OrderedDict[tuple[Naming, tuple[str, ...]], Selection] = OrderedDict()
        self._chunks_in: OrderedDict[frozenset[str], int] = OrderedDict()
        self._parts: OrderedDict[frozenset[str], Contents] = OrderedDict()

    def __len__(self) -> int:
        return len(self.columns.ids)

    @cached_property
    def tokens(self) -> int:
        """Estimated tokens of all documents."""
        return sum(self.columns.tokens)

    @cached_property
    def chunks(self) -> int:
        """The number of chunks of all documents."""
        return sum(self.columns.chunks)

    @cached_property
    def pages(self) -> int:
        """The number of pages of all documents that have pages."""
        return sum(pages for pages in self.columns.pages if pages != _NO_PAGES)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Each document's place in the order of the corpus, by its id; the first is 0."""
        return {id_: place for place, id_ in enumerate(self.columns.ids)}

    @cached_property
    def shown(self) -> Sequence[str]:
        """Each document's unique name as it is sent to a planner, in the order of the corpus."""
        return shown_names(self.columns.paths)

    def names(self, *, numbered: bool) -> dict[str, str]:
        """The documents' names as they are sent, by id: as on the card, or d1, d2, ... if
        ``numbered``.

        Numbers stand for the names where the policy withholds names.
        """

        def work() -> dict[str, str]:
            names = self.shown
            if numbered:
                names = [f"d{number}" for number in range(1, len(self) + 1)]
            return dict(zip(self.columns.ids, names, strict=True))

        return self.once(("names", numbered), work)

    def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """The result of ``work``, which runs the first time that this ``key`` is asked for."""
        if key not in self._once:
            self._once[key] = work()
        return self._once[key]  # type: ignore[return-value]  # a key stands for one kind of work

    def select(self, wanted: Iterable[str], naming: Naming = "any") -> Selection:
        """The documents that names, paths, globs, ids or d-numbers select: see `Selector`.

        ``naming`` limits what a planner's patterns are compared with. Otherwise a planner could
        learn from the choice of documents about a name, path or id that it must not see. The
        results of recent calls are kept.
        """
        patterns = tuple(wanted)

        def find() -> Selection:
            selector = self.once(("selector", naming), lambda: self._selector(naming))
            return selector.select(patterns)

        return _remembered(self._selections, (naming, patterns), find)

    def chunks_in(self, ids: frozenset[str] | None) -> int:
        """The number of chunks of the documents with these ids (None: all)."""
        if ids is None:
            return self.chunks

        def count() -> int:
            return sum(self.columns.chunks[place] for place in self._at(ids))

        return _remembered(self._chunks_in, ids, count)

    def of(self, ids: frozenset[str]) -> Contents:
        """The contents of the documents with these ids alone, with their own totals and names."""
        return _remembered(self._parts, ids, lambda: self._part(self._at(ids)))

    def in_order(self, ids: Collection[str] | None = None) -> Iterator[str]:
        """The ids of the documents in scope (None: all), in the order of the corpus."""
        if ids is None:
            return iter(self.columns.ids)
        return (self.columns.ids[place] for place in self._at(ids))

    def _selector(self, naming: Naming) -> Selector:
        ids = self.columns.ids
        titles = self.columns.titles
        if naming == "any":
            return Selector(ids, self.columns.paths, titles, self.shown, self.places)
        names = list(self.names(numbered=naming == "numbers").values())
        shown_titles = [""] * len(titles)
        if naming == "shown":
            for place, title in enumerate(titles):
                # The card cuts longer titles, so a planner cannot name a document by one of them.
                if len(title) <= SHOWN_TITLE_CHARACTERS:
                    shown_titles[place] = plain(title, SHOWN_TITLE_CHARACTERS)
        # The names serve as paths from a root, too: planners like to write */report* and **/*.pdf.
        paths = [f"/{name}" for name in names]
        return Selector(ids, paths, shown_titles, names, {})

    def _part(self, places: Sequence[int]) -> Contents:
        if len(places) == len(self):
            return self
        return Contents(_Picked(self.documents, places), self.columns.pick(places))

    def _at(self, ids: Collection[str]) -> list[int]:
        """The places of the documents with these ids, in the order of the corpus."""
        return sorted(self.places[id_] for id_ in ids if id_ in self.places)


class _Picked(Sequence["DocumentFacts"]):
    """The documents at some places, each fetched when it is asked for."""

    def __init__(self, documents: Sequence[DocumentFacts], places: Sequence[int]) -> None:
        self._documents = documents
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> DocumentFacts: ...
    @overload
    def __getitem__(self, at: slice) -> list[DocumentFacts]: ...
    def __getitem__(self, at: int | slice) -> DocumentFacts | list[DocumentFacts]:
        if isinstance(at, slice):
            return [self._documents[place] for place in self._places[at]]
        return self._documents[self._places[at]]


def _remembered(memory: OrderedDict[K, V], key: K, work: Callable[[], V]) -> V:
    """The value kept under ``key``, else the result of ``work``, which is kept in its place."""
    if key not in memory:
        memory[key] = work()
        if len(memory) > _REMEMBERED:
            memory.popitem(last=False)
    return memory[key]

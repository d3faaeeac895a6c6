"""The table of contents of a corpus: what each question needs to know of all its documents, worked out once for all.

Facts stand in columns: a value for each of 100,000 documents is small change, an object for each is not.
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
    """`DocumentFacts` by column, outlines left out; ``pages`` is -1 for a document without."""

    ids: list[str]
    paths: list[str]
    titles: list[str]
    tokens: array[int]
    chunks: array[int]
    pages: array[int]

    @classmethod
    def empty(cls) -> Columns:
        """Columns without a row, to be filled by ``add``."""
        return cls([], [], [], array("q"), array("q"), array("q"))

    @classmethod
    def of(cls, documents: Iterable[DocumentFacts]) -> Columns:
        """The columns of documents, in their order."""
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
        self.pages.append(_NO_PAGES if pages is None else pages)

    def pick(self, places: Sequence[int]) -> Columns:
        """The columns of some documents."""
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
        return None if pages == _NO_PAGES else pages


class Contents:
    """What is worked out here costs a pass over all documents the first time, and nothing afterwards, so that one more
    question over an open corpus costs what it reads, however many documents there are.
    """

    def __init__(self, documents: Sequence[DocumentFacts], columns: Columns | None = None) -> None:
        """``columns`` are those of ``documents``, where they are at hand."""
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
        """Chunks of all documents."""
        return sum(self.columns.chunks)

    @cached_property
    def pages(self) -> int:
        """Pages of all documents that have pages."""
        return sum(pages for pages in self.columns.pages if pages != _NO_PAGES)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each document stands in the order of the corpus, by id."""
        return {id_: place for place, id_ in enumerate(self.columns.ids)}

    @cached_property
    def shown(self) -> Sequence[str]:
        """The name that tells each document from the others, in their order, as it goes up."""
        return shown_names(self.columns.paths)

    def names(self, *, numbered: bool) -> dict[str, str]:
        """Names that go up for documents, by id: as on the card, or d1, d2, ... where the policy hides names."""
        return self.once(("names", numbered), lambda: self._names(numbered=numbered))

    def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """What ``work`` gives, done the first time that ``key`` is asked for."""
        if key not in self._once:
            self._once[key] = work()
        return self._once[key]  # type: ignore[return-value]  # a key stands for one kind of work

    def select(self, wanted: Iterable[str], naming: Naming = "any") -> Selection:
        """The documents that names, paths, globs, ids or d-numbers mean; see `Selector`. Recent ones are remembered.

        ``naming`` bounds what the patterns of a planner are compared with, so that what a task reads tells it nothing
        of a name, path or id that it may not see.
        """
        patterns = tuple(wanted)
        return _remembered(
            self._selections, (naming, patterns), lambda: self._selector(naming).select(patterns)
        )

    def chunks_in(self, ids: frozenset[str] | None) -> int:
        """Chunks of the documents with these ids (None: all)."""
        if ids is None:
            return self.chunks
        return _remembered(
            self._chunks_in, ids, lambda: sum(self.columns.chunks[place] for place in self._at(ids))
        )

    def of(self, ids: frozenset[str]) -> Contents:
        """The contents of the documents with these ids alone: their own totals, names, numbers and card."""
        return _remembered(self._parts, ids, lambda: self._part(self._at(ids)))

    def in_order(self, ids: Collection[str] | None = None) -> Iterator[str]:
        """The ids of the documents in scope (None: all), in the order of the corpus."""
        return (
            iter(self.columns.ids)
            if ids is None
            else (self.columns.ids[place] for place in self._at(ids))
        )

    def _selector(self, naming: Naming) -> Selector:
        return self.once(("selector", naming), lambda: self._selecting(naming))

    def _selecting(self, naming: Naming) -> Selector:
        ids, paths, titles = self.columns.ids, self.columns.paths, self.columns.titles
        if naming == "any":
            return Selector(ids, paths, titles, self.shown, self.places)
        names = list(self.names(numbered=naming == "numbers").values())
        shown_titles = [_shown_title(title) if naming == "shown" else "" for title in titles]
        # The names again as paths from a root: planners like to write */report* and **/*.pdf.
        return Selector(ids, [f"/{name}" for name in names], shown_titles, names, {})

    def _part(self, places: Sequence[int]) -> Contents:
        if len(places) == len(self):
            return self
        return Contents(_Picked(self.documents, places), self.columns.pick(places))

    def _at(self, ids: Collection[str]) -> list[int]:
        return sorted(self.places[id_] for id_ in ids if id_ in self.places)

    def _names(self, *, numbered: bool) -> dict[str, str]:
        names = [f"d{number}" for number in range(1, len(self) + 1)] if numbered else self.shown
        return dict(zip(self.columns.ids, names, strict=True))


class _Picked(Sequence["DocumentFacts"]):
    """Some of the documents, fetched when they are asked for."""

    def __init__(self, documents: Sequence[DocumentFacts], places: Sequence[int]) -> None:
        self._documents, self._places = documents, places

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


def _shown_title(title: str) -> str:
    """A title as it stands on the card; none where it is cut there, for then it names nothing."""
    return plain(title, SHOWN_TITLE_CHARACTERS) if len(title) <= SHOWN_TITLE_CHARACTERS else ""


def _remembered(memory: OrderedDict[K, V], key: K, work: Callable[[], V]) -> V:
    if key not in memory:
        memory[key] = work()
        if len(memory) > _REMEMBERED:
            memory.popitem(last=False)
    return memory[key]

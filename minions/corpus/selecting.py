"""Which documents are meant: by id, d-number, name, title, path or glob, however a user or a planner writes them."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from fnmatch import translate
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from minions.text.paths import file_name, stem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from minions.corpus.port import Corpus

# How documents may be named: ``any`` way that `Selector` knows, which is the user's right; by the names that are
# ``shown`` to a planner; by their ``numbers`` alone, where it is shown no names.
Naming = Literal["any", "shown", "numbers"]

_ALL: Final = "*"
_NUMBERED: Final = re.compile(r"d([1-9][0-9]{0,8})")
_GLOB: Final = re.compile(r"[*?\[]")
_PLACE_BITS: Final = 32
_MASK: Final = (1 << _PLACE_BITS) - 1
# A glob is compared with every document: more of them, or longer ones, are no way to name documents.
_MAX_GLOBS: Final = 64
_MAX_GLOB_CHARS: Final = 500


class Selection(NamedTuple):
    """The ids of the documents meant, and the patterns that mean none."""

    ids: frozenset[str]
    unmatched: tuple[str, ...]


def select(corpus: Corpus, patterns: Iterable[str]) -> Selection:
    """The documents of a corpus that names, paths, globs, ids or d-numbers mean; `Selector` has the rules."""
    return corpus.contents.select(patterns)


class Selector:
    """Finds the documents that patterns mean.

    A pattern is a document's id, its number (``d3``), title, path, file name, its name as on the card
    (``2022/filing.txt``), either name without its suffix, or a glob over names and paths; the case of names does not
    matter. ``*`` means all. Names are looked up; only a glob is compared with every document.
    """

    def __init__(
        self,
        ids: Sequence[str],
        paths: Sequence[str],
        titles: Sequence[str],
        shown: Sequence[str],
        places: Mapping[str, int],
    ) -> None:
        """Columns in the order of the corpus; ``shown`` are the names on the card, ``places`` the order by id."""
        self._ids, self._paths, self._titles, self._shown, self._places = (
            ids,
            paths,
            titles,
            shown,
            places,
        )

    def select(self, patterns: Iterable[str]) -> Selection:
        """The documents that any of the patterns means; of globs the first 64 count, of at most 500 characters."""
        ids: set[str] = set()
        unmatched: list[str] = []
        globs = 0
        for pattern in dict.fromkeys(patterns):
            globs += bool(_GLOB.search(pattern)) and pattern != _ALL
            places = self._places_of(
                pattern, as_glob=globs <= _MAX_GLOBS and len(pattern) <= _MAX_GLOB_CHARS
            )
            found = self._ids if pattern == _ALL else [self._ids[place] for place in places]
            ids.update(found)
            if not found:
                unmatched.append(pattern)
        return Selection(frozenset(ids), tuple(unmatched))

    def _places_of(self, pattern: str, *, as_glob: bool) -> Iterator[int]:
        if pattern in self._places:
            yield self._places[pattern]
        if (number := _NUMBERED.fullmatch(pattern)) and int(number[1]) <= len(self._ids):
            yield int(number[1]) - 1
        yield from (place for place in self._near(pattern) if self._is_called(pattern, place))
        if as_glob and _GLOB.search(pattern):
            matches = re.compile(translate(pattern.casefold())).match
            yield from (
                place for place in range(len(self._ids)) if any(map(matches, self._names(place)))
            )

    def _is_called(self, pattern: str, place: int) -> bool:
        titled = bool(pattern) and pattern == self._titles[place]
        return titled or pattern.casefold() in self._keys(place)

    def _names(self, place: int) -> set[str]:
        path, shown = self._paths[place], self._shown[place]
        return {name.casefold() for name in (file_name(path), shown, path)}

    def _keys(self, place: int) -> set[str]:
        """What a document is called, but for id, number and title."""
        stems = {stem_of(file_name(self._paths[place])), stem_of(self._shown[place])}
        return self._names(place) | {stem.casefold() for stem in stems}

    def _near(self, pattern: str) -> Iterator[int]:
        """Places with a name of the same hash: the documents called so, and hardly ever another."""
        wanted = _hash(pattern.casefold())
        at = bisect_left(self._hashes, wanted << _PLACE_BITS)
        while at < len(self._hashes) and self._hashes[at] >> _PLACE_BITS == wanted:
            yield self._hashes[at] & _MASK
            at += 1

    @cached_property
    def _hashes(self) -> array[int]:
        """Hash and place of every name, sorted: eight bytes each, where a dict of 100,000 documents takes 50 MB."""
        packed: array[int] = array("Q")
        for place, title in enumerate(self._titles):
            packed.extend(
                {
                    _hash(key) << _PLACE_BITS | place
                    for key in (*self._keys(place), title.casefold())
                }
            )
        return array("Q", sorted(packed))


def _hash(text: str) -> int:
    return hash(text) & _MASK

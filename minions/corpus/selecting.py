"""Selection of documents by id, d-number, name, title, path or glob."""

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

# Ways in which documents may be named: ``any`` way that `Selector` knows, for the user; the names
# that are ``shown`` to a planner; ``numbers`` alone, for a planner that is shown no names.
Naming = Literal["any", "shown", "numbers"]

_ALL: Final = "*"
_NUMBERED: Final = re.compile(r"d([1-9][0-9]{0,8})")
_GLOB: Final = re.compile(r"[*?\[]")
_PLACE_BITS: Final = 32
_MASK: Final = (1 << _PLACE_BITS) - 1
# A glob is compared with every document, so their number and length are limited.
_MAX_GLOBS: Final = 64
_MAX_GLOB_CHARS: Final = 500


class Selection(NamedTuple):
    """The ids of the selected documents, and the patterns that selected none."""

    ids: frozenset[str]
    unmatched: tuple[str, ...]


class Selector:
    """Finds the documents that patterns select.

    A pattern is a document's id, its number (``d3``), title, path, file name, its name as on the
    card (``2022/filing.txt``), either name without its suffix, or a glob over names and paths. The
    case of names does not matter. ``*`` means all documents. Names are looked up in a sorted table;
    only a glob is compared with every document.
    """

    def __init__(
        self,
        ids: Sequence[str],
        paths: Sequence[str],
        titles: Sequence[str],
        shown: Sequence[str],
        places: Mapping[str, int],
    ) -> None:
        """Columns in the order of the corpus.

        ``shown``: the names on the card. ``places``: each document's place, by its id.
        """
        self._ids = ids
        self._paths = paths
        self._titles = titles
        self._shown = shown
        self._places = places

    def select(self, patterns: Iterable[str]) -> Selection:
        """The documents that at least one of the patterns selects.

        Of the globs, the first 64 count, and only those of at most 500 characters.
        """
        ids: set[str] = set()
        unmatched: list[str] = []
        globs = 0
        for pattern in dict.fromkeys(patterns):
            found: Sequence[str]
            if pattern == _ALL:
                found = self._ids
            else:
                is_glob = _GLOB.search(pattern) is not None
                globs += is_glob
                is_allowed = globs <= _MAX_GLOBS and len(pattern) <= _MAX_GLOB_CHARS
                places = self._places_of(pattern, as_glob=is_glob and is_allowed)
                found = [self._ids[place] for place in places]
            ids.update(found)
            if not found:
                unmatched.append(pattern)
        return Selection(frozenset(ids), tuple(unmatched))

    def _places_of(self, pattern: str, *, as_glob: bool) -> Iterator[int]:
        if pattern in self._places:
            yield self._places[pattern]
        numbered = _NUMBERED.fullmatch(pattern)
        if numbered and int(numbered[1]) <= len(self._ids):
            yield int(numbered[1]) - 1
        yield from self._named(pattern)
        if as_glob:
            matches = re.compile(translate(pattern.casefold())).match
            for place in range(len(self._ids)):
                if any(map(matches, self._names(place))):
                    yield place

    def _named(self, pattern: str) -> Iterator[int]:
        """The places of the documents with this title, or with this name in any case."""
        name = pattern.casefold()
        wanted = _hash(name)
        at = bisect_left(self._hashes, wanted << _PLACE_BITS)
        while at < len(self._hashes) and self._hashes[at] >> _PLACE_BITS == wanted:
            place = self._hashes[at] & _MASK
            # Other names can have the same hash, and the case of a title matters.
            is_titled = pattern != "" and pattern == self._titles[place]
            if is_titled or name in self._keys(place):
                yield place
            at += 1

    def _names(self, place: int) -> set[str]:
        path = self._paths[place]
        names = (file_name(path), self._shown[place], path)
        return {name.casefold() for name in names}

    def _keys(self, place: int) -> set[str]:
        """A document's names, with and without their suffixes."""
        keys = self._names(place)
        keys.add(stem_of(file_name(self._paths[place])).casefold())
        keys.add(stem_of(self._shown[place]).casefold())
        return keys

    @cached_property
    def _hashes(self) -> array[int]:
        """Sorted 64-bit numbers: the upper half is a name's hash, the lower its document's place.

        A name takes eight bytes: a dict for 100,000 documents takes 50 MB.
        """
        packed: array[int] = array("Q")
        for place, title in enumerate(self._titles):
            keys = self._keys(place)
            keys.add(title.casefold())
            packed.extend({_hash(key) << _PLACE_BITS | place for key in keys})
        return array("Q", sorted(packed))


def _hash(text: str) -> int:
    return hash(text) & _MASK

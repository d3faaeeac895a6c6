"""The names that go up for documents: a file's name, and of its folders only what tells it from another."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minions.documents import DocumentFacts


def distinct_names(documents: Sequence[DocumentFacts]) -> list[str]:
    """A name for each document: its file name, or, where several have that, the shortest end of its path that no other
    has (``2022/filing.txt``).
    """
    parts = [PurePath(document.path).parts for document in documents]
    names = [own[-1] if own else "" for own in parts]
    alike: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        alike[name].append(place)
    for places in alike.values():
        if len(places) > 1:
            _lengthen(names, parts, places)
    return names


def _lengthen(names: list[str], parts: Sequence[tuple[str, ...]], places: Sequence[int]) -> None:
    pending = list(places)
    for length in range(1, 1 + max(len(parts[place]) for place in places)):
        ends = {place: PurePath(*parts[place][-length:]).as_posix() for place in places}
        shared = Counter(ends.values())
        for place in pending:
            names[place] = ends[place]
        pending = [place for place in pending if shared[ends[place]] > 1]
        if not pending:
            return

"""What a cloud received, looked through for strings that should not be there."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

PIECE = 8  # characters of a string that give it away
_TAGS = {0xE0000 + code: code for code in range(0x20, 0x7F)}
_ROW = re.compile(r"^f[0-9]+ (.*)$", re.MULTILINE)
_NEXT_ROW = re.compile(r"\n(?=[ft][0-9]+ )")
_TOLD = re.compile(
    r"^t[0-9]+ .*?\(read [0-9]+ of [0-9]+ passages(?:, judged [0-9]+ of [0-9]+ documents)?(.*)\)$",
    re.MULTILINE,
)
_CARD = re.compile(r"Documents: [^:]*: (.*)\nQuestion: ", re.DOTALL)
_OURS = re.compile(
    r"; (?:nothing found|the summary stays on the device: the egress limit|answers differ: .*"
    r"|the index's best lines, unread:)|\[[A-Z]+_[0-9]+[a-z]?\]| \(f[0-9]+\)$"
)


def plain(text: str) -> str:
    """Without case and white space, and with what is hidden in unseen characters brought to light."""
    shown = unicodedata.normalize("NFKC", text.translate(_TAGS)).casefold()
    return "".join(shown.split())


def pieces(text: str) -> set[str]:
    """All stretches of `PIECE` characters of a text that is plain already."""
    return {text[place : place + PIECE] for place in range(max(1, len(text) - PIECE + 1))}


class Strings:
    """Strings to look for. ``found`` names those of which a piece stands in a text that stands in no other string."""

    def __init__(self, strings: Iterable[str]) -> None:
        self._by_piece: dict[str, str | None] = {}
        for string in strings:
            for piece in pieces(plain(string)):
                known = piece in self._by_piece
                self._by_piece[piece] = (
                    None if known and self._by_piece[piece] != string else string
                )
        self._unique = {piece for piece, string in self._by_piece.items() if string is not None}

    def pieces_in(self, text: str) -> set[str]:
        """The pieces that stand in a text."""
        return self._unique & pieces(plain(text))

    def found(self, found: Collection[str]) -> dict[str, str]:
        """The strings that pieces belong to."""
        return {piece: str(self._by_piece[piece]) for piece in sorted(found)}


def texts_in(body: bytes) -> str:
    """All that a body holds, as it is and with its JSON unescaped: strings, names and numbers."""
    text = "\n".join([body.decode(), *_strings(json.loads(body))])
    return _NEXT_ROW.sub(
        "\n|", text
    )  # a row's own number does not go on with what the row before it ends in


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    else:
        yield str(value)


def document_bytes(bodies: Iterable[bytes]) -> int:
    """The bytes of documents in the requests of a planner, counted in what it received: names on the card, summaries,
    and findings, without what is the program's own. What was sent again word for word counts once.
    """
    cards, digests = set[str](), set[str]()
    for body in bodies:
        message = json.loads(body)["messages"][-1]["content"]
        if card := _CARD.match(message):
            cards.add("" if re.fullmatch(r"d1(?: to d[0-9]+)?", card[1]) else card[1])
        digests.add(message.partition("Findings:\n")[2].partition("\nRounds left:")[0])
    told = [text for digest in digests for text in (*_ROW.findall(digest), *_TOLD.findall(digest))]
    return sum(len(_OURS.sub("", text).strip("; ").encode()) for text in (*cards, *told))

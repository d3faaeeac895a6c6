"""What stands for values that stay on the device: ``[EMAIL_1]`` goes up, and comes back as the address.

The same value has the same placeholder throughout a run. The mapping is in memory only: it is in no log and no store.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.privacy.detecting import Detector, Sensitive

HELD: Final = "ANSWER"
LITERAL: Final = "TEXT"  # what a document writes in the form of a placeholder itself
_KINDS: Final = (
    "EMAIL|PHONE|ACCOUNT|CARD|ID|SECRET|ADDRESS|TERM|PERSON|ORGANISATION",
    HELD,
    LITERAL,
)
_NAME: Final = rf"(?:{'|'.join(_KINDS)})_\d+[a-z]?"
_LOOKS_LIKE_ONE: Final = re.compile(_NAME, re.IGNORECASE)
# A planner may leave the brackets out, or put several into one pair; small letters come of comparing answers.
_WRITTEN: Final = re.compile(rf"\[({_NAME})\]|(?<![A-Za-z0-9_])({_NAME})(?![A-Za-z0-9_])", re.IGNORECASE)
_VARIANTS: Final = 26  # spellings of one value that share its number: a letter each
_SHORTEST_HELD: Final = 4  # characters of held words that are looked for in other texts


def placeholders_in(text: str) -> list[str]:
    """The placeholders of a text that goes up, brackets and all, in their order."""
    return [found[0] for found in _WRITTEN.finditer(text) if found[1]]


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


class Placeholders:
    """The values of one run that stay here. Not for several runs: their placeholders would tell them apart."""

    def __init__(self, detect: Detector | None = None) -> None:
        self._detect = detect
        self._values: dict[str, str] = {}  # by the name of the placeholder, in small letters
        self._names: dict[tuple[str, str], str] = {}  # by kind and value
        self._numbers: dict[tuple[str, str], int] = {}  # by kind and value, spelling left out
        self._spellings: Counter[tuple[str, int]] = Counter()
        self._last: Counter[str] = Counter()

    @property
    def redacted(self) -> dict[str, int]:
        """How many values stay here, by kind in small letters; held answers are none of them."""
        counts = Counter({kind.casefold(): count for kind, count in self._last.items() if kind not in {HELD, LITERAL}})
        return dict(sorted(counts.items()))

    def redact(self, text: str, *, held: bool = False) -> str:
        """The text with its sensitive values replaced, wherever they stand in it, once they were seen in this run.

        ``restore`` gives the text back. ``held``: in this text held words are replaced, too, where they stand as words,
        and their placeholders stay.
        """
        if self._detect is None and not held:
            return text
        pieces, end = [], 0
        for span in self._spans(text, held=held):
            pieces += [text[end : span.start], f"[{self._name(span.kind, text[span.start : span.end])}]"]
            end = span.end
        return "".join([*pieces, text[end:]])

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """Where in a text values stand that will be replaced, start and end: a cut there would show a part of one."""
        return [(span.start, span.end) for span in self._spans(text, held=True) if span.kind != LITERAL]

    def hold(self, words: str) -> str:
        """A placeholder for an answer's words, which stay here."""
        return f"[{self._name(HELD, words)}]"

    def restore(self, text: str, *, in_json: bool = False) -> str:
        """The text with the values back in their places; ``in_json``: escaped as within the strings of JSON."""

        def value(found: re.Match[str]) -> str:
            known = self._values.get((found[1] or found[2]).casefold())
            if known is None:
                return found[0]
            return json.dumps(known, ensure_ascii=False)[1:-1] if in_json else known

        return _WRITTEN.sub(value, text) if self._values else text

    def _spans(self, text: str, *, held: bool) -> list[_Span]:
        """What is to be replaced, in order and apart from each other."""
        found: list[Sensitive] = self._detect(text) if self._detect is not None else []
        for kind, start, end in found:
            self._name(kind, text[start:end])
        spans = [_Span(start, end, kind) for kind, start, end in found]
        spans += [
            _Span(match.start(), match.end(), LITERAL)
            for match in _LOOKS_LIKE_ONE.finditer(text)
            if not (held and match[0].upper().startswith(HELD))
        ]
        for kind, value in list(self._names):
            spans += _occurrences(text, value, kind, held=held)
        return _apart(spans)

    def _name(self, kind: str, value: str) -> str:
        if (name := self._names.get((kind, value))) is not None:
            return name
        key = kind, "".join(value.split()).casefold()
        number = self._numbers.get(key)
        if number is None or self._spellings[kind, number] >= _VARIANTS:
            self._last[kind] += 1
            number = self._numbers[key] = self._last[kind]
        spelling = self._spellings[kind, number]
        self._spellings[kind, number] += 1
        name = f"{kind}_{number}" + (chr(ord("a") + spelling) if spelling else "")
        self._names[kind, value] = name
        self._values[name.casefold()] = value
        return name


def _occurrences(text: str, value: str, kind: str, *, held: bool) -> list[_Span]:
    if kind == HELD and (not held or len(value) < _SHORTEST_HELD):
        return []
    if kind == LITERAL:
        return []
    spans, start = [], text.find(value)
    while start >= 0:
        end = start + len(value)
        if kind != HELD or _is_words(text, start, end):
            spans.append(_Span(start, end, kind))
        start = text.find(value, end)
    return spans


def _is_words(text: str, start: int, end: int) -> bool:
    """Whether a stretch begins and ends with whole words."""
    return not (text[start - 1 : start].isalnum() and text[start].isalnum()) and not (
        text[end - 1].isalnum() and text[end : end + 1].isalnum()
    )


def _apart(spans: list[_Span]) -> list[_Span]:
    """Sorted, and those that overlap made one, of the kind of the longest."""
    joined: list[_Span] = []
    longest = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if joined and span.start < joined[-1].end:
            last = joined.pop()
            kind = span.kind if span.end - span.start > longest else last.kind
            joined.append(_Span(last.start, max(last.end, span.end), kind))
        else:
            joined.append(span)
            longest = 0
        longest = max(longest, span.end - span.start)
    return joined


_current: ContextVar[Placeholders | None] = ContextVar("minions_placeholders", default=None)


def current_placeholders() -> Placeholders | None:
    """Those of the run the caller works for."""
    return _current.get()


@contextmanager
def keeping(placeholders: Placeholders) -> Iterator[None]:
    """What the block sends goes up with these."""
    token = _current.set(placeholders)
    try:
        yield
    finally:
        _current.reset(token)

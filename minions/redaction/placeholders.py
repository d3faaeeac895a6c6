"""Placeholders for sensitive values: ``[EMAIL_1]`` is sent, and comes back as the address.

The same value has the same placeholder throughout a run. The mapping is in memory only: it is in no
log and no store.
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

    from minions.redaction.detector import Detector

HELD: Final = "ANSWER"  # a worker's words that are withheld
LITERAL: Final = "TEXT"  # a text of a document that only looks like a placeholder
_KINDS: Final = (
    "EMAIL|PHONE|ACCOUNT|CARD|ID|SECRET|ADDRESS|TERM|PERSON|ORGANISATION",
    HELD,
    LITERAL,
)
_NAME: Final = rf"(?:{'|'.join(_KINDS)})_\d+[a-z]?"
_LOOKS_LIKE_ONE: Final = re.compile(_NAME, re.IGNORECASE)
# A planner may leave the brackets out, or put several placeholders into one pair; small letters
# come of comparing answers.
_WRITTEN: Final = re.compile(
    rf"\[({_NAME})\]|(?<![A-Za-z0-9_])({_NAME})(?![A-Za-z0-9_])", re.IGNORECASE
)
_BRACKETED: Final = re.compile(rf"\[({_NAME})\]", re.IGNORECASE)
_VARIANTS: Final = 26  # spellings of one value that share its number: a letter each
# Kinds that are numbered apart: the same words may be a sensitive value elsewhere.
_NO_VALUES: Final = frozenset({HELD, LITERAL})
_BREAK: Final = " / "  # a line break, as a digest writes it
_WIDEST: Final = 80  # characters of white space between two parts of a value


def placeholders_in(text: str) -> list[str]:
    """The bracketed placeholders of a text that is sent, brackets and all, in their order."""
    return [found[0] for found in _WRITTEN.finditer(text) if found[1]]


def without_placeholders(text: str) -> str:
    """The text without its placeholders."""
    return _WRITTEN.sub("", text)


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


class Placeholders:
    """The withheld values of one run, and their placeholders.

    Several runs must not share them: a placeholder would reveal one run's values to another.
    """

    def __init__(self, detect: Detector | None = None) -> None:
        self._detect = detect
        # Values by the name of their placeholder, in small letters.
        self._values: dict[str, str] = {}
        # Names by value, beside the kind where it is one of `_NO_VALUES`.
        self._names: dict[tuple[str, str], str] = {}
        # Kind and number by the same key, with all spellings of a value taken for one.
        self._numbers: dict[tuple[str, str], tuple[str, int]] = {}
        self._known: dict[tuple[str, ...], _Known] = {}  # by kind and the parts of the value
        self._spellings: Counter[tuple[str, int]] = Counter()
        self._last: Counter[str] = Counter()  # the highest number of each kind

    @property
    def detects(self) -> bool:
        """True if sensitive values are looked for, and not held words alone."""
        return self._detect is not None

    @property
    def redacted(self) -> dict[str, int]:
        """The number of withheld values by kind, in small letters; held answers do not count."""
        counts: dict[str, int] = {}
        for kind in sorted(self._last):
            if kind not in _NO_VALUES:
                counts[kind.casefold()] = self._last[kind]
        return counts

    def redact(self, text: str, *, held: bool = False) -> str:
        """The text with its sensitive values replaced, found in it or earlier in this run.

        ``restore`` gives the text back. With ``held``, held words are replaced too, where they
        stand as words, and the placeholders that the text has already stay.
        """
        if self._detect is None and not held:
            return text
        pieces: list[str] = []
        end = 0
        for span in self._spans(text, held=held):
            pieces.append(text[end : span.start])
            name = self._name(span.kind, text[span.start : span.end])
            pieces.append(f"[{name}]")
            end = span.end
        pieces.append(text[end:])
        return "".join(pieces)

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each value in a text that will be replaced.

        A cut through one of them would show a part of it.
        """
        spans = self._found_in(text)
        spans += self._known_in(text, held=True)
        spans += self._literal_in(text, held=True)
        return [(span.start, span.end) for span in _apart(spans) if span.kind != LITERAL]

    def escape(self, text: str) -> str:
        """The text with all that only looks like a placeholder replaced; ``restore`` undoes it."""
        return _LOOKS_LIKE_ONE.sub(lambda match: f"[{self._name(LITERAL, match[0])}]", text)

    def hold(self, words: str) -> str:
        """A placeholder for an answer's words, which are withheld."""
        return f"[{self._name(HELD, words)}]"

    def restore(self, text: str, *, in_json: bool = False) -> str:
        """The text with the values back in their places.

        With ``in_json`` they are escaped as within the strings of JSON.
        """

        def value(found: re.Match[str]) -> str:
            name = (found[1] or found[2]).casefold()
            known = self._values.get(name)
            if known is None:
                return found[0]
            if name.startswith(HELD.casefold()):
                known = _set_off(text, found, known)
            if in_json:
                known = json.dumps(known, ensure_ascii=False)[1:-1]
            return known

        if not self._values:
            return text
        return _WRITTEN.sub(value, text)

    def _spans(self, text: str, *, held: bool) -> list[_Span]:
        """The spans to be replaced, in order and apart from each other."""
        found = self._found_in(text)
        for start, end, kind in found:
            self._name(kind, text[start:end])
        spans = [*found, *self._literal_in(text, held=held), *self._known_in(text, held=held)]
        if held:
            # A user's word may be a part of a placeholder, "mail" of [EMAIL_1], and a placeholder
            # of a worker's answer.
            for issued in _BRACKETED.finditer(text):
                if issued[1].casefold() in self._values:
                    start, end = issued.span()
                    spans = [span for span in spans if not start <= span.start < span.end <= end]
        return _apart(spans)

    def _found_in(self, text: str) -> list[_Span]:
        if self._detect is None:
            return []
        return [_Span(start, end, kind) for kind, start, end in self._detect(text)]

    def _literal_in(self, text: str, *, held: bool) -> list[_Span]:
        spans: list[_Span] = []
        for match in _LOOKS_LIKE_ONE.finditer(text):
            if held and match[0].upper().startswith(HELD):
                continue
            spans.append(_Span(match.start(), match.end(), LITERAL))
        return spans

    def _known_in(self, text: str, *, held: bool) -> list[_Span]:
        spans: list[_Span] = []
        for known in self._known.values():
            if held or known.kind != HELD:
                spans += known.spans_in(text)
        return spans

    def _name(self, kind: str, value: str) -> str:
        """The name of a value's placeholder; a value keeps the kind that it was first taken for."""
        apart = ""
        if kind in _NO_VALUES:
            apart = kind
        known = self._names.get((apart, value))
        if known is not None:
            return known
        parts = _parts(value)
        key = (apart, "".join(parts).casefold())
        kind, number = self._numbers.get(key, (kind, 0))
        if not number or self._spellings[kind, number] >= _VARIANTS:
            self._last[kind] += 1
            number = self._last[kind]
            self._numbers[key] = (kind, number)
        name = f"{kind}_{number}"
        spelling = self._spellings[kind, number]
        if spelling:
            name += chr(ord("a") + spelling)
        self._spellings[kind, number] += 1
        self._names[apart, value] = name
        self._values[name.casefold()] = value
        if kind != LITERAL and parts:
            self._known.setdefault((kind, *parts), _Known(kind, value))
        return name


class _Known:
    """A value that is replaced wherever it stands, whatever white space is between its parts.

    A digest has other line breaks than a document, and an instruction has none.
    """

    def __init__(self, kind: str, value: str) -> None:
        parts = _parts(value)
        self.kind = kind
        self._longest = max(parts, key=len)
        self._reach = len(value) + _WIDEST * len(parts)
        self._pattern: re.Pattern[str] | None = None
        if len(parts) > 1:
            self._pattern = re.compile(r"\s+(?:/\s+)?".join(map(re.escape, parts)))

    def spans_in(self, text: str) -> Iterator[_Span]:
        """The places of the value in a text."""
        end = 0
        place = text.find(self._longest)
        while place >= 0:
            found = self._at(text, place, end)
            if found is None:
                end = place + 1
            else:
                if self.kind != HELD or _is_words(text, *found):
                    yield _Span(*found, self.kind)
                end = found[1]
            place = text.find(self._longest, end)

    def _at(self, text: str, place: int, start: int) -> tuple[int, int] | None:
        """The span, from ``start`` on, of the value whose longest part is at ``place``."""
        if self._pattern is None:
            return place, place + len(self._longest)
        found = self._pattern.search(text, max(start, place - self._reach), place + self._reach)
        if found is None:
            return None
        return found.span()


def _parts(value: str) -> tuple[str, ...]:
    return tuple(value.replace(_BREAK, " ").split())


def _is_words(text: str, start: int, end: int) -> bool:
    """True if a span begins and ends with whole words."""
    cuts_first = text[start - 1 : start].isalnum() and text[start].isalnum()
    cuts_last = text[end - 1].isalnum() and text[end : end + 1].isalnum()
    return not cuts_first and not cuts_last


def _set_off(text: str, found: re.Match[str], words: str) -> str:
    """Held words, with a blank where a planner wrote their placeholder right beside another text.

    Held words are looked for as words only: without the blank they would be sent the next time.
    """
    before = text[found.start() - 1 : found.start()]
    after = text[found.end() : found.end() + 1]
    # A bracket may belong to another placeholder, whose value has letters. In JSON a backslash
    # begins an escape, which may stand for a letter.
    if before == "]" or before.isalnum():
        words = f" {words}"
    if after in {"[", "\\"} or after.isalnum():
        words = f"{words} "
    return words


def _apart(spans: list[_Span]) -> list[_Span]:
    """The spans in order, those that overlap joined to one, of the kind of the longest."""
    joined: list[_Span] = []
    longest = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        length = span.end - span.start
        if not joined or span.start >= joined[-1].end:
            joined.append(span)
            longest = length
            continue
        last = joined[-1]
        kind = last.kind
        if length > longest:
            kind = span.kind
            longest = length
        joined[-1] = _Span(last.start, max(last.end, span.end), kind)
    return joined


_current: ContextVar[Placeholders | None] = ContextVar("minions_placeholders", default=None)


def current_placeholders() -> Placeholders | None:
    """The placeholders of the run that the caller works for."""
    return _current.get()


@contextmanager
def keeping(placeholders: Placeholders) -> Iterator[None]:
    """Redact everything that the block sends, with these placeholders."""
    token = _current.set(placeholders)
    try:
        yield
    finally:
        _current.reset(token)

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

    from minions.redaction.detector import Detector

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
_WRITTEN: Final = re.compile(
    rf"\[({_NAME})\]|(?<![A-Za-z0-9_])({_NAME})(?![A-Za-z0-9_])", re.IGNORECASE
)
_BRACKETED: Final = re.compile(rf"\[({_NAME})\]", re.IGNORECASE)
_VARIANTS: Final = 26  # spellings of one value that share its number: a letter each
_APART: Final = frozenset(
    {HELD, LITERAL}
)  # what the same words may stand for beside a sensitive value
_BREAK: Final = " / "  # a line break, as a digest writes it
_WIDEST: Final = 80  # characters of white space between two parts of a value


def placeholders_in(text: str) -> list[str]:
    """The placeholders of a text that goes up, brackets and all, in their order."""
    return [found[0] for found in _WRITTEN.finditer(text) if found[1]]


def without_placeholders(text: str) -> str:
    """The text without them."""
    return _WRITTEN.sub("", text)


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


class Placeholders:
    """The values of one run that stay here. Not for several runs: their placeholders would tell them apart."""

    def __init__(self, detect: Detector | None = None) -> None:
        self._detect = detect
        self._values: dict[str, str] = {}  # by the name of the placeholder, in small letters
        self._names: dict[tuple[str, str], str] = {}  # by what it stands for and value
        self._numbers: dict[
            tuple[str, str], tuple[str, int]
        ] = {}  # with the kind; by the same, spelling left out
        self._known: dict[tuple[str, ...], _Known] = {}  # by kind and parts
        self._spellings: Counter[tuple[str, int]] = Counter()
        self._last: Counter[str] = Counter()

    @property
    def detects(self) -> bool:
        """Whether it looks for sensitive values, and not for held words alone."""
        return self._detect is not None

    @property
    def redacted(self) -> dict[str, int]:
        """How many values stay here, by kind in small letters; held answers are none of them."""
        counts = Counter(
            {
                kind.casefold(): count
                for kind, count in self._last.items()
                if kind not in {HELD, LITERAL}
            }
        )
        return dict(sorted(counts.items()))

    def redact(self, text: str, *, held: bool = False) -> str:
        """The text with its sensitive values replaced, wherever they stand in it, once they were seen in this run.

        ``restore`` gives the text back. ``held``: in this text held words are replaced, too, where they stand as words,
        and the placeholders that it has already stay.
        """
        if self._detect is None and not held:
            return text
        pieces, end = [], 0
        for span in self._spans(text, held=held):
            pieces += [
                text[end : span.start],
                f"[{self._name(span.kind, text[span.start : span.end])}]",
            ]
            end = span.end
        return "".join([*pieces, text[end:]])

    def values_in(self, text: str) -> list[tuple[int, int]]:
        """Where in a text values stand that will be replaced, start and end: a cut there would show a part of one."""
        spans = _apart(
            [
                *self._found_in(text),
                *self._known_in(text, held=True),
                *self._literal_in(text, held=True),
            ]
        )
        return [(span.start, span.end) for span in spans if span.kind != LITERAL]

    def escape(self, text: str) -> str:
        """The text with what only looks like a placeholder replaced; it comes back as it was."""
        return _LOOKS_LIKE_ONE.sub(lambda match: f"[{self._name(LITERAL, match[0])}]", text)

    def hold(self, words: str) -> str:
        """A placeholder for an answer's words, which stay here."""
        return f"[{self._name(HELD, words)}]"

    def restore(self, text: str, *, in_json: bool = False) -> str:
        """The text with the values back in their places; ``in_json``: escaped as within the strings of JSON."""

        def value(found: re.Match[str]) -> str:
            name = (found[1] or found[2]).casefold()
            known = self._values.get(name)
            if known is None:
                return found[0]
            if name.startswith(HELD.casefold()):
                known = _apart_from(text, found, known)
            return json.dumps(known, ensure_ascii=False)[1:-1] if in_json else known

        return _WRITTEN.sub(value, text) if self._values else text

    def _spans(self, text: str, *, held: bool) -> list[_Span]:
        """What is to be replaced, in order and apart from each other."""
        found = self._found_in(text)
        for start, end, kind in found:
            self._name(kind, text[start:end])
        spans = [*found, *self._literal_in(text, held=held), *self._known_in(text, held=held)]
        # A user's word may be a part of a placeholder, "mail" of [EMAIL_1], and a placeholder of a worker's answer.
        issued = [
            one.span()
            for one in _BRACKETED.finditer(text)
            if held and one[1].casefold() in self._values
        ]
        return _apart(
            [
                one
                for one in spans
                if not any(start <= one.start < one.end <= end for start, end in issued)
            ]
        )

    def _found_in(self, text: str) -> list[_Span]:
        found = self._detect(text) if self._detect is not None else []
        return [_Span(start, end, kind) for kind, start, end in found]

    def _literal_in(self, text: str, *, held: bool) -> list[_Span]:
        return [
            _Span(match.start(), match.end(), LITERAL)
            for match in _LOOKS_LIKE_ONE.finditer(text)
            if not (held and match[0].upper().startswith(HELD))
        ]

    def _known_in(self, text: str, *, held: bool) -> list[_Span]:
        known = (one for one in self._known.values() if held or one.kind != HELD)
        return [span for one in known for span in one.spans_in(text)]

    def _name(self, kind: str, value: str) -> str:
        """Its placeholder; of a value that was taken for another kind before, still that one."""
        stands_for = kind if kind in _APART else ""
        if (name := self._names.get((stands_for, value))) is not None:
            return name
        key = stands_for, "".join(_parts(value)).casefold()
        kind, number = self._numbers.get(key, (kind, 0))
        if not number or self._spellings[kind, number] >= _VARIANTS:
            self._last[kind] += 1
            number = self._last[kind]
            self._numbers[key] = kind, number
        spelling = self._spellings[kind, number]
        self._spellings[kind, number] += 1
        name = f"{kind}_{number}" + (chr(ord("a") + spelling) if spelling else "")
        self._names[stands_for, value] = name
        self._values[name.casefold()] = value
        if kind != LITERAL and (parts := _parts(value)):
            self._known.setdefault((kind, *parts), _Known(kind, value))
        return name


class _Known:
    """A value that is replaced wherever it stands, whatever white space is between its parts: a digest has other line
    breaks than a document, an instruction none.
    """

    def __init__(self, kind: str, value: str) -> None:
        self.kind, parts = kind, _parts(value)
        self._longest = max(parts, key=len)
        self._reach = len(value) + _WIDEST * len(parts)
        self._pattern = (
            re.compile(r"\s+(?:/\s+)?".join(map(re.escape, parts))) if len(parts) > 1 else None
        )

    def spans_in(self, text: str) -> Iterator[_Span]:
        """Where it stands in a text."""
        end, place = 0, text.find(self._longest)
        while place >= 0:
            found = self._at(text, place, end)
            if found is not None and (self.kind != HELD or _is_words(text, *found)):
                yield _Span(*found, self.kind)
            end = found[1] if found is not None else place + 1
            place = text.find(self._longest, end)

    def _at(self, text: str, place: int, start: int) -> tuple[int, int] | None:
        if self._pattern is None:
            return place, place + len(self._longest)
        found = self._pattern.search(text, max(start, place - self._reach), place + self._reach)
        return None if found is None else found.span()


def _parts(value: str) -> tuple[str, ...]:
    return tuple(value.replace(_BREAK, " ").split())


def _is_words(text: str, start: int, end: int) -> bool:
    """Whether a stretch begins and ends with whole words."""
    return not (text[start - 1 : start].isalnum() and text[start].isalnum()) and not (
        text[end - 1].isalnum() and text[end : end + 1].isalnum()
    )


def _apart_from(text: str, found: re.Match[str], words: str) -> str:
    """Held words as they come back: with a blank where a planner wrote their placeholder right beside something else.
    They are looked for as words only, and would go up the next time.
    """
    before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    # Of a text in JSON, another character may come of an escape; of any, another placeholder's value of a bracket.
    return f"{' ' * (before == ']' or before.isalnum())}{words}{' ' * (after in {'[', chr(92)} or after.isalnum())}"


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

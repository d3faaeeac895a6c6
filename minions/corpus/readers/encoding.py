"""Decoding of bytes to text: detection of the encoding, which never fails on text."""

from __future__ import annotations

import codecs
import re
from typing import Final

_HEAD: Final = 8192
_SAMPLE: Final = 32_768
# A file with a larger share of other control characters is not text in any encoding in use.
_CONTROL_SHARE: Final = 0.1
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\b\t\n\f\r\x1b")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")

# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The encodings that the detector may choose. Without this list it also proposes EBCDIC and
# Macintosh encodings for a few accents.
_CANDIDATES: Final = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r",
    "iso8859_2", "iso8859_5", "iso8859_7", "cp932", "euc_jp", "iso2022_jp", "gb18030", "big5",
    "euc_kr", "cp949", "johab",
)  # fmt: skip
# With fewer bytes beyond ASCII the detector only guesses, and Western European is the likely case.
_ENOUGH_TO_DETECT: Final = 12


def decode_text(data: bytes, *, declared: str | None = None) -> str:
    """The text of ``data``, with every line break as a line feed and no NUL.

    Tried in this order: a byte order mark, UTF-16 by its pattern of zero bytes, UTF-8, the
    ``declared`` charset, UTF-8 with a few broken bytes (they become U+FFFD), detection on a bounded
    sample, Windows-1252, Latin-1. The last cannot fail.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            # A view, so that a large file is not copied to drop the mark.
            return plain(str(memoryview(data)[len(mark) :], encoding, "replace"))
    encoding_16 = _utf16_without_mark(data[:_HEAD])
    if encoding_16:
        return plain(data.decode(encoding_16, "replace"))
    try:
        return plain(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return storable(_decode_legacy(data, error.start, declared))


def is_binary(data: bytes) -> bool:
    """True if ``data`` is no text.

    Its first 8 KiB hold zero bytes that are not UTF-16's, or many control characters.
    """
    head = data[:_HEAD]
    marks = tuple(mark for mark, _ in _MARKS)
    if head.startswith(marks) or _utf16_without_mark(head):
        return False
    if b"\0" in head:
        return True
    controls = sum(byte in _CONTROLS for byte in head)
    return controls > _CONTROL_SHARE * len(head)


def plain(text: str) -> str:
    """The text with each line break as a line feed and each NUL as U+FFFD.

    A full-text index cannot hold NUL.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text


def storable(text: str) -> str:
    """The text as `plain` makes it, but with lone surrogates as U+FFFD.

    It is for text that no strict decoder made.
    """
    if not text.isascii():
        text = _SURROGATES.sub("\ufffd", text)
    return plain(text)


def _utf16_without_mark(head: bytes) -> str | None:
    """The UTF-16 encoding of text without a byte order mark; None for any other encoding.

    UTF-16 of mostly Western text, or of text with spaces, has zero bytes, nearly all of them either
    first or second in their pairs.
    """
    head = head[: len(head) // 2 * 2]
    even = head[::2].count(0)
    odd = head[1::2].count(0)
    few, many = sorted((even, odd))
    if many < max(1, len(head) // 20) or few * 20 > many:
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    if len(head) == _HEAD:
        head = head[:-2]  # it may be half of a surrogate pair
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError:
        return None
    odd_characters = 0
    for character in text:
        if not character.isprintable() and character not in "\t\n\r\f":
            odd_characters += 1
    if odd_characters * 50 > len(text):
        return None
    return encoding


def _decode_legacy(data: bytes, first_bad: int, declared: str | None) -> str:
    """The text of data that is not valid UTF-8 from ``first_bad`` on; the sample is taken there."""
    text = _decoded(data, declared)
    if text is not None:
        return text
    sample = data[max(0, first_bad - 2048) : first_bad + _SAMPLE]
    larger_sample = sample
    if first_bad < _SAMPLE:
        larger_sample = data[: 32 * _SAMPLE]
    # UTF-8 with a few broken bytes: at least ten good characters beyond ASCII to each broken one.
    characters = larger_sample.decode("utf-8", "replace")
    broken = characters.count("\ufffd")
    good = sum(character > "\x7f" for character in characters) - broken
    if good >= 10 * broken:
        return data.decode("utf-8", "replace")
    for encoding in (_detected(sample), "cp1252"):
        text = _decoded(data, encoding)
        if text is not None:
            return text
    return data.decode("latin-1")


def _decoded(data: bytes, encoding: str | None) -> str | None:
    """The text of ``data`` in this encoding; None if ``data`` is not valid in it."""
    if not encoding:
        return None
    # A declared charset may be any codec that Python has, or none.
    try:
        return data.decode(encoding)
    except (ValueError, LookupError):
        return None


def _detected(sample: bytes) -> str | None:
    """The likely encoding of a sample; None where there is too little to tell."""
    if sum(byte > 127 for byte in sample) < _ENOUGH_TO_DETECT:  # noqa: PLR2004 - the end of ASCII
        return None
    from charset_normalizer import from_bytes

    # Whole lines where they are most of the sample, so that no character is cut at its ends.
    start = sample.find(b"\n") + 1
    end = sample.rfind(b"\n") + 1
    if end - start > len(sample) // 2:
        sample = sample[start:end]
    best = from_bytes(sample, cp_isolation=list(_CANDIDATES)).best()
    if best is None:
        return None
    return best.encoding

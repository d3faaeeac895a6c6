"""Bytes to text: which encoding a file is written in. Never fails on text, loses nothing where that can be had."""

from __future__ import annotations

import codecs
import re
from typing import Final

_HEAD: Final = 8192
_SAMPLE: Final = 32_768
# A file with this share of other control characters is not text in any encoding that people use.
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
# What the detector may choose from: left alone it also proposes EBCDIC and Macintosh tables for a few accents.
_CANDIDATES: Final = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r", "iso8859_2", "iso8859_5",
    "iso8859_7", "cp932", "euc_jp", "iso2022_jp", "gb18030", "big5", "euc_kr", "cp949", "johab",
)  # fmt: skip
# Below this many bytes beyond ASCII the detector guesses; Western European is the likely case.
_ENOUGH_TO_DETECT: Final = 12


def decode_text(data: bytes, *, declared: str | None = None) -> str:
    """The text of ``data``, with every line break as a line feed and no NUL.

    Tried in this order: a byte order mark, UTF-16 by its pattern of zero bytes, UTF-8, the ``declared`` charset, UTF-8
    with a few broken bytes (they become U+FFFD), detection on a bounded sample, Windows-1252, Latin-1. The last
    cannot fail.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            # A view, so that a large file is not copied to drop the mark.
            return plain(str(memoryview(data)[len(mark) :], encoding, "replace"))
    if encoding_16 := _utf16_without_mark(data[:_HEAD]):
        return plain(data.decode(encoding_16, "replace"))
    try:
        return plain(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return storable(_decode_legacy(data, error.start, declared))


def is_binary(data: bytes) -> bool:
    """Whether ``data`` is no text: zero bytes that are not UTF-16's, or many control characters, in its first 8 KiB."""
    head = data[:_HEAD]
    if any(head.startswith(mark) for mark, _ in _MARKS) or _utf16_without_mark(head):
        return False
    if b"\0" in head:
        return True
    return sum(byte in _CONTROLS for byte in head) > _CONTROL_SHARE * len(head)


def plain(text: str) -> str:
    """``text`` with each line break as a line feed and each NUL, which no full-text index holds, as U+FFFD."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text


def storable(text: str) -> str:
    """`plain`, and lone surrogates as U+FFFD too: for text that did not come out of a strict decoder."""
    return plain(text if text.isascii() else _SURROGATES.sub("\ufffd", text))


def _utf16_without_mark(head: bytes) -> str | None:
    """UTF-16 of mostly Western text or with spaces: zero bytes, nearly all of them on one side of the pairs."""
    head = head[: len(head) // 2 * 2]
    even, odd = head[::2].count(0), head[1::2].count(0)
    few, many = sorted((even, odd))
    if many < max(1, len(head) // 20) or few * 20 > many:
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    try:
        text = (
            head[: len(head) - 2].decode(encoding) if len(head) == _HEAD else head.decode(encoding)
        )
    except UnicodeDecodeError:
        return None
    return (
        encoding
        if sum(not c.isprintable() and c not in "\t\n\r\f" for c in text) * 50 <= len(text)
        else None
    )


def _decode_legacy(data: bytes, first_bad: int, declared: str | None) -> str:
    """Decode what is not UTF-8; everything before ``first_bad`` is, so the sample is taken from there."""
    if declared and (text := _try(data, declared)) is not None:
        return text
    sample = data[max(0, first_bad - 2048) : first_bad + _SAMPLE]
    if _nearly_utf8(data[: 32 * _SAMPLE] if first_bad < _SAMPLE else sample):
        return data.decode("utf-8", "replace")
    for encoding in (_detected(sample), "cp1252"):
        if encoding and (text := _try(data, encoding)) is not None:
            return text
    return data.decode("latin-1")


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (
        ValueError,
        LookupError,
    ):  # a declared charset may be any codec that Python has, or none
        return None


def _nearly_utf8(sample: bytes) -> bool:
    """UTF-8 in which a few bytes are broken: at least ten good characters beyond ASCII to each bad one."""
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    beyond_ascii = sum(character > "\x7f" for character in text) - bad
    return beyond_ascii >= 10 * bad


def _detected(sample: bytes) -> str | None:
    if sum(byte > 127 for byte in sample) < _ENOUGH_TO_DETECT:  # noqa: PLR2004 - the end of ASCII
        return None
    from charset_normalizer import from_bytes

    # Whole lines, so that no character is cut in two at the ends.
    start, end = sample.find(b"\n") + 1, sample.rfind(b"\n") + 1
    lines = sample[start:end] if end - start > len(sample) // 2 else sample
    best = from_bytes(lines, cp_isolation=list(_CANDIDATES)).best()
    return best.encoding if best else None

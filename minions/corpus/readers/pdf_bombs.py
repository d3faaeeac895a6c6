"""Page content of a PDF that is packed a hundredfold, found before PDFium unpacks it: 300 bytes of memory a character.

Not all that a PDF can do: other packings than Flate, and one form drawn a million times, are not looked for.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

from minions.corpus.readers.limits import MAX_PDF_RATIO, MAX_PDF_STREAM_BYTES

_STREAM: Final = re.compile(rb"stream\r?\n(?=[\x08-\x78][\x01-\xff])")
_PIECE_BYTES: Final = 2**16
_READABLE: Final = bytes(range(32, 127)) + b"\t\r\n"
_SHARE: Final = 0.9  # of bytes that a person could read: pictures, which may well be one colour, have fewer


def is_bomb(data: bytes) -> bool:
    """Whether a stream of text is larger than `MAX_PDF_STREAM_BYTES` and `MAX_PDF_RATIO` times its packed size."""
    return any(_explodes(data, stream.end()) for stream in _STREAM.finditer(data))


def _explodes(data: bytes, start: int) -> bool:
    unpacking = zlib.decompressobj()
    expanded = readable = 0
    for at in range(start, len(data), _PIECE_BYTES):
        packed = data[at : at + _PIECE_BYTES]
        while packed:
            try:
                piece = unpacking.decompress(packed, MAX_PDF_STREAM_BYTES)
            except zlib.error:
                return False
            expanded += len(piece)
            readable += len(piece) - len(piece.translate(None, _READABLE))
            packed = unpacking.unconsumed_tail
            consumed = min(at + _PIECE_BYTES, len(data)) - len(packed) - start
            if expanded > max(MAX_PDF_STREAM_BYTES, MAX_PDF_RATIO * consumed) and readable > _SHARE * expanded:
                return True
        if unpacking.eof:
            break
    return False

"""JSON and JSON lines: verbatim, except JSON whose lines are too long to be read or cited."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from minions.corpus.readers.extract import Extract
from minions.corpus.readers.limits import MAX_JSON_DEPTH, bounded
from minions.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.corpus.readers.extract import Source

_LONG_LINE: Final = 1000
_MAX_REFLOWED_CHARS: Final = 64 * 2**20
_LEXEME: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_ESCAPE: Final = re.compile(
    r"\\u(?!d[89a-f])(?!00[01][0-9a-f]|0022|005c)([0-9a-f]{4})", re.IGNORECASE
)


def read_json(source: Source) -> Extract:
    """The text, verbatim. Minified JSON gets a line for each member; numbers stay as written."""
    text = source.text()
    if len(text) <= _MAX_REFLOWED_CHARS and max(map(len, text.split("\n"))) > _LONG_LINE:
        # Broken JSON stays as it stands, and so does JSON whose indentation would pass the limit.
        with suppress(ValueError, RecursionError, UnreadableError):
            json.loads(text)
            text = "".join(bounded(_reflowed(text)))
    return Extract(text, "application/json")


def read_json_lines(source: Source) -> Extract:
    """The lines, verbatim."""
    return Extract(source.text(), "application/x-ndjson")


def _reflowed(text: str) -> Iterator[str]:
    """Valid JSON, one member a line, indented by its depth up to `MAX_JSON_DEPTH`.

    Escaped letters are written out, so that words can be found.
    """
    depth = 0
    previous = ""
    for match in _LEXEME.finditer(text):
        lexeme = match.group()
        if lexeme in "}]":
            depth -= 1
            if previous not in "{[":
                yield "\n" + " " * min(depth, MAX_JSON_DEPTH)
        elif previous in {"{", "[", ","}:
            yield "\n" + " " * min(depth, MAX_JSON_DEPTH)
        if lexeme in "{[":
            depth += 1
        if lexeme == ":":
            yield ": "
        else:
            yield _ESCAPE.sub(lambda escape: chr(int(escape.group(1), 16)), lexeme)
        previous = lexeme
    yield "\n"

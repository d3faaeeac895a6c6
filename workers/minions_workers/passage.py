"""A chunk as a worker sees it: the prefix that all jobs on the chunk share.

The prefix is the same to the byte, so that a server with a prefix cache reads the chunk once.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from minions.corpus.chunking import HEADER_CHARS
from minions.corpus.structure import TITLE_CHARS
from minions.evidence.lines import Line, number_lines
from minions.redaction.shown_names import uncut
from minions.text.visible import without_unseen
from minions.values.chat import ChatRequest, Message
from minions_workers.prompts import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from minions.values.documents import Chunk
    from minions_workers.phrasing import Part

RESAMPLING_TEMPERATURE = 0.7  # at 0 every further sample would repeat the first
_HEADINGS = 3


def show(chunk: Chunk, lines: list[Line]) -> str:
    """The chunk with its lines numbered, below its file name and headings.

    If it continues a table, that table's header stands above the lines.
    """
    return f"Passage from {place_of(chunk)}\n{table_of(chunk)}{number_lines(chunk.text, lines)}"


def place_of(chunk: Chunk) -> str:
    """The name of the chunk's file and the last headings above it, on one line.

    The name is without invisible characters.
    """
    name = " ".join(without_unseen(PurePath(chunk.path).name).splitlines())
    headings = [uncut(heading, TITLE_CHARS) for heading in chunk.headings[-_HEADINGS:]]
    return " > ".join((name, *headings))


def table_of(chunk: Chunk) -> str:
    """A line with the header of the table that the chunk continues; empty if there is none."""
    if not chunk.table_header:
        return ""
    return f"Table header: {uncut(chunk.table_header, HEADER_CHARS)}\n"


def request(
    passage: str,
    tail: Sequence[Part],
    *,
    max_output_tokens: int,
    affinity: str,
    temperature: float = 0.0,
    json_schema: Mapping[str, Any] | None = None,
    first_token_candidates: int = 0,
) -> ChatRequest:
    """The request ``[system][chunk][task]``; ``passage`` is the chunk as `show` gives it."""
    return ChatRequest(
        messages=(
            Message.of("system", ("prompt", load("system"))),
            Message.of("user", ("passage", passage), ("prompt", "\n\n"), *tail),
        ),
        max_output_tokens=max_output_tokens,
        temperature=temperature,
        json_schema=json_schema,
        schema_name="finding",
        first_token_candidates=first_token_candidates,
        affinity=affinity,
    )

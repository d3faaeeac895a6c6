"""How a chunk is shown to a worker. All jobs of a chunk share this prefix to the byte, so that a server reads it
once.
"""

from __future__ import annotations

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

RESAMPLING_TEMPERATURE = 0.7  # at 0 every further sample would be the first again
_HEADINGS = 3


def show(chunk: Chunk, lines: list[Line]) -> str:
    """The chunk with its lines numbered, under its file name, headings and the header of a table it continues."""
    return f"Passage from {place_of(chunk)}\n{table_of(chunk)}{number_lines(chunk.text, lines)}"


def place_of(chunk: Chunk) -> str:
    """Its file's name, on one line and without unseen characters, and the headings above it."""
    from pathlib import PurePath

    name = " ".join(without_unseen(PurePath(chunk.path).name).splitlines())
    headings = (uncut(heading, TITLE_CHARS) for heading in chunk.headings[-_HEADINGS:])
    return " > ".join((name, *headings))


def table_of(chunk: Chunk) -> str:
    """A line with the header of the table that it continues, if any."""
    return (
        f"Table header: {uncut(chunk.table_header, HEADER_CHARS)}\n" if chunk.table_header else ""
    )


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
    """``[system][chunk][task]`` as one request."""
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

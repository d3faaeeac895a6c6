"""Bound the reply bodies that an HTTP client keeps: no server can fill the memory.

Both clients ask for replies without compression and refuse any other, so the bytes that are counted
are the bytes that are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from minions.errors import MalformedReplyError
from minions.network.wire import note_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

# The longest replies of models have some hundred thousand tokens: about a megabyte.
LONGEST_REPLY_BYTES: Final = 16 * 1024 * 1024
ENCODING: Final = ("Accept-Encoding", "identity")


class Response(Protocol):
    """A response of httpx or httpx2 whose body may not have been read yet."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names in any case."""

    @property
    def is_stream_consumed(self) -> bool:
        """True if the body was read."""

    @property
    def content(self) -> bytes:
        """The body that was read."""

    def aiter_raw(self) -> AsyncIterator[bytes]:
        """Read the body as it comes."""


async def read_bounded(response: Response, endpoint: str) -> None:
    """Read a response's body, note its bytes, and keep it as the response's content.

    Raises MalformedReplyError if the body is compressed or longer than ``LONGEST_REPLY_BYTES``.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise MalformedReplyError(
            f"{endpoint} sent a compressed reply, although none was asked for",
            hint="turn compression off at that server or the proxy before it",
        )
    if response.is_stream_consumed:  # a transport without a connection
        _refuse_longer(len(response.content), endpoint)
        note_response(len(response.content))
        return
    body = bytearray()
    try:
        async for piece in response.aiter_raw():
            body += piece
            _refuse_longer(len(body), endpoint)
    finally:
        note_response(len(body))
    # Both clients keep a body here once it is read, and have no public way to set it.
    response._content = bytes(body)  # type: ignore[attr-defined]  # noqa: SLF001


def _refuse_longer(size_bytes: int, endpoint: str) -> None:
    if size_bytes > LONGEST_REPLY_BYTES:
        raise MalformedReplyError(
            f"{endpoint} sent a reply of more than {LONGEST_REPLY_BYTES:,} bytes"
        )
